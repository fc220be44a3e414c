"""Results of a pipeline in a time range, from its tables and with the reader that programs use."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli import balances
from clickstream_operator.cli.output import Column
from clickstream_operator.query import PipelineReader
from clickstream_operator.query.rows import Session

Rows = Sequence[Sequence[object]]
_HOUR: Final = "%Y-%m-%dT%H"
_MINUTE: Final = "%Y-%m-%dT%H:%M"

TABLES: Final = (
    "summary", "hours", "pages", "events", "sessions", "incidents",
    "robots", "channels", "browsers", "balance",
)  # fmt: skip
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
    "robots": (
        Column("CLASS"),
        Column("VIEWS", numeric=True),
        Column("VISITORS", numeric=True),
        Column("SESSIONS", numeric=True),
        Column("EVENTS", numeric=True),
    ),
    "channels": (
        Column("CHANNEL"),
        Column("VIEWS", numeric=True),
        Column("SESSIONS", numeric=True),
    ),
    "browsers": (
        Column("SESSIONS", numeric=True),
        Column("BROWSER"),
        Column("SYSTEM"),
        Column("DEVICE"),
    ),
    "balance": balances.COLUMNS,
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


def read(
    read: PipelineReader,
    span: Span,
    wanted: Sequence[str],
    *,
    views: Sequence[str] = (),
    balance: Callable[[], Rows] = tuple,
) -> dict[str, Rows]:
    """The wanted tables; counters and sessions are read whole, and only where they are wanted.

    Args:
        read: of the pipeline's results.
        span: the range.
        wanted: names of tables.
        views: types of events that are page views, for the channels.
        balance: the rows of the hourly balance.
    """
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
    if "robots" in wanted:
        tables["robots"] = _robots(read, span)
    if "channels" in wanted:
        tables["channels"] = _channels(read, span, views)
    if "browsers" in wanted:
        tables["browsers"] = _browsers(read, span)
    if "balance" in wanted:
        tables["balance"] = balance()
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
    sums = {kind: _within(span, minutes) for kind, minutes in read.all_counts().items()}
    return sorted(((k, n) for k, n in sums.items() if n), key=lambda each: (-each[1], each[0]))


def _within(span: Span, minutes: Mapping[str, int]) -> int:
    first, last = span.minutes["since"], span.minutes["until"]
    return sum(count for minute, count in minutes.items() if first <= minute <= last)


def _robots(read: PipelineReader, span: Span) -> Rows:
    """People, and each class of robots beside them, as their items count them."""
    counts = read.counts_of_classes()
    sessions = Counter(each.agent_class for each in _begun(read, span))
    found = []
    for agents, types in counts.items():
        site = read.site_views(since=span.hours["since"], until=span.hours["until"], agents=agents)
        events = sum(_within(span, minutes) for minutes in types.values())
        row = (agents, site.views, site.unique_visitors, sessions[agents], events)
        if any(row[1:]):
            found.append(row)
    return found


def _channels(read: PipelineReader, span: Span, types: Sequence[str]) -> Rows:
    """People's page views and sessions by channel, most views first."""
    views: Counter[str] = Counter()
    for kind in types:
        views.update(read.channels(kind, since=span.minutes["since"], until=span.minutes["until"]))
    sessions = Counter(
        each.channel for each in _begun(read, span) if each.channel and each.agent_class == "Human"
    )
    names = sorted(views.keys() | sessions.keys(), key=lambda name: (-views[name], name))
    return [(name, views[name], sessions[name]) for name in names]


def _sessions(read: PipelineReader, span: Span) -> Rows:
    """Sessions that began in the range, oldest first."""
    found = _begun(read, span)
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


def _browsers(read: PipelineReader, span: Span) -> Rows:
    """People's sessions by browser, system and device, most first."""
    sessions = Counter(
        (each.families.browser, each.families.system, each.families.device)
        for each in _begun(read, span)
        if each.agent_class == "Human"
    )
    return [(number, *row) for row, number in sorted(sessions.items(), key=lambda e: (-e[1], e[0]))]


def _begun(read: PipelineReader, span: Span) -> list[Session]:
    """Sessions that began in the range. Reads the whole table."""
    return [
        each
        for each in read.all_sessions().values()
        if each.first_activity
        and span.since <= datetime.fromisoformat(each.first_activity) <= span.until
    ]


def document(tables: Mapping[str, Rows], span: Span) -> dict[str, Any]:
    """The tables for a program: a list of objects each, the summary as one object."""
    found: dict[str, Any] = {
        name: value.isoformat(timespec="seconds") for name, value in asdict(span).items()
    }
    for name, rows in tables.items():
        if name == "summary":
            found[name] = {_member(str(what)): number for what, number in rows}
        else:
            found[name] = document_rows(name, rows)
    return found


def document_rows(table: str, rows: Rows) -> list[dict[str, object]]:
    """The rows of a table as objects."""
    heads = [_member(column.head) for column in COLUMNS[table]]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def _member(head: str) -> str:
    """A head as the name of a member, in camelCase."""
    first, *rest = head.lower().split()
    return first + "".join(word.capitalize() for word in rest)
