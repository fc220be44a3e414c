"""Numbers that a pipeline reports about labelled traffic, beside those that were sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic import Row, Traffic, Truth
from clickstream_operator.synthetic.agreement import exact, session_row, view_row, visitor_row


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
    sessions = {name: found for name in truth.sessions if (found := read.session(name))}
    pages = {page: hours for page in truth.page_views if (hours := read.page_views(page))}
    sent = sum(one.event_count for one in truth.sessions.values())
    rows = [
        exact("events", sent, sum(one.event_count for one in sessions.values())),
        session_row(truth, sessions),
        view_row(truth, pages),
    ]
    if run.visitors:
        rows.append(visitor_row(truth, pages))
    if not run.archive:
        return rows
    archived, bad = _archived(read, run)
    rows.append(exact("archived events", truth.archived_events, archived))
    if truth.bad_rows:
        rows.append(exact("bad rows", sum(truth.bad_rows.values()), bad))
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
