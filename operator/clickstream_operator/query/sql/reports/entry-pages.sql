select
  entry_page as page,
  count(*) as sessions,
  sum(case when page_views = 1 then 1 else 0 end) as bounced
from sessions
where agent_class = 'Human' and entry_page is not null and first_ms >= {since} and first_ms < {until}
group by entry_page
order by count(*) desc, entry_page
limit {limit}
