"""Events that a producer sent more than once: each counts once within `events.deduplicateSeconds`.

What a lane has seen stands in items of its own, only ever added: each attempt at a portion puts the
ids in it before the lane is closed behind it. So whoever goes on finds all that was seen up to
the lane's end; what an attempt left beyond that, it finds as well, and leaves out, as it will see
the same again. A shard that came of a reshard goes on from what its parents have seen, which Lambda
reads to their ends before.

Key: `metric_name` = `seen#<lane code>`, `time_window` = `<clock>#<last sequence>#<generation>#<n>`,
in digits of fixed width, so that the order of keys is that of the lane.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNTER_KEY, SEEN_PREFIX, counter_key
from processor.sightings import ID_BYTES, MOST_IDS, Sighting, Window, decode, encode, merge
from shared.conditional_write import Update, apply_update
from shared.lanes import NOTHING, lane_of
from shared.records import QUARANTINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shared.lanes import Lane
    from shared.records import Batch, Event

_HOUR_SECONDS = 3600
_ALL = 1 << 200
"""Above every sequence number."""
_LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class Marked:
    """A batch in which repeats are marked, what is seen in it, and the window behind it.

    `done`: the lane's end from which they were told.
    """

    batch: Batch
    done: int = NOTHING
    sightings: tuple[Sighting, ...] = ()
    window: Window | None = None


class Repeats:
    """Tells repeats of one pipeline's events."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        *,
        seconds: int,
        ttl_hours: int,
        hash_key: bytes,
        ancestors: Callable[[Lane], list[Lane]],
        most: int = MOST_IDS,
    ) -> None:
        """Take a low-level client, the counters table, and what tells a lane's parents and theirs.

        `seconds`: 0 for never.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._seconds = seconds
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS
        self._key = hash_key[:_LONGEST_KEY]
        self._ancestors = ancestors
        self._most = most
        self._windows: dict[Lane, tuple[int, Window]] = {}

    def prepare(self, lane: Lane, done: int, arrivals_ms: Iterable[int]) -> None:
        """Read what was seen up to a lane's end, before records that arrived then.

        Raises:
            ClientError: AWS's; again is safe.
        """
        if self._seconds and self._windows.get(lane, (None,))[0] != done:
            self._windows[lane] = done, self._read(lane, done, min(arrivals_ms))

    def mark(self, lane: Lane, batch: Batch, done: int) -> Marked:
        """Mark the repeats in what of a batch is above the lane's end, which is `done`.

        Raises:
            ClientError: AWS's; again is safe.
        """
        arrivals = {number: arrival for number, arrival in batch.arrivals if number > done}
        if not self._seconds or not arrivals:
            return Marked(batch)
        self.prepare(lane, done, arrivals.values())
        # What it holds is changed below: after a failure it is read afresh.
        _, window = self._windows.pop(lane)
        seen: dict[int, tuple[int, list[bytes]]] = {}
        events: list[Event] = []
        for event in batch.events:
            if event.sequence <= done or event.id is None:
                events.append(event)
                continue
            if event.sequence not in seen:
                seen[event.sequence] = window.advance(arrivals[event.sequence]), []
            identity = self._identity(event.id)
            seen[event.sequence][1].append(identity)
            events.append(replace(event, repeated=True) if window.see(identity) else event)
        for row in batch.bad_rows:
            if row.reason == QUARANTINED and row.sequence > done:
                # An attempt that was given up may have left what it saw in this record.
                seen[row.sequence] = max(window.clock_ms, row.arrival_ms), []
        sightings = tuple(Sighting(number, *each) for number, each in seen.items())
        return Marked(replace(batch, events=events), done, sightings, window)

    def keep(self, lane: Lane, generation: int | None, marked: Marked) -> None:
        """Put what was seen; again is safe, and so is an attempt that comes late.

        Raises:
            ClientError: AWS's.
        """
        for number, (last, data) in enumerate(encode(marked.sightings)):
            place = f"{last.clock_ms:015d}#{last.sequence:058d}#{generation or 0:012d}#{number:04d}"
            update = Update()
            update.set("seen", {"B": data})
            update.set("ttl", {"N": str(last.clock_ms // 1000 + self._ttl_seconds)})
            key = counter_key(f"{SEEN_PREFIX}{lane.code}", place)
            apply_update(self._dynamodb, update.request(self._table, key))

    def remember(self, lane: Lane, marked: Marked, done: int) -> None:
        """Keep the window for what follows, if the lane ends where the batch does.

        Those of other lanes go, the ones used longest ago first, when all are more than one may be.
        """
        if marked.window is None or done != marked.batch.last:
            return
        self._windows.pop(lane, None)
        held = sum(len(window) for _, window in self._windows.values()) + len(marked.window)
        for other in list(self._windows):
            if held <= self._most:
                break
            held -= len(self._windows.pop(other)[1])
        self._windows[lane] = done, marked.window

    def _identity(self, event_id: str) -> bytes:
        data = event_id.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=ID_BYTES, key=self._key).digest()

    def _read(self, lane: Lane, done: int, arrival_ms: int) -> Window:
        """Return the window at a lane's end, before a record that arrived then."""
        since_ms = arrival_ms - self._seconds * 1000
        window = Window(self._seconds, self._most)
        own = self._seen(lane, done, since_ms)
        if sum(len(each.ids) for each in own) < self._most:
            before = [
                (each.clock_ms, code, each.sequence, each)
                for code, found in self._inherited(lane, since_ms)
                for each in found
            ]
            window.replay(each for *_, each in sorted(before, key=lambda one: one[:3]))
        window.replay(own)
        return window

    def _inherited(self, lane: Lane, since_ms: int) -> Iterator[tuple[str, list[Sighting]]]:
        for parent in self._ancestors(lane):
            yield parent.code, self._seen(parent, _ALL, since_ms)

    def _seen(self, lane: Lane, until: int, since_ms: int) -> list[Sighting]:
        """Return what a lane has seen since then up to a record, of the latest so many ids."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#p = :p AND #s >= :s",
            "ExpressionAttributeNames": {"#p": COUNTER_KEY[0], "#s": COUNTER_KEY[1]},
            "ExpressionAttributeValues": {
                ":p": {"S": f"{SEEN_PREFIX}{lane.code}"},
                ":s": {"S": f"{max(0, since_ms):015d}"},
            },
            "ConsistentRead": True,
            "ScanIndexForward": False,
        }
        found: list[tuple[int, Sighting]] = []
        while True:
            answer = self._dynamodb.query(**arguments)
            for item in answer["Items"]:
                generation = int(item[COUNTER_KEY[1]]["S"].split("#")[2])
                found += [(generation, each) for each in decode(item["seen"]["B"])]
            # From the latest on: each item holds what lies together in the lane.
            merged = merge(found, until)
            if sum(len(each.ids) for each in merged) >= self._most:
                return merged
            if "LastEvaluatedKey" not in answer:
                return merged
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


class Ancestors:
    """Tells from which shards a shard came, as long as Kinesis shows them."""

    def __init__(self, kinesis: Callable[[], Any] | None, stream: str, stream_epoch: str) -> None:
        """Args: `kinesis` makes a low-level client; `stream_epoch` as in `lane_of`."""
        self._kinesis = kinesis
        self._stream = stream
        self._epoch = stream_epoch

    def __call__(self, lane: Lane) -> list[Lane]:
        """Return the lanes of a shard's parents, of theirs, and so on.

        Raises:
            ClientError: AWS's.
        """
        if self._kinesis is None:
            return []
        client = self._kinesis()
        shards: dict[str, tuple[Lane, list[str]]] = {}
        arguments: dict[str, Any] = {"StreamName": self._stream}
        while True:
            answer = client.list_shards(**arguments)
            for shard in answer["Shards"]:
                first = int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
                parents = [
                    shard[name]
                    for name in ("ParentShardId", "AdjacentParentShardId")
                    if shard.get(name)
                ]
                shards[shard["ShardId"]] = lane_of(shard["ShardId"], first, self._epoch), parents
            if "NextToken" not in answer:
                break
            arguments = {"NextToken": answer["NextToken"]}
        found: dict[str, Lane] = {}
        known, waiting = shards.get(lane.shard, (None, []))
        if known != lane:
            return []  # Of a former life of the stream, whose shards Kinesis no longer shows.
        waiting = [*waiting]
        while waiting:
            name = waiting.pop()
            if name in shards and name not in found:
                found[name], more = shards[name]
                waiting += more
        return list(found.values())
