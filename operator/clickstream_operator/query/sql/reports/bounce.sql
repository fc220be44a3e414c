select
  date_trunc('day', first_activity) as day,
  count(*) as sessions,
  sum(case when page_views = 1 then 1 else 0 end) as bounced,
  round(1e2 * sum(case when page_views = 1 then 1 else 0 end) / count(*), 1) as bounce_percent
from sessions
where agent_class = 'Human' and page_views > 0 and first_ms >= {since} and first_ms < {until}
group by date_trunc('day', first_activity)
order by date_trunc('day', first_activity)
