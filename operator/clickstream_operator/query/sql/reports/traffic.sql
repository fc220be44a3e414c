select
  date_trunc('{unit}', event_time) as {unit},
  sum(case when is_view then 1 else 0 end) as page_views,
  count(distinct case when is_view then visitor end) as visitors,
  count(distinct session_id) as sessions,
  count(*) as events
from events
where agent_class = 'Human' and time_ms >= {since} and time_ms < {until}
group by date_trunc('{unit}', event_time)
order by date_trunc('{unit}', event_time)
