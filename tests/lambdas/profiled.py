"""The functions under the traffic that the cost model assumes, each request counted.

Pages follow Zipf's law, sessions live side by side and each stays on its shard; events come evenly.
`count_requests` hands the batches of the spec's mapping to the real processor and detector.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tests.lambdas.memory_aws import MemoryDynamoDB, size
from tests.lambdas.pipelines import NOW, Pipeline, invocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickstream_operator.cost.traffic import Traffic

_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"
_SKEW = 0.8
_UNIT = 1024


def events(traffic: Traffic, number: int, *, shard: int, shards: int, seed: int) -> Iterator[bytes]:
    """Yield the events of one shard, evenly in time from NOW on."""
    source = random.Random(seed * 100 + shard)  # noqa: S311 - reproducible
    rate = traffic.events_per_day / 86_400 / shards
    weights = list(accumulate(rank**-_SKEW for rank in range(1, traffic.pages + 1)))
    live = max(1, round(traffic.live_sessions / shards))
    names = [f"s{shard}-{slot}-0" for slot in range(live)]
    for index in range(number):
        moment = NOW + index / rate
        slot = source.randrange(live)
        if source.random() < 1 / traffic.events_per_session:
            names[slot] = f"s{shard}-{slot}-{index}"
        page = f"/product/{source.choices(range(traffic.pages), cum_weights=weights)[0]}"
        view = source.random() < traffic.page_view_share
        document = {
            "event_type": "page_view" if view else "click",
            "session_id": names[slot],
            "user_id": f"user-{source.randrange(100_000)}",
            "timestamp": round(moment * 1000),
            "page_url": page,
            "user_agent": _AGENT,
            "ip_address": f"10.{source.randrange(256)}.{source.randrange(256)}.7",
            "event_id": f"{source.getrandbits(128):032x}",
        }
        padding = traffic.bytes_per_event - len(json.dumps(document)) - len(', "pad": ""')
        yield json.dumps(document | {"pad": "x" * padding} if padding > 0 else document).encode()


@dataclass(slots=True)
class Counted:
    """Requests of both functions, and what they cost; bytes of logs and of the archive."""

    events: int = 0
    batches: int = 0
    pages: int = 0
    listings: int = 0
    sessions: int = 0
    counters: int = 0
    lanes: int = 0
    detector: int = 0
    puts: int = 0
    archive_bytes: int = 0
    log_bytes: int = 0

    @property
    def writes(self) -> int:
        """Write request units."""
        return (
            self.pages + self.listings + self.sessions + self.counters + self.lanes + self.detector
        )

    def per_thousand(self, units: int) -> float:
        """Units for 1,000 events."""
        return units / self.events * 1000


class CountingDynamoDB(MemoryDynamoDB):
    """Counts write units: one for each started KB of the larger of the item before and after.

    DynamoDB Developer Guide, "Capacity unit consumption": a refused condition costs as well.
    """

    def __init__(self, store: MemoryDynamoDB, counted: Counted) -> None:
        """Take over the tables of `store`."""
        super().__init__(store._keys, store._faults)
        self.tables = store.tables
        self._counted = counted

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Count, then do it."""
        table, key = request["TableName"], request["Key"]
        place = self._place(table, key)
        before = size(self.tables[table].get(place, {}))
        try:
            return super().update_item(**request)
        finally:
            after = size(self.tables[table].get(place, {}))
            self._count(table, key, -(-max(before, after, 1) // _UNIT))

    def _count(self, table: str, key: dict[str, Any], units: int) -> None:
        kind = table.removeprefix("p-").partition("-")[0]
        if kind == "counters":
            name = key["metric_name"]["S"]
            kind = "counters" if name.startswith("events_per_minute_") else name
        names = {
            "page": "pages", "pages": "listings", "session": "sessions", "lane": "lanes",
            "counters": "counters",
        }  # fmt: skip
        name = names.get(kind, "detector")
        setattr(self._counted, name, getattr(self._counted, name) + units)


def count_requests(
    traffic: Traffic, *, shards: int, batch: int, batches: int, seed: int = 1
) -> Counted:
    """Hand each shard `batches` batches of `batch` events; return what they cost."""
    pipeline = Pipeline()
    counted = Counted()
    pipeline.dynamodb = CountingDynamoDB(pipeline.dynamodb, counted)
    processor, detector = pipeline.processor(), pipeline.detector()
    rate = traffic.events_per_day / 86_400 / shards
    streams = [
        list(events(traffic, batch * batches, shard=shard, shards=shards, seed=seed))
        for shard in range(shards)
    ]
    for number in range(batches):
        for shard, payloads in enumerate(streams):
            start = number * batch
            arrivals = [NOW + (start + index) / rate for index in range(batch)]
            pipeline.now = arrivals[-1]
            event = invocation(
                payloads[start : start + batch],
                start=start,
                shard=f"shardId-{shard:012d}",
                arrivals=arrivals,
            )
            processor.process(event)
            counted.log_bytes += sum(len(line) + 1 for line in pipeline.lines)
            pipeline.lines.clear()
            detector.process(event)
            counted.events += batch
            counted.batches += 1
    counted.puts = len(pipeline.s3.objects)
    counted.archive_bytes = sum(len(body) for body, _ in pipeline.s3.objects.values())
    return counted
