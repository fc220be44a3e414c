"""Balances of hours as rows: what the detector found, beside what Kinesis says that it took.

`IncomingRecords` is a witness that none of the pipeline's functions had a hand in. It counts by the
minute in which Kinesis took a record, the lanes by the record's time of arrival, so two hours in a
row may differ by what arrived at their border.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clickstream_operator.cli.output import Column
from clickstream_operator.query import PipelineReader
from clickstream_operator.query.rows import Balance

COLUMNS: Final = (
    Column("HOUR"),
    Column("VERDICT"),
    Column("STREAM", numeric=True),
    Column("RECORDS", numeric=True),
    Column("ROWS", numeric=True),
    Column("COUNTED", numeric=True),
    Column("IN TABLES", numeric=True),
    Column("ARCHIVED", numeric=True),
    Column("BAD", numeric=True),
    Column("WHY"),
)
DIFFERENT: Final = "Different"
_HOUR: Final = "%Y-%m-%dT%H"
_SECONDS: Final = 3600
_MOST_HOURS: Final = 15 * 24
"""CloudWatch keeps values of an hour for 455 days; one answer has 100,800 of them at most."""

Incoming = Mapping[str, int]
"""Records that Kinesis took, by hour (`YYYY-MM-DDTHH`)."""


def read(
    reader: PipelineReader,
    clients: Callable[[str], Any],
    stream: str,
    *,
    since: datetime,
    until: datetime,
) -> tuple[list[Balance], Incoming]:
    """Balances of the hours of a range, oldest first, and what Kinesis took in them.

    Raises:
        ClientError: AWS's.
    """
    found = reader.balances(since=since.strftime(_HOUR), until=until.strftime(_HOUR))
    if not found:
        return [], {}
    first = max(_time(found[0].hour), _time(found[-1].until) - timedelta(hours=_MOST_HOURS))
    answer = clients("cloudwatch").get_metric_data(
        StartTime=first,
        EndTime=_time(found[-1].until),
        MetricDataQueries=[_query(stream)],
    )
    incoming: dict[str, int] = {}
    for one in answer["MetricDataResults"]:
        for moment, value in zip(one["Timestamps"], one["Values"], strict=True):
            incoming[moment.astimezone(UTC).strftime(_HOUR)] = round(value)
    return found, incoming


def rows(balances: Sequence[Balance], incoming: Incoming) -> list[tuple[object, ...]]:
    """One row for each balance; what is not known is `-`."""
    return [
        (
            each.hour if _hours(each) == 1 else f"{each.hour} +{_hours(each) - 1} h",
            each.verdict,
            _taken(each, incoming),
            *(each.numbers.get(name, "-") for name in _NUMBERS),
            " ".join(_why(each)),
        )
        for each in balances
    ]


_NUMBERS: Final = ("records", "rows", "counted", "found_counters", "found_raw_rows", "bad")


def _why(balance: Balance) -> list[str]:
    """Reasons, each with how much is too much or missing."""
    return [
        f"{reason} {balance.differences[reason]:+d}" if reason in balance.differences else reason
        for reason in balance.reasons
    ]


def _taken(balance: Balance, incoming: Incoming) -> object:
    """Records that Kinesis took in the hours of a balance; `-` where it has no value for any."""
    begin = _time(balance.hour)
    hours = [(begin + timedelta(hours=number)).strftime(_HOUR) for number in range(_hours(balance))]
    known = [incoming[hour] for hour in hours if hour in incoming]
    return sum(known) if known else "-"


def _hours(balance: Balance) -> int:
    return round((_time(balance.until) - _time(balance.hour)).total_seconds()) // _SECONDS


def _time(hour: str) -> datetime:
    return datetime.strptime(hour, _HOUR).replace(tzinfo=UTC)


def _query(stream: str) -> dict[str, Any]:
    return {
        "Id": "incoming",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Kinesis",
                "MetricName": "IncomingRecords",
                "Dimensions": [{"Name": "StreamName", "Value": stream}],
            },
            "Period": _SECONDS,
            "Stat": "Sum",
        },
    }
