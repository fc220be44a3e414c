-- Sessions of people by channel, and how many saw only one page.
select
  channel,
  count(*) as sessions,
  count(distinct visitor) as visitors,
  sum(page_views) as page_views,
  sum(case when page_views = 1 then 1 else 0 end) as bounced
from sessions
where agent_class = 'Human' and channel is not null and first_ms >= {since} and first_ms < {until}
group by channel
order by count(*) desc, channel
