-- People beside robots: the classes of events.
select
  agent_class,
  count(*) as events,
  sum(case when is_view then 1 else 0 end) as page_views,
  count(distinct session_id) as sessions,
  count(distinct visitor) as visitors
from events
where time_ms >= {since} and time_ms < {until}
group by agent_class
order by count(*) desc, agent_class
