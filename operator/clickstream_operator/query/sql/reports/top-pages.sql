select page, count(*) as views, count(distinct visitor) as visitors
from page_views
where agent_class = 'Human' and time_ms >= {since} and time_ms < {until}
group by page
order by count(*) desc, page
limit {limit}
