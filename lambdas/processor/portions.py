"""The records of one lane in portions that are decoded, archived and counted one after the other.

A portion is many small records, or one large one, whose progress can be kept whatever batch it
comes in. What a record may cost is its budget; by which budget it was judged first stands in the
lane item, so that no later attempt, with other memory, judges otherwise.

After attempts that decoding did not survive, each record is a portion of its own; after more, the
first record is quarantined: it becomes a bad row without being decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from processor.aggregate import items_of
from processor.lane_items import Judgement
from shared import budget as budgets
from shared import records
from shared.budget import Budget
from shared.decode import batch_of
from shared.record_text import digest_of
from shared.records import BadRow, Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from processor.lane_items import LaneState
    from processor.repeats import Marked
    from shared.decode import Decoder
    from shared.records import Batch, Record

MOST_EVENTS = 2_000
"""Limit for the small records of a portion together."""
_LARGE_EVENTS = 500
_MOST_ITEMS_OF_EVENT = 3
_TRIES_TOGETHER = 1
MOST_TRIES = 5
"""Attempts at one place of a lane that decoding may fail to survive."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A batch of the records next in a lane; `judged` if some budget cuts one of them.

    `marked` once its repeats are.
    """

    batch: Batch
    judged: Judgement | None = None
    marked: Marked | None = None


class Portions:
    """Cuts the records of one lane, given in order, into portions."""

    def __init__(self, decoder: Decoder, pending: Sequence[Record], budget: Budget) -> None:
        self._decoder = decoder
        self._pending = pending
        self._budget = budget
        self._position = 0
        self._last: Sequence[Record] = ()
        self._ahead: _Judged | None = None
        self._alone = False

    @property
    def rest(self) -> Sequence[Record]:
        """The records that no portion has had."""
        return self._pending[self._position :]

    def take(self, state: LaneState) -> Portion:
        """Return the next portion of a lane whose item is `state`; there must be a rest."""
        first = self._position
        if state.tries > MOST_TRIES:
            self._position += 1
            self._last = self._pending[first : self._position]
            return Portion(batch_of(self._last, [_quarantined(self._last[0], state)]))
        # For the rest of the invocation: else the record that ends it would be with others again.
        self._alone = self._alone or state.tries > _TRIES_TOGETHER
        budget = self._budget_of(self.rest[0], state)
        rows: list[Event | BadRow] = []
        events = 0
        cut = False
        while self.rest and events < MOST_EVENTS and self._budget_of(self.rest[0], state) == budget:
            found = self._ahead or self._judge(self.rest[0], budget)
            large = found.events > _LARGE_EVENTS
            if large and self._position > first:
                self._ahead = found
                break
            self._ahead = None
            rows += found.rows
            events += found.events
            cut = cut or found.cut
            self._position += 1
            if large or self._alone:
                break
        self._last = self._pending[first : self._position]
        judged = Judgement(self._last[-1].sequence, budget.milliseconds) if cut else None
        return Portion(batch_of(self._last, rows), judged)

    @property
    def last(self) -> Sequence[Record]:
        """The records of the last portion."""
        return self._last

    def again(self, state: LaneState) -> Portion:
        """Return the last portion as another attempt has judged it before."""
        self._position -= len(self._last)
        self._ahead = None
        return self.take(state)

    def _budget_of(self, record: Record, state: LaneState) -> Budget:
        known = state.judged
        if known is not None and record.sequence <= known.through:
            return Budget(known.milliseconds)
        return self._budget

    def _judge(self, record: Record, budget: Budget) -> _Judged:
        """Return the rows of a record within its budget."""
        rows = list(self._decoder.decode(record, budget))
        events = [row for row in rows if isinstance(row, Event)]
        counted = _fitting(events, budget)
        if counted == len(events):
            kept_whole = len(rows) == 1 and _is_too_large(rows[0])
            return _Judged(rows, counted, kept_whole or _could_be_cut(rows, events))
        beyond = {row.sub for row in events[counted:]}
        detail = f"beyond the {budget.writes} items that one record may change"
        rows = [
            _set_aside(row, detail) if isinstance(row, Event) and row.sub in beyond else row
            for row in rows
        ]
        return _Judged(rows, counted, cut=True)


@dataclass(frozen=True, slots=True)
class _Judged:
    """The rows of one record, how many are events, and whether some budget cuts it."""

    rows: list[Event | BadRow]
    events: int
    cut: bool


def _could_be_cut(rows: Sequence[Event | BadRow], events: Sequence[Event]) -> bool:
    """Return whether a record that is within its budget is beyond the smallest one."""
    smallest = budgets.SMALLEST
    if len(rows) <= smallest.rows and _MOST_ITEMS_OF_EVENT * len(events) <= smallest.writes:
        return False
    return len(rows) > smallest.rows or _fitting(events, smallest) < len(events)


def _fitting(events: Sequence[Event], budget: Budget) -> int:
    """Return how many events, from the first on, change no more items than the budget allows."""
    if _MOST_ITEMS_OF_EVENT * len(events) <= budget.writes:
        return len(events)
    items: set[tuple[str, ...]] = set()
    for index, event in enumerate(events):
        items.update(items_of(event))
        if len(items) > budget.writes:
            return index
    return len(events)


def _is_too_large(row: Event | BadRow) -> bool:
    return isinstance(row, BadRow) and row.reason == records.TOO_LARGE


def _set_aside(event: Event, detail: str) -> BadRow:
    """Return an event as a bad row that a replay counts as it would have been counted."""
    return BadRow(
        sequence=event.sequence,
        sub=event.sub,
        arrival_ms=event.arrival_ms,
        reason=records.TOO_LARGE,
        detail=detail,
        payload=event.document,
        visitor=event.visitor,
    )


def _quarantined(record: Record, state: LaneState) -> BadRow:
    error = state.error or "the function was stopped"
    return BadRow(
        sequence=record.sequence,
        sub=0,
        arrival_ms=record.arrival_ms,
        reason=records.QUARANTINED,
        detail=f"not decoded in {state.tries - 1} attempts: {error}",
        payload=digest_of(record.data),
    )
