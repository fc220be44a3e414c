select exit_page as page, count(*) as sessions
from sessions
where agent_class = 'Human' and exit_page is not null and last_ms >= {since} and last_ms < {until}
group by exit_page
order by count(*) desc, exit_page
limit {limit}
