-- Events as they were archived: one row for each, repeats of a producer included.
-- A row that a redrive appended under another object has the place of the first, and is left out.
select
  lane, sequence, sub, arrival_ms, time_ms, event_time, event_id, event_type, session_id, visitor,
  page, is_view, agent_class, channel, document
from (
  select
    placed.*,
    row_number() over (partition by lane, sequence, sub order by arrival_ms) as copy
  from (
    select
      json_extract_scalar(line, '$._clickstream.lane') as lane,
      json_extract_scalar(line, '$._clickstream.sequence') as sequence,
      cast(json_extract_scalar(line, '$._clickstream.sub') as bigint) as sub,
      cast(json_extract_scalar(line, '$._clickstream.arrival') as bigint) as arrival_ms,
      cast(json_extract_scalar(line, '$._clickstream.time') as bigint) as time_ms,
      cast(from_unixtime(cast(json_extract_scalar(line, '$._clickstream.time') as bigint) / 1e3) as timestamp) as event_time,
      json_extract_scalar(line, '$._clickstream.id') as event_id,
      json_extract_scalar(line, '$._clickstream.type') as event_type,
      json_extract_scalar(line, '$._clickstream.session') as session_id,
      json_extract_scalar(line, '$._clickstream.visitor') as visitor,
      json_extract_scalar(line, '$._clickstream.page') as page,
      coalesce(json_extract_scalar(line, '$._clickstream.view') = 'true', false) as is_view,
      coalesce(json_extract_scalar(line, '$._clickstream.class'), 'Human') as agent_class,
      json_extract_scalar(line, '$._clickstream.channel') as channel,
      line as document
    from raw_lines
    where json_extract_scalar(line, '$._clickstream.lane') is not null
  ) placed
) placed
where copy = 1
