-- From a view to the next view of the session; the last page of a session has no such time.
select
  page,
  count(*) as views,
  count(stay_ms) as measured,
  round(sum(stay_ms) / 1e3 / count(stay_ms), 1) as mean_seconds
from (
  select
    page, time_ms,
    lead(time_ms) over (
      partition by session_id order by time_ms, length(sequence), sequence, sub
    ) - time_ms as stay_ms
  from page_views
  where agent_class = 'Human'
) stays
where time_ms >= {since} and time_ms < {until}
group by page
having count(stay_ms) > 0
order by count(*) desc, page
limit {limit}
