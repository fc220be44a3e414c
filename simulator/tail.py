"""The end of the stream as the detector asks Kinesis for it (GetShardIterator, GetRecords).

Kinesis API Reference, "GetRecords": a closed shard that has been read to its end gives no next
iterator; `MillisBehindLatest` is 0 at the tip.
"""

# ruff: noqa: N803 - arguments are named as boto3 names them.
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from simulator.stream import Stream
from simulator.tables import aws_error


class Tail:
    """The stream that has the name now; a later life takes an earlier one's place."""

    def __init__(self) -> None:
        self.stream: Stream | None = None

    def list_shards(self, *, StreamName: str) -> dict[str, Any]:
        """Answer all shards at once."""
        del StreamName
        shards = self.stream.shards if self.stream is not None else {}
        return {
            "Shards": [
                {
                    "ShardId": shard.name,
                    "SequenceNumberRange": {"StartingSequenceNumber": str(shard.first)},
                    **dict(
                        zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False)
                    ),
                }
                for shard in shards.values()
            ]
        }

    def get_shard_iterator(
        self,
        *,
        StreamName: str,
        ShardId: str,
        ShardIteratorType: str,
        StartingSequenceNumber: str = "0",
        Timestamp: datetime | None = None,
    ) -> dict[str, Any]:
        """Answer an iterator that holds its place."""
        del StreamName
        if self.stream is None or ShardId not in self.stream.shards:
            raise aws_error("ResourceNotFoundException", "GetShardIterator")
        records = self.stream.shards[ShardId].records
        if ShardIteratorType == "AT_TIMESTAMP" and Timestamp is not None:
            place = sum(record.arrival < Timestamp.timestamp() for record in records)
        elif not self._gave(ShardId, int(StartingSequenceNumber)):
            # "... is invalid because it did not come from this stream".
            raise aws_error("InvalidArgumentException", "GetShardIterator")
        else:
            place = sum(record.sequence <= int(StartingSequenceNumber) for record in records)
        return {"ShardIterator": f"{self.stream.epoch}/{ShardId}/{place}"}

    def _gave(self, name: str, sequence: int) -> bool:
        records = self.stream.shards[name].records if self.stream is not None else ()
        return any(record.sequence == sequence for record in records)

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        """Answer records from an iterator's place on."""
        epoch, name, place = ShardIterator.split("/")
        if self.stream is None or self.stream.epoch != epoch:
            raise aws_error("ResourceNotFoundException", "GetRecords")
        shard = self.stream.shards[name]
        records = shard.records[int(place) : int(place) + Limit]
        answer: dict[str, Any] = {
            "Records": [
                {
                    "SequenceNumber": str(record.sequence),
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(record.arrival, UTC),
                }
                for record in records
            ],
            "MillisBehindLatest": 0,
        }
        if records or not shard.closed:
            answer["NextShardIterator"] = f"{epoch}/{name}/{int(place) + len(records)}"
        return answer
