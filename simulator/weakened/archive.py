"""The archive and its lane with less than its protocol: intents, generations, dead letters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from unittest import mock

from botocore.exceptions import ClientError

from clickstream_layout.archive import folder_of
from processor.archive import Archive
from processor.lane_items import Intent, LaneItems, LaneState
from shared.tally import HOUR_MS
from shared.timestamps import hour_text
from simulator import checks
from simulator.weakened.control import Control, last_value


def _archive_by_key() -> list[Any]:
    """Objects under a key made of the batch's limits, and nothing else: no lane, no intent."""

    def store(self: Any, lane: Any, batch: Any, state: LaneState, **_: Any) -> LaneState:
        bad_rows = [row for row in batch.bad_rows if row.sequence > state.bad]
        events = [row for row in batch.events if row.sequence > state.raw]
        bodies = self._bodies(lane, bad_rows, events)
        place = folder_of(hour_text(batch.first_arrival_ms // HOUR_MS))
        suffix = f".{len(events)}.{len(bad_rows)}.jsonl.gz"
        intent = Intent(0, batch.first, batch.last, place, tuple(bodies), suffix)
        self._put_all(lane, intent, bodies)
        for kind, (body, _) in bodies.items():
            state = state.with_object(intent, kind, len(body))
        return state

    return [mock.patch.object(Archive, "store", store)]


def _intent_ignored() -> list[Any]:
    def decide(_self: Any, _lane: Any, state: LaneState, _intent: Intent) -> LaneState:
        return state

    return [mock.patch.object(Archive, "_decide", decide)]


def _intent_believed() -> list[Any]:
    def decide(_self: Any, _lane: Any, state: LaneState, intent: Intent) -> LaneState:
        return replace(state, raw=max(state.raw, intent.last), bad=max(state.bad, intent.last))

    return [mock.patch.object(Archive, "_decide", decide)]


def _intent_not_voided() -> list[Any]:
    """Whether the object stands is looked up, but its owner is not kept from writing it later."""
    real_put = Archive._put  # noqa: SLF001 - a control reaches into what it weakens

    def put(self: Any, key: str, body: bytes, metadata: dict[str, str]) -> bool:
        if body:
            return real_put(self, key, body, metadata)
        try:
            self._head(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return True
        return False

    return [mock.patch.object(Archive, "_put", put)]


def _closed_without_generation() -> list[Any]:
    real = LaneItems._update  # noqa: SLF001 - as above

    def unconditional(self: Any, lane: Any, state: LaneState, batch: Any, generation: int) -> Any:
        update = real(self, lane, state, batch, generation)
        update.conditions = []
        if state.generation is not None:
            del update.values[last_value(update)]
        return update

    return [mock.patch.object(LaneItems, "_update", unconditional)]


def _message_not_repeated() -> list[Any]:
    real = Archive._decide  # noqa: SLF001 - as above

    def decide(self: Any, lane: Any, state: LaneState, intent: Intent) -> LaneState:
        announce = self._announce
        self._announce = lambda *_arguments: None
        try:
            return real(self, lane, state, intent)
        finally:
            self._announce = announce

    return [mock.patch.object(Archive, "_decide", decide)]


def _closed_by_another() -> list[Any]:
    """Who finds its batch closed by another closes it once more, over whoever is at work then."""
    real = Archive.store

    def store(self: Any, lane: Any, batch: Any, state: LaneState, **more: Any) -> LaneState:
        found = real(self, lane, batch, state, **more)
        return replace(found, done=min(found.done, batch.last - 1))

    return [mock.patch.object(Archive, "store", store)]


CONTROLS: Final = (
    Control("archive: deterministic key alone", (checks.RAW_ROWS,), _archive_by_key),
    Control("archive: intent ignored", (checks.RAW_ROWS,), _intent_ignored),
    Control("archive: intent believed", (checks.RAW_ROWS,), _intent_believed),
    Control("archive: intent looked up, not voided", (checks.RAW_ROWS,), _intent_not_voided),
    Control("bad rows: intent ignored", (checks.BAD_ROWS,), _intent_ignored),
    Control("bad rows: intent believed", (checks.BAD_ROWS,), _intent_believed),
    Control("lane: no compare-and-set", (checks.RAW_ROWS,), _closed_without_generation),
    Control("dead letters: told by the owner only", (checks.DEAD_LETTERS,), _message_not_repeated),
    Control("lane: closed over another", (checks.ATTRIBUTES, checks.RAW_ROWS), _closed_by_another),
)
