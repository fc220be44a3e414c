"""The item writes of one batch: their order, their progress, and those that DynamoDB refuses.

The order follows from the rows alone, so a later attempt can leave out the writes that an earlier
one has done. Nothing is counted by it: a write that is done again is refused by its own condition.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from processor.aggregate import Gains
from processor.lane_items import Progress
from shared import records
from shared.conditional_write import REFUSED_ITEM, error_code
from shared.records import BadRow
from shared.timestamps import hour_text, minute_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from processor.counter_items import CounterItems
    from processor.lane_items import LaneState
    from processor.page_items import PageItems
    from processor.session_items import SessionItems
    from shared.records import Batch

_FIRST_SUB = 1_000_000_000
"""Above every row's: what stands for a refused item is no row of the record."""


@dataclass(frozen=True, slots=True)
class ItemWrite:
    """One item's write: what names the item to people, how many events it adds, and the call."""

    item: dict[str, str]
    sequence: int
    events: int
    run: Callable[[], None]


def plan_writes(
    gains: Gains, lane_code: str, pages: PageItems, sessions: SessionItems, counters: CounterItems
) -> list[ItemWrite]:
    """Return the writes of a batch in the order of its rows."""
    writes = [
        ItemWrite(
            {"page": page, "hour": hour_text(hour)},
            views[-1].sequence,
            sum(each.views for each in views),
            partial(pages.write, page, hour, lane_code, views),
        )
        for (page, hour), views in gains.pages.items()
    ]
    writes += [
        ItemWrite(
            {"session": session},
            activities[-1].sequence,
            sum(each.events for each in activities),
            partial(sessions.write, session, lane_code, activities),
        )
        for session, activities in gains.sessions.items()
    ]
    writes += [
        ItemWrite(
            {"counter": name, "minute": minute_text(minute)},
            counts[-1].sequence,
            sum(each.events for each in counts),
            partial(counters.write, name, minute, lane_code, counts),
        )
        for (name, minute), counts in gains.counters.items()
    ]
    return writes


def progress_of(batch: Batch, writes: Sequence[ItemWrite], done: int) -> Progress:
    """Return the progress of a batch whose first `done` writes are done."""
    digest = hashlib.sha256()
    for write in writes[:done]:
        digest.update(repr((write.item, write.sequence, write.events)).encode())
    return Progress(batch.first, batch.last, done, digest.hexdigest()[:32])


def writes_done(batch: Batch, writes: Sequence[ItemWrite], state: LaneState) -> int:
    """Return how many writes an earlier attempt at the same batch has done; 0 if in doubt."""
    known = state.progress
    if known is None or known.writes > len(writes):
        return 0
    return known.writes if progress_of(batch, writes, known.writes) == known else 0


class Refusals:
    """Does writes, and keeps those that DynamoDB refuses for what the item holds."""

    def __init__(self) -> None:
        self._found: list[tuple[ItemWrite, ClientError]] = []

    def guard(self, write: ItemWrite) -> Callable[[], None]:
        """Return the write as a call that does not fail when only this item is refused."""

        def call() -> None:
            try:
                write.run()
            except ClientError as error:
                if error_code(error) not in REFUSED_ITEM:
                    raise
                self._found.append((write, error))

        return call

    def take_rows(self, batch: Batch) -> list[BadRow]:
        """Return a row for each refused item since the last call, in the order of their names."""
        found, self._found = self._found, []
        rows = [_row(batch, write, error) for write, error in found]
        return sorted(rows, key=lambda row: (row.sequence, row.sub))


def _row(batch: Batch, write: ItemWrite, error: ClientError) -> BadRow:
    payload: dict[str, Any] = {**write.item, "events": write.events}
    place = zlib.crc32(repr(write.item).encode())
    return BadRow(
        sequence=write.sequence,
        sub=_FIRST_SUB + place,
        arrival_ms=batch.last_arrival_ms,
        reason=records.REFUSED_ITEM,
        detail=f"DynamoDB refuses the item: {error_code(error)}",
        payload=payload,
    )
