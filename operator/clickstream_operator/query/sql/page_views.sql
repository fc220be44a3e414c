-- Page views, each once.
select
  time_ms, event_time, page, session_id, visitor, event_id, lane, sequence, sub, document
from events
where is_view
