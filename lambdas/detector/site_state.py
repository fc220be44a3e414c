"""Memory of the tick: the minutes judged, what lanes still owe, and each rule's memory.

One item in the counters table, `metric_name` = `detector-site`, `time_window` = `state`; each write
is a compare-and-set on `g`. A version that does not know `ceiling`, `folded`, `left_out` and those
of `UnsentMessages` leaves them as they are.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from clickstream_layout.tables import SITE, counter_key
from detector.ceiling import Ceiling
from detector.cooldown import Quiet
from detector.seasonality import Season
from shared.conditional_write import Update, apply_update

LARGEST_STATE_BYTES = 300_000
_PARTS = 9
TTL_SECONDS = 28 * 86_400
"""A pipeline that rests for four weeks learns its seasons again."""
_KEY = counter_key(SITE, "state")
_NUMBERS = ("skipped", "truncated", "left_out", "folded")
_TEXTS = ("cursor", "swept")


@dataclass(slots=True)
class SiteState:
    """The state.

    `judged` is the last minute judged (0: none yet), `cursors` by lane code the last minute taken
    from the lane, `ended` the codes of lanes that will bring nothing more, `sums` by minute the
    tallies taken so far, `lost` minutes of which a lane had given tallies up, `since` by rule the
    minute from which on it is judged, `windows` by rule its running counts, `seasons` by rule,
    `left_out` how often a rule failed by itself and was left out, `folded` how many subjects a
    ceiling folded. `cursor` and `swept` are of `UnsentMessages`.
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
    ceiling: Ceiling = field(default_factory=Ceiling)
    skipped: int = 0
    truncated: int = 0
    left_out: int = 0
    folded: int = 0
    cursor: str = ""
    swept: str = ""

    def encode(self) -> bytes:
        """Return the state as bytes within the limit; gives up subjects, then minutes, to fit."""
        while True:
            data = zlib.compress(json.dumps(self._parts(), separators=(",", ":")).encode(), 6)
            if len(data) <= LARGEST_STATE_BYTES or not self._shrink():
                return data

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

    def _shrink(self) -> bool:
        """Give up some entries; return whether there was anything to give up."""
        before = self.truncated
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
        return bool(oldest) or self.truncated > before

    @classmethod
    def decode(cls, data: bytes) -> SiteState:
        """Return the part of a state that `encode` wrote."""
        parts = json.loads(zlib.decompress(data))
        # A later version may have added to them.
        judged, cursors, ended, sums, lost, since, windows, seasons, quiet = parts[:_PARTS]
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
        if "ceiling" in item:
            state.ceiling = Ceiling.decode(item["ceiling"]["B"])
        for name in _NUMBERS:
            setattr(state, name, int(item.get(name, {"N": "0"})["N"]))
        for name in _TEXTS:
            setattr(state, name, item.get(name, {"S": ""})["S"])
        return state

    def save(self, state: SiteState, now: float) -> bool:
        """Write the state; False when another tick has written since it was loaded."""
        update = Update()
        update.set("state", {"B": state.encode()})
        update.set("g", {"N": str(state.generation + 1)})
        update.set("ceiling", {"B": state.ceiling.encode()})
        for each in _NUMBERS:
            update.set(each, {"N": str(getattr(state, each))})
        for each in _TEXTS:
            update.set(each, {"S": getattr(state, each)})
        update.set("ttl", {"N": str(round(now) + TTL_SECONDS)})
        update.require_value("g", {"N": str(state.generation)} if state.generation else None)
        return apply_update(self._dynamodb, update.request(self._table, _KEY)) is None
