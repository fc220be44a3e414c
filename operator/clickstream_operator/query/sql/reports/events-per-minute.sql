select event_type, date_trunc('minute', event_time) as minute, count(*) as events
from archived_events
where time_ms >= {since} and time_ms < {until}
group by event_type, date_trunc('minute', event_time)
order by event_type, date_trunc('minute', event_time)
