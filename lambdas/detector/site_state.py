"""What the tick remembers: the minutes judged, what lanes still owe, and each rule's memory.

One item in the counters table, `metric_name` = `detector-site`, `time_window` = `state`; each write
is a compare-and-set on `g`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from clickstream_layout.tables import SITE, counter_key
from detector.cooldown import Quiet
from detector.seasonality import Season
from shared.conditional_write import Update, apply_update

LARGEST_STATE_BYTES = 300_000
TTL_SECONDS = 28 * 86_400
"""A pipeline that rests for four weeks learns its seasons again."""
_KEY = counter_key(SITE, "state")


@dataclass(slots=True)
class SiteState:
    """The state.

    `judged` is the last minute judged (0: none yet), `cursors` by lane code the last minute taken
    from the lane, `ended` the codes of lanes that will bring nothing more, `sums` by minute the
    tallies taken so far, `lost` minutes of which a lane had given tallies up, `since` by rule the
    minute from which on it is judged, `windows` by rule its running counts, `seasons` by rule.
    """

    generation: int = 0
    judged: int = 0
    cursors: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    sums: dict[int, dict[str, int]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)
    windows: dict[str, list[Any]] = field(default_factory=dict)
    seasons: dict[str, Season] = field(default_factory=dict)
    quiet: Quiet = field(default_factory=Quiet)
    skipped: int = 0
    truncated: int = 0

    def encode(self) -> bytes:
        """Return the state as bytes within the limit; gives up subjects, then minutes, to fit."""
        while True:
            data = zlib.compress(json.dumps(self._parts(), separators=(",", ":")).encode(), 6)
            if len(data) <= LARGEST_STATE_BYTES:
                return data
            self._shrink()

    def _parts(self) -> list[Any]:
        return [
            self.judged,
            self.cursors,
            sorted(self.ended),
            self.sums,
            sorted(self.lost),
            self.since,
            self.windows,
            {name: season.encode() for name, season in self.seasons.items()},
            self.quiet.entries,
        ]

    def _shrink(self) -> None:
        for counts in [*self.sums.values(), *(each[1] for each in self.windows.values())]:
            if isinstance(counts, dict):
                subjects = sorted((key for key in counts if "|" in key), key=counts.__getitem__)
                for key in subjects[: len(subjects) // 2 + 1]:
                    del counts[key]
                    self.truncated += 1
        oldest = sorted(self.sums)[: len(self.sums) // 4]
        for minute in oldest:
            del self.sums[minute]
            self.lost.add(minute)
        if not oldest:
            self.truncated += self.quiet.cut(len(self.quiet.entries) // 2)

    @classmethod
    def decode(cls, data: bytes) -> SiteState:
        """Return the part of a state that `encode` wrote."""
        judged, cursors, ended, sums, lost, since, windows, seasons, quiet = json.loads(
            zlib.decompress(data)
        )
        return cls(
            judged=judged,
            cursors=cursors,
            ended=set(ended),
            sums={int(minute): counts for minute, counts in sums.items()},
            lost=set(lost),
            since=since,
            windows=windows,
            seasons={name: Season.decode(season) for name, season in seasons.items()},
            quiet=Quiet(quiet),
        )


class SiteItem:
    """Reads and writes the state."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def load(self) -> SiteState:
        """Return the stored state, a fresh one when there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return SiteState()
        state = SiteState.decode(item["state"]["B"])
        state.generation = int(item["g"]["N"])
        state.skipped = int(item["skipped"]["N"])
        state.truncated = int(item["truncated"]["N"])
        return state

    def save(self, state: SiteState, now: float) -> bool:
        """Write the state; False when another tick has written since it was loaded."""
        update = Update()
        update.set("state", {"B": state.encode()})
        update.set("g", {"N": str(state.generation + 1)})
        update.set("skipped", {"N": str(state.skipped)})
        update.set("truncated", {"N": str(state.truncated)})
        update.set("ttl", {"N": str(round(now) + TTL_SECONDS)})
        name = update.name("g")
        if state.generation:
            update.require(f"{name} = {update.value({'N': str(state.generation)})}")
        else:
            update.require(f"attribute_not_exists({name})")
        return apply_update(self._dynamodb, update.request(self._table, _KEY)) is None
