"""The lanes' own sums up to an hour, as far as every lane is past it.

A lane is past an hour when its latest record arrived a grace after it, or when Kinesis says that
nothing unread arrived before that. Its tally then tells for good what had arrived before the hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from clickstream_layout.archive import REPLAYED
from clickstream_layout.tables import COUNTER_KEY, LANE
from detector.session_rules import GRACE_MS
from shared.conditional_write import error_code
from shared.lanes import NOTHING, Lane, decode_watermark
from shared.tally import HOUR_MS, Numbers, Tally, read_tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detector.balance_items import BalanceState
    from detector.stream_tail import StreamTail


@dataclass(frozen=True, slots=True)
class LaneSums:
    """A lane's tally, and up to when everything that arrived has been read."""

    tally: Tally
    through_ms: int

    def before(self, hour: int) -> Numbers | None:
        """Return the sums of what arrived before an hour; None if they are not final or lost."""
        return self.tally.before(hour) if self.is_past(hour) else None

    def is_past(self, hour: int) -> bool:
        """Return whether everything that arrived before an hour has been read."""
        return self.through_ms >= hour * HOUR_MS + GRACE_MS


@dataclass(slots=True)
class Gathered:
    """Lanes of the stream by code, and the codes of lanes that replay bad rows."""

    lanes: dict[str, LaneSums] = field(default_factory=dict)
    replayed: set[str] = field(default_factory=set)

    def before(self, state: BalanceState, code: str, hour: int) -> Numbers | None:
        """Return a lane's sums before an hour, as they are now or as they were kept."""
        known = self.lanes[code].before(hour)
        return state.marks.get(code, {}).get(hour) if known is None else known

    def end(self, state: BalanceState, latest: int) -> int | None:
        """Return the first hour, up to `latest`, before which every lane's sums are known."""
        for hour in range(state.next + 1, latest + 1):
            if all(self.before(state, code, hour) is not None for code in self.lanes):
                return hour
        return None

    def keep(self, state: BalanceState, latest: int) -> bool:
        """Keep the sums of lanes that are ahead of others; return whether there were new ones."""
        marks: dict[str, dict[int, Numbers]] = {}
        for code in self.lanes:
            for hour in range(state.next, latest + 1):
                sums = self.before(state, code, hour)
                if sums is not None:
                    marks.setdefault(code, {})[hour] = sums
        changed = marks != state.marks
        state.marks = marks
        return changed


class BalanceLanes:
    """Reads the processor's lane items, and the unread ends of shards."""

    def __init__(self, dynamodb: Any, table: str, tail: StreamTail | None, epoch: str) -> None:
        """Without `tail` a lane is past an hour by its own records only."""
        self._dynamodb = dynamodb
        self._table = table
        self._tail = tail
        self._epoch = epoch

    def gather(self, state: BalanceState, now_ms: int) -> Gathered:
        """Return all lanes, those of shards included that have brought nothing yet."""
        living = {} if self._tail is None else self._living(self._tail)
        gathered = Gathered()
        for item in self._items():
            lane = Lane(item["epoch"]["S"], item["shard"]["S"])
            if lane.epoch == REPLAYED:
                gathered.replayed.add(lane.code)
                continue
            through_ms = now_ms  # Of a former life of the stream: all is read.
            if living.get(lane.shard, lane) == lane:
                through_ms = self._through(state, lane, item, now_ms)
            gathered.lanes[lane.code] = LaneSums(read_tally(item), through_ms)
        for lane in living.values():
            if lane.code in gathered.lanes:
                continue
            through_ms = self._through(state, lane, {}, now_ms)
            gathered.lanes[lane.code] = LaneSums(Tally(), through_ms)
        state.ended &= gathered.lanes.keys()
        return gathered

    def _living(self, tail: StreamTail) -> dict[str, Lane]:
        return {lane.shard: lane for lane in tail.lanes(self._epoch)}

    def _through(
        self, state: BalanceState, lane: Lane, item: Mapping[str, Any], now_ms: int
    ) -> int:
        if lane.code in state.ended:
            return now_ms
        own = int(item["last_arrival"]["N"]) if "last_arrival" in item else 0
        if own >= (state.next + 1) * HOUR_MS + GRACE_MS or self._tail is None:
            return own
        watermark = decode_watermark(item["wm"]["B"]) if "wm" in item else NOTHING
        since = state.next * HOUR_MS
        try:
            reach = self._tail.reach(lane.shard, watermark=watermark, since_ms=since)
        except ClientError as error:
            if error_code(error) != "InvalidArgumentException":
                raise
            return own  # The watermark is of another stream: nobody can tell.
        if reach is None:
            return own
        if reach.ended:
            state.ended.add(lane.code)
            return now_ms
        return max(own, reach.through_ms)

    def _items(self) -> Iterator[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#m = :m",
            "ExpressionAttributeNames": {"#m": COUNTER_KEY[0]},
            "ExpressionAttributeValues": {":m": {"S": LANE}},
            "ConsistentRead": True,
        }
        while True:
            answer = self._dynamodb.query(**arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
