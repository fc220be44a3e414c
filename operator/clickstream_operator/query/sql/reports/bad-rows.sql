select reason, count(*) as rows_refused, min(arrival_time) as first_arrival, max(arrival_time) as last_arrival
from bad_rows
where arrival_ms >= {since} and arrival_ms < {until}
group by reason
order by count(*) desc, reason
