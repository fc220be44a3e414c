"""SQL over the archive: one text for each view and report, the same on DuckDB and on Athena.

The texts use the subset in which both agree (ADR 60): `row_number() = 1` in place of `min_by`,
differences in milliseconds in place of `date_diff`, GROUP BY by expression, no integer division,
`from_unixtime` and `json_extract_scalar`, which DuckDB gets as macros.
"""

from clickstream_operator.query.sql.reports import REPORTS, Report, ReportError, report_sql
from clickstream_operator.query.sql.views import VIEWS, view_sql

__all__ = ["REPORTS", "VIEWS", "Report", "ReportError", "report_sql", "view_sql"]
