-- Events, each once: of those with the same id the first to arrive.
select
  lane, sequence, sub, arrival_ms, time_ms, event_time, event_id, event_type, session_id, visitor,
  page, is_view, agent_class, channel, document
from (
  select
    archived_events.*,
    row_number() over (
      partition by event_id order by arrival_ms, lane, length(sequence), sequence, sub
    ) as repeat
  from archived_events
) numbered
where event_id is null or repeat = 1
