"""Signs that `events.fields` does not fit what a producer sends: no page view, or one bad reason.

What is said are names of members and types, never values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared import records
from shared.decode import count_reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.records import BadRow, Event

EVERY_SECONDS: Final = 300
"""Seconds of silence of a container after it told something."""
_FEWEST: Final = 20
"""Rows below which nothing is said: a few clicks are no sign."""
_MOST_NAMES: Final = 60
_MOST_TYPES: Final = 20
"""Types above which none is named: so many are no kinds of events, but values of visitors."""
_SEEN_DOCUMENTS: Final = 50
_OF_MAPPING: Final = (records.MISSING_FIELD, records.BAD_TIMESTAMP, records.NOT_AN_OBJECT)


class MappingCheck:
    """Looks at the rows of a container, batch by batch."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._silent_until = 0.0
        self._rows = 0
        self._views = 0
        self._reasons: dict[str, int] = {}

    def look(
        self, events: Sequence[Event], bad_rows: Sequence[BadRow]
    ) -> tuple[str, dict[str, str | float]] | None:
        """Return what to tell, with fields for a line of the log; None when nothing is odd."""
        self._rows += len(events) + len(bad_rows)
        self._views += sum(event.is_page_view for event in events)
        for reason, count in count_reasons(bad_rows).items():
            self._reasons[reason] = self._reasons.get(reason, 0) + count
        if self._rows < _FEWEST or self._clock() < self._silent_until:
            return None
        found = self._judge(events, bad_rows)
        self._silent_until = self._clock() + EVERY_SECONDS
        self._rows = self._views = 0
        self._reasons = {}
        return found

    def _judge(
        self, events: Sequence[Event], bad_rows: Sequence[BadRow]
    ) -> tuple[str, dict[str, str | float]] | None:
        reason, count = max(self._reasons.items(), key=lambda each: each[1], default=("", 0))
        fields: dict[str, str | float] = {"rows": self._rows, "page_views": self._views}
        if 2 * count > self._rows and reason.startswith(_OF_MAPPING):
            payloads = [row.payload for row in bad_rows if row.reason == reason]
            members = _names(payloads or [event.document for event in events])
            fields |= {"reason": reason, "bad": count, "members": members}
            return "most rows are bad for one reason: see events.fields and events.preset", fields
        if self._views:
            return None
        types = sorted({event.type[:64] for event in events})
        named = ", ".join(types) if len(types) <= _MOST_TYPES else f"more than {_MOST_TYPES}"
        fields |= {"types": named, "members": _names(event.document for event in events)}
        return "no event is a page view: see events.pageViewTypes and events.preset", fields


def _names(payloads: Iterable[Any]) -> str:
    """Return the names of members, two levels deep, as paths would call them."""
    names: dict[str, None] = {}
    for payload, _ in zip(payloads, range(_SEEN_DOCUMENTS), strict=False):
        if not isinstance(payload, dict):
            continue
        for name, value in payload.items():
            names.setdefault(name[:64])
            if isinstance(value, dict):
                names.update(dict.fromkeys(f"{name}.{inner}"[:128] for inner in value))
    return ", ".join([*names][:_MOST_NAMES])
