-- Page views, each once.
select
  time_ms, event_time, page, session_id, visitor, event_id, agent_class, channel,
  lane, sequence, sub, document
from events
where is_view
