"""Numbers that the pipeline reports beside those that were sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic import Row, SessionTruth, Truth
from clickstream_operator.synthetic.agreement import (
    exact,
    session_row,
    total,
    view_row,
    visitor_row,
)


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
    bad = Counter(row.reason for row in read.bad_rows())
    incidents = Counter((one.rule, one.session_id) for one in read.incidents())
    wanted = Counter(truth.incidents)
    archived = sum(1 for _ in read.archived_events())
    return [
        Row("events, by type and minute", total(truth.counters), total(counters),
            equal=counters == truth.counters),
        view_row(truth, pages),
        visitor_row(truth, pages),
        session_row(truth, read.all_sessions()),
        exact("archived events", truth.archived_events, archived),
        Row("bad rows, by reason", sum(truth.bad_rows.values()), bad.total(),
            equal=dict(bad) == truth.bad_rows),
        Row("incidents, by rule and session", wanted.total(), incidents.total(),
            equal=incidents == wanted),
        Row("alert messages", wanted.total(), alerts.total(), equal=alerts == wanted),
    ]  # fmt: skip


def _plus_one(table: dict[str, dict[str, int]], key: str, column: str) -> dict[str, dict[str, int]]:
    row = table.get(key, {})
    return {**table, key: {**row, column: row.get(column, 0) + 1}}
