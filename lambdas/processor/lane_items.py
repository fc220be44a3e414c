"""The processor's lane item in the counters table: how far the lane is, and who may write next.

Key: `metric_name` = `lane`, `time_window` = lane code. Attributes: `g` generation (each writer
takes the next), `aw` and `bw` watermarks of `raw/` and `bad/`, `wm` watermark of everything,
`intent` the objects that a generation set out to write, `tally` its sums by hour of arrival,
`last_arrival` in ms, `shard`, `epoch`, `ttl`. Only while a batch is at work: `tries` attempts that
began and whose end nobody has seen, `error` of the last one, `progress` inside a batch, `budget` by
which its records were judged. A version that does not know these four leaves them as they are; none
decides what an item holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import BAD, hour_of_folder, rows_in_name
from clickstream_layout.tables import LANE, counter_key
from shared.conditional_write import MOST_ATTEMPTS, Update, apply_update
from shared.lanes import NOTHING, Lane, decode_watermark, encode_watermark
from shared.tally import Numbers, Tally, read_tally

if TYPE_CHECKING:
    from shared.records import Batch

_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Intent:
    """The objects that one generation of a lane sets out to write; first and last inclusive.

    `place` is `dt=YYYY-MM-DD/hr=HH`, `kinds` a subset of `raw` and `bad`, `suffix` the file name's:
    `.<events>.<bad rows>` before the ending, so that a listing tells what the objects hold.
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

    def rows(self, kind: str) -> int:
        """Return how many rows the object of one kind has; 0 if an earlier version named it."""
        counts = rows_in_name(self.suffix)
        return 0 if counts is None else counts[kind == BAD]

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
class Progress:
    """Number of writes of a batch that are done, in the order of its rows.

    It saves work and decides nothing: each item's watermark still tells its contents. It
    counts only for a batch with the same limits whose first `writes` writes have the same `digest`.
    """

    first: int
    last: int
    writes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The budget by which the records at work were judged, up to one of them, in milliseconds.

    It holds for each later attempt at them, whatever memory the function has then.
    """

    through: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane item as last seen; the empty one stands for no item.

    `decided`: the watermarks say already what came of the intent, which the item still holds.
    """

    generation: int | None = None
    raw: int = NOTHING
    bad: int = NOTHING
    done: int = NOTHING
    intent: Intent | None = None
    tries: int = 0
    error: str = ""
    progress: Progress | None = None
    judged: Judgement | None = None
    decided: bool = False
    tally: Tally = field(default_factory=Tally)

    def with_object(self, intent: Intent, kind: str, size: int) -> LaneState:
        """Return the state in which an object of an intent is known to stand."""
        hour, rows = hour_of_folder(intent.place), intent.rows(kind)
        if kind == BAD:
            tally = self.tally.add(hour, Numbers(bad_rows=rows, bad_bytes=size))
            return replace(self, bad=max(self.bad, intent.last), tally=tally)
        tally = self.tally.add(hour, Numbers(raw_rows=rows, raw_bytes=size))
        return replace(self, raw=max(self.raw, intent.last), tally=tally)


