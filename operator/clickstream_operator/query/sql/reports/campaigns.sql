-- Landings by campaign: the first page view of each session whose URL has UTM parameters.
select source, medium, campaign, count(*) as sessions, count(distinct visitor) as visitors
from (
  select
    visitor, time_ms,
    coalesce(regexp_extract(document, '[?&]utm_source=([^&#"\\]*)', 1), '') as source,
    coalesce(regexp_extract(document, '[?&]utm_medium=([^&#"\\]*)', 1), '') as medium,
    coalesce(regexp_extract(document, '[?&]utm_campaign=([^&#"\\]*)', 1), '') as campaign,
    row_number() over (
      partition by session_id order by time_ms, length(sequence), sequence, sub
    ) as place
  from page_views
  where agent_class = 'Human'
) landings
where place = 1 and (source <> '' or medium <> '' or campaign <> '')
  and time_ms >= {since} and time_ms < {until}
group by source, medium, campaign
order by count(*) desc, source, medium, campaign
limit {limit}
