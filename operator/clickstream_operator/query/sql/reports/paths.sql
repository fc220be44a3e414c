-- Steps from one page to the next within a session.
select page, next_page, count(*) as steps
from (
  select
    page, time_ms,
    lead(page) over (
      partition by session_id order by time_ms, length(sequence), sequence, sub
    ) as next_page
  from page_views
  where agent_class = 'Human'
) steps
where next_page is not null and time_ms >= {since} and time_ms < {until}
group by page, next_page
order by count(*) desc, page, next_page
limit {limit}
