"""Numbers that a pipeline reports about labelled traffic, beside those that were sent."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic import SessionTruth, Traffic, Truth

#: Sketches are exact up to here, and within a few percent above (`PageHour`).
_EXACT_VISITORS: Final = 96
_SKETCH_ERROR: Final = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One number: its meaning, its value as sent, and its value in the pipeline."""

    what: str
    sent: int
    found: int
    equal: bool

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {"what": self.what, "sent": self.sent, "found": self.found, "equal": self.equal}


@dataclass(frozen=True, slots=True)
class Run:
    """Labelled traffic that was sent."""

    truth: Truth
    label: str
    digests: frozenset[str]
    """SHA-256 of each event in hex: of some bad rows nothing else is kept."""
    sent_at: datetime
    archive: bool
    """Whether the pipeline has an archive."""
    visitors: bool
    """Whether the pipeline keeps user ids, by which visitors are told apart."""

    @classmethod
    def of(cls, traffic: Traffic, label: str, spec: Spec, *, sent_at: datetime) -> Run:
        """The run of some traffic in a pipeline."""
        return cls(
            truth=traffic.truth,
            label=label,
            digests=frozenset(hashlib.sha256(one.data).hexdigest() for one in traffic.records),
            sent_at=sent_at,
            archive=spec.archive.enabled,
            visitors=spec.privacy.user_id != "Drop",
        )

    def is_mine(self, payload: Any) -> bool:
        """Whether an archived event or the payload of a bad row is of this run."""
        if isinstance(payload, dict) and payload.get("sha256") in self.digests:
            return True
        return self.label in json.dumps(payload)


def compare(run: Run, read: PipelineReader) -> list[Row]:
    """Every number of a run; other traffic in the pipeline is left out."""
    truth = run.truth
    sessions: dict[str, SessionTruth] = {}
    for name in truth.sessions:
        found = read.session(name)
        if found is not None:
            sessions[name] = SessionTruth(
                found.event_count,
                found.first_activity or "",
                found.last_activity or "",
                found.entry_page,
                found.exit_page,
            )
    hours = {page: read.page_views(page) for page in truth.page_views}
    views = {p: {h: one.views for h, one in each.items()} for p, each in hours.items() if each}
    visitors = {
        p: {h: one.unique_visitors for h, one in each.items()} for p, each in hours.items() if each
    }
    sent = sum(one.event_count for one in truth.sessions.values())
    counted = sum(one.event_count for one in sessions.values())
    rows = [
        Row("events", sent, counted, counted == sent),
        Row("sessions, with times and pages", len(truth.sessions), len(sessions),
            sessions == truth.sessions),
        Row("page views, by page and hour", _total(truth.page_views), _total(views),
            views == truth.page_views),
    ]  # fmt: skip
    if run.visitors:
        agree = _visitors_agree(truth.visitors, visitors)
        rows.append(
            Row("visitors, by page and hour", _total(truth.visitors), _total(visitors), agree)
        )
    if not run.archive:
        return rows
    archived, bad = _archived(read, run)
    rows.append(
        Row("archived events", truth.archived_events, archived, archived == truth.archived_events)
    )
    if truth.bad_rows:
        wanted = sum(truth.bad_rows.values())
        rows.append(Row("bad rows", wanted, bad, bad == wanted))
    return rows


def _archived(read: PipelineReader, run: Run) -> tuple[int, int]:
    """Archived events and bad rows of a run, which arrive in the hour of sending or the next."""
    events = bad = 0
    moment = run.sent_at.astimezone(UTC).timestamp()
    for at in (moment, moment + 3600):
        when = datetime.fromtimestamp(at, UTC)
        place = {"day": when.strftime("%Y-%m-%d"), "hour": when.strftime("%H")}
        events += sum(run.is_mine(one.event) for one in read.archived_events(**place))
        bad += sum(run.is_mine(one.payload) for one in read.bad_rows(**place))
    return events, bad


def _total(table: Mapping[str, Mapping[str, int]]) -> int:
    return sum(Counter({page: sum(hours.values()) for page, hours in table.items()}).values())


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
