"""Numbers that a pipeline reports, beside those that its traffic must give. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from clickstream_operator.synthetic.generator import SessionTruth, Truth

#: Sketches are exact up to here, and within a few percent above (`query.PageHour`).
_EXACT_VISITORS: Final = 96
_SKETCH_ERROR: Final = 0.1


class Hour(Protocol):
    """One page in one hour, as the pipeline reports it."""

    @property
    def views(self) -> int:
        """Page views."""

    @property
    def unique_visitors(self) -> int:
        """Visitors."""


class Visit(Protocol):
    """A session, as the pipeline reports it: times are ISO 8601, or None."""

    @property
    def event_count(self) -> int:
        """Events."""

    @property
    def first_activity(self) -> str | None:
        """Time of the first event."""

    @property
    def last_activity(self) -> str | None:
        """Time of the last event."""

    @property
    def entry_page(self) -> str | None:
        """Page of the first page view."""

    @property
    def exit_page(self) -> str | None:
        """Page of the last page view."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number: what it counts, its value as sent, and its value in the pipeline."""

    what: str
    sent: int
    found: int
    equal: bool

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {"what": self.what, "sent": self.sent, "found": self.found, "equal": self.equal}


def exact(what: str, sent: int, found: int) -> Row:
    """The row of one number."""
    return Row(what, sent, found, sent == found)


def view_row(truth: Truth, found: Mapping[str, Mapping[str, Hour]]) -> Row:
    """Page views; `found` by page and hour."""
    views = {page: {at: one.views for at, one in hours.items()} for page, hours in found.items()}
    return Row(
        "page views, by page and hour",
        total(truth.page_views),
        total(views),
        views == truth.page_views,
    )


def visitor_row(truth: Truth, found: Mapping[str, Mapping[str, Hour]]) -> Row:
    """Unique visitors; `found` by page and hour. Sketches of many may be a little off."""
    seen = {
        page: {at: one.unique_visitors for at, one in hours.items()}
        for page, hours in found.items()
    }
    return Row(
        "unique visitors, by page and hour",
        total(truth.visitors),
        total(seen),
        _visitors_agree(truth.visitors, seen),
    )


def session_row(truth: Truth, found: Mapping[str, Visit]) -> Row:
    """Sessions; `found` by id."""
    sessions = {
        name: SessionTruth(
            one.event_count,
            one.first_activity or "",
            one.last_activity or "",
            one.entry_page,
            one.exit_page,
        )
        for name, one in found.items()
    }
    return Row(
        "sessions, each with count, times and pages",
        len(truth.sessions),
        len(sessions),
        sessions == truth.sessions,
    )


def total(table: Mapping[str, Mapping[str, int]]) -> int:
    """Sum of a table of tables."""
    return sum(sum(row.values()) for row in table.values())


def _visitors_agree(
    truth: Mapping[str, Mapping[str, int]], found: Mapping[str, Mapping[str, int]]
) -> bool:
    if {page: set(row) for page, row in truth.items()} != {p: set(r) for p, r in found.items()}:
        return False
    return all(
        found[page][hour] == count
        if count <= _EXACT_VISITORS
        else abs(found[page][hour] - count) <= count * _SKETCH_ERROR
        for page, row in truth.items()
        for hour, count in row.items()
    )
