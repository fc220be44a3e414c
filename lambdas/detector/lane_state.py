"""What the detector remembers of a lane: a pure function of the lane's events in order.

Kept in the counters table as `metric_name` = `detector`, `time_window` = lane code, with `wm`, a
compressed `state`, `truncated` (entries given up because the item was full), `last_arrival`, `ttl`.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNTER_KEY, DETECTOR, counter_key
from detector.cooldown import OVER, Quiet
from shared.conditional_write import Update, apply_update
from shared.lanes import NOTHING, Lane, decode_watermark, encode_watermark

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_STATE_BYTES = 300_000
"""Below DynamoDB's 400 KB an item (Developer Guide, "Service, account, and table quotas")."""
SESSION_MINUTES = "60"
"""The series that counts all events of a session by the minute."""
_PARTS_OF_FIRST_FORM = 4
_HOUR_SECONDS = 3600


@dataclass(slots=True)
class Checkout:
    """A checkout whose verdict waits for the processor.

    `later` counts the session's events that the detector saw after it, by sequence number; those
    that follow in the same record stand under the checkout's own number.
    """

    sequence: int
    session: str
    time_ms: int
    arrival_ms: int
    details: dict[str, str]
    later: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class LaneState:
    """The state of one lane.

    `clock_ms` is the latest arrival of an event, `last_arrival_ms` that of any record. `open`
    counts by series (seconds of a window, and what is counted), window and mark; `values` holds by
    rule, window and mark the values seen; `tallies` counts by minute what the rules beyond one
    lane ask for, for the tick to collect.
    """

    watermark: int = NOTHING
    clock_ms: int = 0
    open: dict[str, dict[int, dict[str, int]]] = field(default_factory=dict)
    values: dict[str, dict[int, dict[str, list[str]]]] = field(default_factory=dict)
    quiet: Quiet = field(default_factory=Quiet)
    tallies: dict[int, dict[str, int]] = field(default_factory=dict)
    pending: list[Checkout] = field(default_factory=list)
    truncated: int = 0
    last_arrival_ms: int = 0

    def count(self, series: str, window: int, mark: str) -> int:
        """Count one more event; returns how many there are now."""
        counts = self.open.setdefault(series, {}).setdefault(window, {})
        counts[mark] = counts.get(mark, 0) + 1
        return counts[mark]

    def encode(self) -> bytes:
        """Return the state as bytes within the limit; gives up entries until it fits."""
        while True:
            data = zlib.compress(json.dumps(self._parts(), separators=(",", ":")).encode(), 6)
            if len(data) <= LARGEST_STATE_BYTES:
                return data
            self._shrink()

    def _parts(self) -> list[Any]:
        pending = [asdict(checkout) for checkout in self.pending]
        quiet = self.quiet.entries
        return [self.clock_ms, self.open, self.values, quiet, self.tallies, pending]

    def _shrink(self) -> None:
        """Give up the quarter of the counts that are lowest, and of all else the oldest quarter.

        Sessions with few events are the least likely to cross a threshold.
        """
        entries = sorted(
            (count, series, window, mark)
            for series, windows in self.open.items()
            for window, counts in windows.items()
            for mark, count in counts.items()
        )
        lowest = entries[: len(entries) // 4 + 1]
        for _, series, window, mark in lowest:
            del self.open[series][window][mark]
        given_up = len(lowest) + self._shrink_values() + self._shrink_tallies()
        oldest = self.pending[: len(self.pending) // 4 + 1]
        del self.pending[: len(oldest)]
        given_up += len(oldest)
        # These cost most when lost: an incident would begin again, or never be over.
        if not given_up:
            given_up = self.quiet.cut(len(self.quiet.entries) // 2)
        self.truncated += given_up

    def _shrink_values(self) -> int:
        given_up = 0
        for windows in self.values.values():
            for window in sorted(windows)[: len(windows) // 4 + 1]:
                given_up += len(windows.pop(window))
        return given_up

    def _shrink_tallies(self) -> int:
        """Give up the rarest subjects of each minute; the site's own counts always fit."""
        given_up = 0
        for counts in self.tallies.values():
            subjects = sorted(
                (each for each in counts if "|" in each), key=lambda each: counts[each]
            )
            for each in subjects[: (len(subjects) + 3) // 4]:
                del counts[each]
                given_up += 1
        return given_up

    @classmethod
    def decode(cls, data: bytes) -> LaneState:
        """Return the part of a state that `encode` wrote."""
        parts = json.loads(zlib.decompress(data))
        if len(parts) == _PARTS_OF_FIRST_FORM:
            # Before rules of one's own: minutes of sessions, and quiet times without endings.
            clock_ms, minutes, cooldowns, pending = parts
            opened = {SESSION_MINUTES: minutes}
            quiet = {name: [until, OVER, until] for name, until in cooldowns.items()}
            values: dict[str, Any] = {}
            tallies: dict[str, Any] = {}
        else:
            clock_ms, opened, values, quiet, tallies, pending = parts
        return cls(
            clock_ms=clock_ms,
            open={series: _by_number(windows) for series, windows in opened.items()},
            values={rule: _by_number(windows) for rule, windows in values.items()},
            quiet=Quiet(quiet),
            tallies=_by_number(tallies),
            pending=[_checkout(each) for each in pending],
        )


def _by_number(windows: dict[str, Any]) -> dict[int, Any]:
    return {int(number): counts for number, counts in windows.items()}


def _checkout(parts: dict[str, Any]) -> Checkout:
    later = {int(sequence): count for sequence, count in parts.pop("later").items()}
    return Checkout(**parts, later=later)


class DetectorLanes:
    """Reads and writes detector items; every write is a compare-and-set on the watermark."""

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS

    def load(self, lane: Lane) -> LaneState:
        """Return the stored state, empty when there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(lane), ConsistentRead=True)
        return _read(answer.get("Item", {}))

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
                yield Lane(item["epoch"]["S"], item["shard"]["S"]), _read(item)
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def save(self, lane: Lane, *, expected: int, state: LaneState) -> LaneState | None:
        """Write the state if the stored watermark is `expected`; else return what stands there."""
        update = Update()
        data = state.encode()
        update.set("state", {"B": data})
        update.set("wm", {"B": encode_watermark(state.watermark)})
        update.set("truncated", {"N": str(state.truncated)})
        update.set("last_arrival", {"N": str(state.last_arrival_ms)})
        update.set("shard", {"S": lane.shard})
        update.set("epoch", {"S": lane.epoch})
        update.set("ttl", {"N": str(state.last_arrival_ms // 1000 + self._ttl_seconds)})
        name = update.name("wm")
        if expected == NOTHING:
            update.require(f"attribute_not_exists({name})")
        else:
            update.require(f"{name} = {update.value({'B': encode_watermark(expected)})}")
        refused = apply_update(self._dynamodb, update.request(self._table, _key(lane)))
        return None if refused is None else _read(refused)


def _key(lane: Lane) -> dict[str, Any]:
    return counter_key(DETECTOR, lane.code)


def _read(item: dict[str, Any]) -> LaneState:
    if "wm" not in item:
        return LaneState()
    state = LaneState.decode(item["state"]["B"])
    state.watermark = decode_watermark(item["wm"]["B"])
    state.truncated = int(item["truncated"]["N"])
    state.last_arrival_ms = int(item["last_arrival"]["N"])
    return state
