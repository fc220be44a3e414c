"""The records of a lane in portions: each is judged and saved before the next is decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.budget import SMALLEST, Budget
from shared.records import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detector.findings import Ending, Finding
    from shared.decode import Decoder
    from shared.records import Record

MOST_EVENTS = 1000
MOST_FOUND = 100
"""Findings after which no other record is begun; the ceilings bound what one record can add."""
TRIES_TOGETHER = 1
MOST_TRIES = 5
"""Attempts at one place of a lane that decoding and judging may fail to survive."""
_ROWS_OF_SMALLEST = 10_000
"""Measured by `make bench-dataplane`: a third of what half of the timeout allows."""


class RowBudget(Budget):
    """Most rows of a record that the detector judges, by its own memory and timeout.

    It searches no text: that is for the sake of bad rows, which the processor keeps and no rule is
    about. So its smallest function takes as many rows as the default processor.
    """

    @property
    def rows(self) -> int:
        """Most rows of a record, counted across arrays, lines and KPL user records."""
        return _ROWS_OF_SMALLEST * self.milliseconds // SMALLEST.milliseconds

    @property
    def text_bytes(self) -> int:
        """None: what is no JSON is no event."""
        return 0


class Portion:
    """Some records next in a lane: decoded one after the other until there is enough to do.

    `found` is for what is found in them, `taken` has the records of which events were yielded.
    """

    def __init__(
        self, decoder: Decoder, pending: Sequence[Record], budget: RowBudget, *, alone: bool
    ) -> None:
        """Args: `alone`: the portion is one record."""
        self._decoder = decoder
        self._budget = budget
        self._pending = pending
        self._alone = alone
        self.taken: list[Record] = []
        self.found: list[Finding | Ending] = []

    def events(self) -> Iterator[Event]:
        """Yield the events of one or more records, in lane order."""
        events = 0
        for record in self._pending:
            if self.taken and (
                self._alone or events >= MOST_EVENTS or len(self.found) >= MOST_FOUND
            ):
                return
            rows = self._decoder.decode(record, self._budget)
            found = [row for row in rows if isinstance(row, Event)]
            self.taken.append(record)
            events += len(found)
            yield from found
