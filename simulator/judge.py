"""By which budget each record was judged: any of those that the containers had, but one alone.

What is beyond a budget stands under bad/ and is not counted. The verdict is read from the bad rows,
must be that of one of the budgets, and everything else must then agree with it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from simulator.stores import Stores
from simulator.traffic import SentEvent

_TIMEOUT_SECONDS = 60
TOO_LARGE = "too_large"


class Judge:
    """Tells the truth about rows that a budget may have cut."""

    def __init__(self, stores: Stores, memories: Sequence[int]) -> None:
        self._budgets = [_writes_of(memory) for memory in memories]
        self._cut: dict[tuple[str, int], set[int]] = {}
        for key, stored in stores.bucket.objects.items():
            if key.startswith("bad/") and stored.body:
                for line in map(json.loads, gzip.decompress(stored.body).splitlines()):
                    if line["reason"] == TOO_LARGE:
                        place = line["lane"], int(line["sequence"])
                        self._cut.setdefault(place, set()).add(line["sub"])

    def rows(
        self, lane: str, sequence: int, rows: Sequence[SentEvent | str]
    ) -> Sequence[SentEvent | str]:
        """Return the rows as they must stand: as that budget has it which the bucket shows."""
        found = self._cut.get((lane, sequence), set())
        for budget in self._budgets:
            cut = _cut(rows, budget)
            if {sub for sub, row in enumerate(cut) if row == TOO_LARGE} == found:
                return cut
        return _cut(rows, self._budgets[0])


def _writes_of(memory_mib: int) -> int:
    """Return the items that a record may change: 2,500 for 4,341 ms of CPU."""
    return 2500 * round(memory_mib / 1769 * _TIMEOUT_SECONDS * 500) // 4341


def _cut(rows: Sequence[SentEvent | str], most: int) -> Sequence[SentEvent | str]:
    items: set[tuple[str, ...]] = set()
    cut: list[SentEvent | str] = []
    for row in rows:
        if isinstance(row, SentEvent):
            whose = "robot" if row.is_robot else "human"
            items |= {(row.session,), (row.type, whose, str(row.time_ms // 60_000))}
            if row.type == "page_view":
                items.add((row.page, whose, "", str(row.time_ms // 3_600_000)))
        beyond = isinstance(row, SentEvent) and len(items) > most
        cut.append(TOO_LARGE if beyond else row)
    return cut
