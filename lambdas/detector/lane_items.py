"""The detector's lane items: read and written with compare-and-set on the lane's watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNTER_KEY, DETECTOR, counter_key
from detector.ceiling import Ceiling
from detector.lane_state import LaneState
from shared.conditional_write import Update, apply_update
from shared.lanes import NOTHING, Lane, decode_watermark, encode_watermark

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOUR_SECONDS = 3600
_ATTEMPT = ("tries", "error")
_NUMBERS = ("truncated", "folded", "left_out")


class DetectorLanes:
    """Reads and writes detector items."""

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS

    def load(self, lane: Lane) -> LaneState:
        """Return the stored state, empty when there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(lane), ConsistentRead=True)
        return _read(answer.get("Item", {}), lane.code)

    def load_all(self) -> Iterator[tuple[Lane, LaneState]]:
        """Yield every lane with its state."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#m = :m",
            "ExpressionAttributeNames": {"#m": COUNTER_KEY[0]},
            "ExpressionAttributeValues": {":m": {"S": DETECTOR}},
            "ConsistentRead": True,
        }
        while True:
            answer = self._dynamodb.query(**arguments)
            for item in answer["Items"]:
                lane = Lane(item["epoch"]["S"], item["shard"]["S"])
                yield lane, _read(item, lane.code)
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def save(self, lane: Lane, *, expected: int, state: LaneState) -> LaneState | None:
        """Write the state if the stored watermark is `expected`; else return what stands there.

        Attempts on record end when the watermark moves.
        """
        update = Update()
        update.set("state", {"B": state.encode()})
        # The item is written with each batch and billed by its size: no attribute without need.
        if state.ceiling:
            update.set("ceiling", {"B": state.ceiling.encode()})
        else:
            update.remove("ceiling")
        for name in _NUMBERS:
            if name == "truncated" or getattr(state, name):
                update.set(name, {"N": str(getattr(state, name))})
        update.set("wm", {"B": encode_watermark(state.watermark)})
        self._describe(update, lane, state.last_arrival_ms)
        if state.watermark != expected:
            for name in _ATTEMPT:
                update.remove(name)
        _require(update, expected)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        return None if refused is None else _read(refused, lane.code)

    def begin_attempt(self, lane: Lane, state: LaneState, arrival_ms: int) -> LaneState:
        """Put on record that the lane's next records are about to be decoded and judged.

        That is the function's own work, without AWS: `end_attempt` or `save` follows it. Whoever
        finds several attempts at one place knows that the records themselves end them.
        """
        update = Update()
        update.set("tries", _tries(state.tries + 1, state.watermark))
        self._describe(update, lane, max(state.last_arrival_ms, arrival_ms))
        _require(update, state.watermark)
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if refused is not None:
            return _read(refused, lane.code)
        state.tries += 1
        return state

    def end_attempt(self, lane: Lane, state: LaneState, *, error: str = "") -> None:
        """Take all attempts off the record, or, with an `error`, say how the last one ended."""
        update = Update()
        update.require_value("tries", _tries(state.tries, state.watermark))
        if error:
            update.set("error", {"S": error})
        else:
            for attribute in _ATTEMPT:
                update.remove(attribute)
        # Refused: another has gone on meanwhile, and so has the record.
        apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        if not error:
            state.tries, state.error = 0, ""

    def _describe(self, update: Update, lane: Lane, arrival_ms: int) -> None:
        update.set("shard", {"S": lane.shard})
        update.set("epoch", {"S": lane.epoch})
        update.set("last_arrival", {"N": str(arrival_ms)})
        update.set("ttl", {"N": str(arrival_ms // 1000 + self._ttl_seconds)})


def _require(update: Update, watermark: int) -> None:
    known = None if watermark == NOTHING else {"B": encode_watermark(watermark)}
    update.require_value("wm", known)


def _tries(number: int, watermark: int) -> dict[str, str]:
    """Return attempts with the place in the lane at which they were made."""
    return {"S": f"{number} {watermark}"}


def _key(lane: Lane) -> dict[str, Any]:
    return counter_key(DETECTOR, lane.code)


def _read(item: dict[str, Any], code: str) -> LaneState:
    state = LaneState.decode(item["state"]["B"]) if "state" in item else LaneState()
    state.lane_code = code
    if "wm" in item:
        state.watermark = decode_watermark(item["wm"]["B"])
        state.last_arrival_ms = int(item["last_arrival"]["N"])
    if "ceiling" in item:
        state.ceiling = Ceiling.decode(item["ceiling"]["B"])
    for name in _NUMBERS:
        setattr(state, name, int(item.get(name, {"N": "0"})["N"]))
    tries, place = map(int, item["tries"]["S"].split() if "tries" in item else (0, NOTHING))
    # Attempts at another place have ended, whether or not the version that went on said so.
    state.tries = tries if place == state.watermark else 0
    state.error = item["error"]["S"] if "error" in item else ""
    return state
