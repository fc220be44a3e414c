"""The processor's lane item in the counters table: how far the lane is, and who may write next.

Key: `metric_name` = `lane`, `time_window` = lane code. Attributes: `g` generation (each writer
takes the next), `aw` and `bw` watermarks of `raw/` and `bad/`, `wm` watermark of everything,
`intent` the objects that a generation set out to write, `last_arrival` in ms, `shard`, `epoch`,
`ttl`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import LANE, counter_key
from shared.conditional_write import Update, apply_update
from shared.lanes import NOTHING, Lane, decode_watermark, encode_watermark

if TYPE_CHECKING:
    from shared.records import Batch

_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Intent:
    """The objects that one generation of a lane sets out to write; first and last inclusive.

    `place` is `dt=YYYY-MM-DD/hr=HH`, `kinds` a subset of `raw` and `bad`, `suffix` the file name's.
    """

    generation: int
    first: int
    last: int
    place: str
    kinds: tuple[str, ...]
    suffix: str

    def key(self, kind: str, lane: Lane) -> str:
        """Return the object key of one kind."""
        name = f"{lane.epoch}-{lane.shard}-{self.first}-{self.last}-{self.generation}"
        return f"{kind}/{self.place}/{name}{self.suffix}"

    def to_json(self) -> str:
        """Return the text that the lane item holds."""
        return json.dumps(
            [self.generation, str(self.first), str(self.last), self.place, self.kinds, self.suffix]
        )

    @classmethod
    def from_json(cls, text: str) -> Intent:
        """Return the intent of a text made by `to_json`."""
        generation, first, last, place, kinds, suffix = json.loads(text)
        return cls(generation, int(first), int(last), place, tuple(kinds), suffix)


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane item as last seen; the empty one stands for no item."""

    generation: int | None = None
    raw: int = NOTHING
    bad: int = NOTHING
    done: int = NOTHING
    intent: Intent | None = None


class LaneItems:
    """Reads and writes lane items; every write is a compare-and-set on the generation."""

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int | None) -> None:
        """Without `ttl_hours` the items stay for ever."""
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = None if ttl_hours is None else ttl_hours * _HOUR_SECONDS

    def load(self, lane: Lane) -> LaneState:
        """Return the stored state."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(lane), ConsistentRead=True)
        return _read(answer.get("Item", {}))

    def begin(
        self, lane: Lane, state: LaneState, intent: Intent, batch: Batch
    ) -> tuple[bool, LaneState]:
        """Take the next generation and record its intent.

        Returns:
            Whether it was taken, and the state that now stands, one's own or another's.
        """
        update = self._update(lane, state, batch)
        update.set("g", {"N": str(intent.generation)})
        update.set("intent", {"S": intent.to_json()})
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if refused is not None:
            return False, _read(refused)
        return True, replace(state, generation=intent.generation, intent=intent)

    def finish(self, lane: Lane, state: LaneState, batch: Batch) -> tuple[bool, LaneState]:
        """Record that the batch is archived and counted; returns as `begin` does.

        This takes a generation too: under the same one, a twin that still holds the old state could
        finish a shorter batch later and set the lane back.
        """
        after = LaneState(
            generation=(state.generation or 0) + 1,
            raw=max(state.raw, batch.last),
            bad=max(state.bad, batch.last),
            done=max(state.done, batch.last),
        )
        update = self._update(lane, replace(after, generation=state.generation), batch)
        update.set("g", {"N": str(after.generation)})
        update.set("last_arrival", {"N": str(batch.last_arrival_ms)})
        update.remove("intent")
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if refused is not None:
            return False, _read(refused)
        return True, after

    def _update(self, lane: Lane, state: LaneState, batch: Batch) -> Update:
        update = Update()
        for attribute, watermark in (("aw", state.raw), ("bw", state.bad), ("wm", state.done)):
            if watermark != NOTHING:
                update.set(attribute, {"B": encode_watermark(watermark)})
        update.set("shard", {"S": lane.shard})
        update.set("epoch", {"S": lane.epoch})
        if self._ttl_seconds is not None:
            update.set("ttl", {"N": str(batch.last_arrival_ms // 1000 + self._ttl_seconds)})
        name = update.name("g")
        if state.generation is None:
            update.require(f"attribute_not_exists({name})")
        else:
            update.require(f"{name} = {update.value({'N': str(state.generation)})}")
        return update


def _key(lane: Lane) -> dict[str, Any]:
    return counter_key(LANE, lane.code)


def _read(item: dict[str, Any]) -> LaneState:
    if "g" not in item:
        return LaneState()

    def watermark(attribute: str) -> int:
        return decode_watermark(item[attribute]["B"]) if attribute in item else NOTHING

    return LaneState(
        generation=int(item["g"]["N"]),
        raw=watermark("aw"),
        bad=watermark("bw"),
        done=watermark("wm"),
        intent=Intent.from_json(item["intent"]["S"]) if "intent" in item else None,
    )
