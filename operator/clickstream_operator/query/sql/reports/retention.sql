-- Visitors by the week (Monday, UTC) of their first event, and how many of them came in the weeks
-- after.
select cohort, week_number, count(distinct visitor) as visitors
from (
  select
    visitor,
    min(week) over (partition by visitor) as cohort,
    cast(round((to_unixtime(week) - to_unixtime(min(week) over (partition by visitor))) / 6048e2) as bigint) as week_number
  from (
    select distinct visitor, date_trunc('week', event_time) as week
    from events
    where agent_class = 'Human' and time_ms >= {since} and time_ms < {until}
  ) weeks
) cohorts
group by cohort, week_number
order by cohort, week_number
