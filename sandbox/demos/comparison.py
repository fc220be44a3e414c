"""Numbers that the pipeline reports beside those that were sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic.generator import SessionTruth, Truth

#: Sketches are exact up to here and within a few percent above (see readback.PageHour).
_EXACT_VISITORS = 96
_SKETCH_ERROR = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One number: what it counts, what was sent, what the pipeline says."""

    what: str
    sent: int
    found: int
    equal: bool


def with_event(truth: Truth, *, session: str, page: str, moment: datetime) -> Truth:
    """The truth with one more page view of a visitor who has no other event."""
    at = moment.astimezone(UTC)
    minute, hour = at.strftime("%Y-%m-%dT%H:%M"), at.strftime("%Y-%m-%dT%H")
    instant = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return replace(
        truth,
        counters=_plus_one(truth.counters, "page_view", minute),
        page_views=_plus_one(truth.page_views, page, hour),
        visitors=_plus_one(truth.visitors, page, hour),
        sessions={**truth.sessions, session: SessionTruth(1, instant, instant, page, page)},
        archived_events=truth.archived_events + 1,
    )


def compare(truth: Truth, read: PipelineReader, alerts: Counter[tuple[str, str]]) -> list[Row]:
    """Every number; `alerts` are the messages that subscribers got, by rule and session."""
    counters = read.all_counts()
    pages = read.all_page_views()
    views = {page: {h: one.views for h, one in hours.items()} for page, hours in pages.items()}
    visitors = {
        page: {h: one.unique_visitors for h, one in hours.items()} for page, hours in pages.items()
    }
    sessions = {
        name: SessionTruth(
            one.event_count,
            one.first_activity or "",
            one.last_activity or "",
            one.entry_page,
            one.exit_page,
        )
        for name, one in read.all_sessions().items()
    }
    bad = Counter(row.reason for row in read.bad_rows())
    incidents = Counter((one.rule, one.session_id) for one in read.incidents())
    wanted = Counter(truth.incidents)
    archived = sum(1 for _ in read.archived_events())
    return [
        _row("events, by type and minute", _total(truth.counters), _total(counters),
             equal=counters == truth.counters),
        _row("page views, by page and hour", _total(truth.page_views), _total(views),
             equal=views == truth.page_views),
        _row("unique visitors, by page and hour", _total(truth.visitors), _total(visitors),
             equal=_visitors_agree(truth.visitors, visitors)),
        _row("sessions, each with count, times and pages", len(truth.sessions), len(sessions),
             equal=sessions == truth.sessions),
        _row("archived events", truth.archived_events, archived,
             equal=archived == truth.archived_events),
        _row("bad rows, by reason", sum(truth.bad_rows.values()), bad.total(),
             equal=dict(bad) == truth.bad_rows),
        _row("incidents, by rule and session", wanted.total(), incidents.total(),
             equal=incidents == wanted),
        _row("alert messages", wanted.total(), alerts.total(), equal=alerts == wanted),
    ]  # fmt: skip


def _row(what: str, sent: int, found: int, *, equal: bool) -> Row:
    return Row(what, sent, found, equal)


def _total(table: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(row.values()) for row in table.values())


def _plus_one(table: dict[str, dict[str, int]], key: str, column: str) -> dict[str, dict[str, int]]:
    row = table.get(key, {})
    return {**table, key: {**row, column: row.get(column, 0) + 1}}


def _visitors_agree(truth: Mapping[str, Mapping[str, int]], found: Mapping[str, Any]) -> bool:
    if {page: set(row) for page, row in truth.items()} != {p: set(r) for p, r in found.items()}:
        return False
    return all(
        found[page][hour] == count
        if count <= _EXACT_VISITORS
        else abs(found[page][hour] - count) <= count * _SKETCH_ERROR
        for page, row in truth.items()
        for hour, count in row.items()
    )
