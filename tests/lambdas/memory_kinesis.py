"""The calls by which the detector looks at the unread end of a stream, in memory."""

# ruff: noqa: D102, N803 - methods and arguments are named as boto3 names them, and do what its do.
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.lambdas.memory_aws import refuse
from tests.lambdas.pipelines import FIRST_SEQUENCE, SHARD


@dataclass
class Shard:
    """Records as (sequence number, arrival in epoch seconds), oldest first."""

    records: list[tuple[int, float]] = field(default_factory=list)
    closed: bool = False


class MemoryKinesis:
    """One stream. `fail` is the error code with which every call is refused."""

    def __init__(self) -> None:
        self.shards: dict[str, Shard] = {SHARD: Shard()}
        self.calls = 0
        self.fail = ""

    def put(self, start: int, arrivals: list[float], shard: str = SHARD) -> None:
        """Add records, numbered as `invocation` numbers them."""
        numbered = enumerate(arrivals, FIRST_SEQUENCE + start)
        self.shards.setdefault(shard, Shard()).records += numbered

    def _count(self, operation: str) -> None:
        self.calls += 1
        if self.fail:
            raise refuse(self.fail, operation)

    def list_shards(self, *, StreamName: str = "", NextToken: str = "") -> dict[str, Any]:
        """Answer one shard at a time."""
        self._count("ListShards")
        assert bool(StreamName) != bool(NextToken), "AWS takes one of the two"
        names = sorted(self.shards)
        index = int(NextToken or 0)
        answer: dict[str, Any] = {
            "Shards": [
                {
                    "ShardId": name,
                    "SequenceNumberRange": {"StartingSequenceNumber": str(FIRST_SEQUENCE)},
                }
                for name in names[index : index + 1]
            ]
        }
        return answer if index + 1 >= len(names) else answer | {"NextToken": str(index + 1)}

    def get_shard_iterator(
        self,
        *,
        StreamName: str,
        ShardId: str,
        ShardIteratorType: str,
        StartingSequenceNumber: str = "",
        Timestamp: datetime | None = None,
    ) -> dict[str, Any]:
        self._count("GetShardIterator")
        assert StreamName == "p"
        if ShardId not in self.shards:
            raise refuse("ResourceNotFoundException", "GetShardIterator")
        records = self.shards[ShardId].records
        if ShardIteratorType == "AFTER_SEQUENCE_NUMBER":
            position = sum(sequence <= int(StartingSequenceNumber) for sequence, _ in records)
        else:
            assert ShardIteratorType == "AT_TIMESTAMP"
            assert Timestamp is not None
            position = sum(arrival < Timestamp.timestamp() for _, arrival in records)
        return {"ShardIterator": f"{ShardId}/{position}"}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        self._count("GetRecords")
        name, _, position = ShardIterator.partition("/")
        shard = self.shards[name]
        found = shard.records[int(position) : int(position) + Limit]
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": str(sequence),
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(arrival, UTC),
                }
                for sequence, arrival in found
            ],
            "MillisBehindLatest": 0 if int(position) + Limit >= len(shard.records) else 1000,
        }
        if not shard.closed or found:
            answer["NextShardIterator"] = f"{name}/{int(position) + len(found)}"
        return answer