class LaneItems:
    """Reads and writes lane items; every write is a compare-and-set on the generation."""

    removed_by_begin: tuple[str, ...] = ("tries", "error")
    removed_by_finish: tuple[str, ...] = ("intent", "tries", "error", "progress", "budget")

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int | None) -> None:
        """Without `ttl_hours` the items stay for ever."""
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = None if ttl_hours is None else ttl_hours * _HOUR_SECONDS

    def load(self, lane: Lane) -> LaneState:
        """Return the stored state."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(lane), ConsistentRead=True)
        return _read(answer.get("Item", {}))

    def begin_attempt(self, lane: Lane, state: LaneState, arrival_ms: int) -> LaneState:
        """Put on record that the lane's next records are about to be decoded.

        That is work of the processor alone, without AWS. Whoever finds several such attempts, and
        no generation that was taken after them, knows that the records themselves end them.
        """
        update = Update()
        update.set("tries", _tries(state, state.tries + 1))
        self._describe(update, lane, arrival_ms)
        _require_generation(update, state)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        return replace(state, tries=state.tries + 1) if refused is None else _read(refused)

    def end_attempt(self, lane: Lane, state: LaneState, *, error: str = "") -> None:
        """Take the attempt off the record again, or, with an `error`, say how it ended."""
        place = state.generation, state.done
        # Another attempt may be put on record, or taken off, meanwhile.
        for _ in range(MOST_ATTEMPTS):
            if (state.generation, state.done) != place or not state.tries:
                return
            update = Update()
            if error:
                update.set("error", {"S": error})
            else:
                update.set("tries", _tries(state, state.tries - 1))
            _require_generation(update, state)
            update.require_value("tries", _tries(state, state.tries))
            refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
            if refused is None:
                return
            state = _read(refused)

    def begin(
        self,
        lane: Lane,
        state: LaneState,
        intent: Intent,
        batch: Batch,
        judged: Judgement | None = None,
    ) -> tuple[bool, LaneState]:
        """Take the next generation and record its intent; the batch is decoded, so no attempt ends.

        Returns:
            Whether it was taken, and the state that now stands, one's own or another's.
        """
        update = self._update(lane, state, batch, intent.generation)
        update.set("intent", {"S": intent.to_json()})
        known = state.judged
        if judged is not None and known is not None and known.through > judged.through:
            judged = None  # By the same budget, and farther: it holds for what follows as well.
        if judged is not None:
            update.set("budget", {"S": f"{judged.through} {judged.milliseconds}"})
        for attribute in self.removed_by_begin:
            update.remove(attribute)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if refused is not None:
            return False, _read(refused)
        return True, replace(
            state,
            generation=intent.generation,
            intent=intent,
            tries=0,
            error="",
            judged=judged or state.judged,
            decided=False,
        )

    def save_progress(self, lane: Lane, state: LaneState, progress: Progress) -> LaneState:
        """Record progress inside a batch, unless another has taken the lane."""
        update = Update()
        text = f"{progress.first} {progress.last} {progress.writes} {progress.digest}"
        update.set("progress", {"S": text})
        _require_generation(update, state)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        return replace(state, progress=progress) if refused is None else state

    def finish(self, lane: Lane, state: LaneState, batch: Batch) -> tuple[bool, LaneState]:
        """Record that the batch is archived and counted; returns as `begin` does.

        This takes a generation too: under the same one, a twin that still holds the old state could
        finish a shorter batch later and set the lane back.
        """
        # A batch that is cut anew may end amid records that were judged together.
        judged = state.judged if state.judged and state.judged.through > batch.last else None
        after = LaneState(
            generation=(state.generation or 0) + 1,
            raw=max(state.raw, batch.last),
            bad=max(state.bad, batch.last),
            done=max(state.done, batch.last),
            judged=judged,
            tally=state.tally.add_batch(batch, state.done),
        )
        known = replace(after, generation=state.generation)
        update = self._update(lane, known, batch, after.generation or 1)
        update.set("last_arrival", {"N": str(batch.last_arrival_ms)})
        for attribute in self.removed_by_finish:
            if attribute != "budget" or judged is None:
                update.remove(attribute)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if refused is not None:
            return False, _read(refused)
        return True, after

    def _update(self, lane: Lane, state: LaneState, batch: Batch, generation: int) -> Update:
        update = Update()
        update.set("g", {"N": str(generation)})
        self._add_up(update, state, generation)
        for attribute, watermark in (("aw", state.raw), ("bw", state.bad), ("wm", state.done)):
            if watermark != NOTHING:
                update.set(attribute, {"B": encode_watermark(watermark)})
        self._describe(update, lane, batch.last_arrival_ms)
        _require_generation(update, state)
        return update

    def _add_up(self, update: Update, state: LaneState, generation: int) -> None:
        update.set("tally", {"B": state.tally.encode(generation)})

    def _describe(self, update: Update, lane: Lane, arrival_ms: int) -> None:
        update.set("shard", {"S": lane.shard})
        update.set("epoch", {"S": lane.epoch})
        if self._ttl_seconds is not None:
            update.set("ttl", {"N": str(arrival_ms // 1000 + self._ttl_seconds)})


def _require_generation(update: Update, state: LaneState) -> None:
    known = None if state.generation is None else {"N": str(state.generation)}
    update.require_value("g", known)


def _tries(state: LaneState, number: int) -> dict[str, str]:
    """Return attempts with the place in the lane at which they were made."""
    return {"S": f"{number} {state.done}"}


def _key(lane: Lane) -> dict[str, Any]:
    return counter_key(LANE, lane.code)


def _read(item: dict[str, Any]) -> LaneState:
    def watermark(attribute: str) -> int:
        return decode_watermark(item[attribute]["B"]) if attribute in item else NOTHING

    def words(attribute: str) -> list[str]:
        return item[attribute]["S"].split() if attribute in item else []

    done = watermark("wm")
    progress, judged = words("progress"), words("budget")
    # Attempts at another place have ended, whether or not the version that went on said so.
    tries, place = map(int, words("tries") or (0, done))
    generation = int(item["g"]["N"]) if "g" in item else None
    return LaneState(
        generation=generation,
        raw=watermark("aw"),
        bad=watermark("bw"),
        done=done,
        intent=Intent.from_json(item["intent"]["S"]) if "intent" in item else None,
        tries=tries if place == done else 0,
        error=item["error"]["S"] if "error" in item else "",
        progress=_progress(*progress) if progress else None,
        judged=Judgement(*map(int, judged)) if judged else None,
        tally=read_tally(item),
    )


def _progress(first: str, last: str, writes: str, digest: str) -> Progress:
    return Progress(int(first), int(last), int(writes), digest)
