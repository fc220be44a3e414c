"""Results of a pipeline in a time range, from its tables and with the reader that programs use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli.output import Column
from clickstream_operator.query import PipelineReader

Rows = Sequence[Sequence[object]]
_HOUR: Final = "%Y-%m-%dT%H"
_MINUTE: Final = "%Y-%m-%dT%H:%M"

TABLES: Final = ("summary", "hours", "pages", "events", "sessions", "incidents")
"""Tables of a report."""
COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "summary": (Column("WHAT"), Column("NUMBER", numeric=True)),
    "hours": (Column("HOUR"), Column("VIEWS", numeric=True), Column("VISITORS", numeric=True)),
    "pages": (Column("VIEWS", numeric=True), Column("VISITORS", numeric=True), Column("PAGE")),
    "events": (Column("TYPE"), Column("EVENTS", numeric=True)),
    "sessions": (
        Column("SESSION"),
        Column("EVENTS", numeric=True),
        Column("BEGAN"),
        Column("ENDED"),
        Column("ENTRY"),
        Column("EXIT"),
    ),
    "incidents": (
        Column("TIME"),
        Column("SEVERITY"),
        Column("RULE"),
        Column("SUBJECT"),
        Column("DETAILS"),
    ),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A time range in UTC; views are counted by hour, so the hours at both ends count whole."""

    since: datetime
    until: datetime

    @property
    def hours(self) -> dict[str, str]:
        """First and last hour, as the tables name them."""
        return {"since": self.since.strftime(_HOUR), "until": self.until.strftime(_HOUR)}

    @property
    def minutes(self) -> dict[str, str]:
        """First and last minute, as the tables name them."""
        return {"since": self.since.strftime(_MINUTE), "until": self.until.strftime(_MINUTE)}

    def text(self) -> str:
        """The hours in words; the last one is not over where it is the present one."""
        end = (self.until + timedelta(hours=1)).strftime("%Y-%m-%d %H:00")
        return f"{self.since.strftime('%Y-%m-%d %H:00')} to {end} UTC"


def reader(clients: Callable[[str], Any], effective: Effective) -> PipelineReader:
    """The reader of a pipeline's results, on clients by service."""
    names = effective.names
    return PipelineReader(
        dynamodb=clients("dynamodb"),
        s3=clients("s3"),
        page_metrics_table=names[components.PAGE_METRICS],
        session_metrics_table=names[components.SESSION_METRICS],
        counters_table=names[components.COUNTERS],
        bucket=names[components.ARCHIVE],
        clock=time.time,
    )


def read(read: PipelineReader, span: Span, wanted: Sequence[str]) -> dict[str, Rows]:
    """The wanted tables; counters and sessions are read whole, and only where they are wanted."""
    tables: dict[str, Rows] = {}
    if {"hours", "pages", "summary"} & {*wanted}:
        site = read.site_views(since=span.hours["since"], until=span.hours["until"])
        tables["hours"] = [
            (hour, each.views, each.unique_visitors) for hour, each in site.hours.items()
        ]
        tables["pages"] = [(each.views, each.unique_visitors, each.page) for each in site.pages]
        tables["summary"] = [
            ("page views", site.views),
            ("visitors", site.unique_visitors),
            ("pages", len(site.pages)),
        ]
    if {"events", "summary"} & {*wanted}:
        tables["events"] = _events(read, span)
    if {"sessions", "summary"} & {*wanted}:
        tables["sessions"] = _sessions(read, span)
    if {"incidents", "summary"} & {*wanted}:
        tables["incidents"] = [
            (each.event_time, each.severity, each.rule, each.subject, each.details)
            for each in read.incidents(**span.minutes)
        ]
    if "summary" in wanted:
        events = sum(int(str(number)) for _, number in tables["events"])
        tables["summary"] = [
            *tables["summary"],
            ("sessions", len(tables["sessions"])),
            ("events", events),
            ("incidents", len(tables["incidents"])),
        ]
    return {name: tables[name] for name in wanted}


def _events(read: PipelineReader, span: Span) -> Rows:
    """Events by type, most first. A minute is one of the range when it begins in it."""
    first, last = span.minutes["since"], span.minutes["until"]
    sums = {
        kind: sum(count for minute, count in minutes.items() if first <= minute <= last)
        for kind, minutes in read.all_counts().items()
    }
    return sorted(((k, n) for k, n in sums.items() if n), key=lambda each: (-each[1], each[0]))


def _sessions(read: PipelineReader, span: Span) -> Rows:
    """Sessions that began in the range, oldest first."""
    found = [
        each
        for each in read.all_sessions().values()
        if each.first_activity
        and span.since <= datetime.fromisoformat(each.first_activity) <= span.until
    ]
    return [
        (
            each.session_id,
            each.event_count,
            each.first_activity,
            each.last_activity or "",
            each.entry_page or "",
            each.exit_page or "",
        )
        for each in sorted(found, key=lambda each: (each.first_activity, each.session_id))
    ]


def document(tables: Mapping[str, Rows], span: Span) -> dict[str, Any]:
    """The tables for a program: a list of objects each, the summary as one object."""
    found: dict[str, Any] = {
        name: value.isoformat(timespec="seconds") for name, value in asdict(span).items()
    }
    for name, rows in tables.items():
        heads = [_member(column.head) for column in COLUMNS[name]]
        if name == "summary":
            found[name] = {_member(str(what)): number for what, number in rows}
        else:
            found[name] = [dict(zip(heads, row, strict=True)) for row in rows]
    return found


def _member(head: str) -> str:
    """A head as the name of a member, in camelCase."""
    first, *rest = head.lower().split()
    return first + "".join(word.capitalize() for word in rest)
