-- Sessions: their events, span in milliseconds, and first and last page. Visitor and class are those
-- of the first event; the channel is the last one that is not Direct.
select
  session_id,
  max(case when place = 1 then visitor end) as visitor,
  max(case when place = 1 then agent_class end) as agent_class,
  coalesce(max(case when channel_place = 1 then channel end), max(channel)) as channel,
  count(*) as events,
  sum(case when is_view then 1 else 0 end) as page_views,
  min(time_ms) as first_ms,
  max(time_ms) as last_ms,
  max(time_ms) - min(time_ms) as duration_ms,
  min(event_time) as first_activity,
  max(event_time) as last_activity,
  max(case when view_place = 1 then page end) as entry_page,
  max(case when view_place_from_end = 1 then page end) as exit_page
from (
  select
    session_id, visitor, agent_class, channel, is_view, time_ms, event_time, page,
    row_number() over (
      partition by session_id order by time_ms, length(sequence), sequence, sub
    ) as place,
    case when channel is not null and channel <> 'Direct' then row_number() over (
      partition by session_id, case when channel is not null and channel <> 'Direct' then 1 else 0 end
      order by time_ms desc, length(sequence) desc, sequence desc, sub desc
    ) end as channel_place,
    case when is_view then row_number() over (
      partition by session_id, is_view order by time_ms, length(sequence), sequence, sub
    ) end as view_place,
    case when is_view then row_number() over (
      partition by session_id, is_view order by time_ms desc, length(sequence) desc, sequence desc, sub desc
    ) end as view_place_from_end
  from events
) placed
group by session_id
