-- Rows that could not be used, each once.
select lane, sequence, sub, arrival_ms, arrival_time, reason, detail, document
from (
  select
    placed.*,
    row_number() over (partition by lane, sequence, sub order by arrival_ms) as copy
  from (
    select
      json_extract_scalar(line, '$.lane') as lane,
      json_extract_scalar(line, '$.sequence') as sequence,
      cast(json_extract_scalar(line, '$.sub') as bigint) as sub,
      cast(json_extract_scalar(line, '$.arrival') as bigint) as arrival_ms,
      cast(from_unixtime(cast(json_extract_scalar(line, '$.arrival') as bigint) / 1e3) as timestamp) as arrival_time,
      json_extract_scalar(line, '$.reason') as reason,
      json_extract_scalar(line, '$.detail') as detail,
      line as document
    from bad_lines
    where json_extract_scalar(line, '$.lane') is not null
  ) placed
) placed
where copy = 1
