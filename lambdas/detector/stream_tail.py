"""Position to which a lane without news has been read: asked of Kinesis itself.

An idle shard and a shard whose reader hangs look the same in the tables. The first unread record,
or that there is none, tells them apart (Kinesis API Reference, "GetRecords": MillisBehindLatest).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.conditional_write import error_code
from shared.lanes import NOTHING, Lane, lane_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SKEW_MS = 10_000
"""Difference that the clocks of Kinesis and of this function may have."""
_MOST_STEPS = 5
_LATER = frozenset({"ProvisionedThroughputExceededException", "LimitExceededException"})
_GONE = frozenset({"ResourceNotFoundException"})


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything that arrived before `through_ms` has been read; `ended`: nothing will come."""

    through_ms: int
    ended: bool = False


class StreamTail:
    """Looks at the unread end of shards."""

    def __init__(self, kinesis: Any, stream: str, clock: Callable[[], float]) -> None:
        """Take a low-level client and a clock in epoch seconds."""
        self._kinesis = kinesis
        self._stream = stream
        self._clock = clock

    def lanes(self, stream_epoch: str) -> Iterator[Lane]:
        """Yield the lanes of the stream's shards; `stream_epoch` as in `lane_of`."""
        arguments: dict[str, Any] = {"StreamName": self._stream}
        while True:
            answer = self._kinesis.list_shards(**arguments)
            for shard in answer["Shards"]:
                first = int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
                yield lane_of(shard["ShardId"], first, stream_epoch)
            if "NextToken" not in answer:
                return
            arguments = {"NextToken": answer["NextToken"]}

    def reach(self, shard: str, *, watermark: int, since_ms: int) -> Reach | None:
        """Return how far a shard has been read.

        Args:
            shard: its id.
            watermark: the last sequence number read, or `NOTHING`.
            since_ms: with `NOTHING`: the time from which on a record would matter.

        Returns:
            None when Kinesis cannot tell now.

        Raises:
            ClientError: what no later try mends.
        """
        # Asked before the read: what arrives meanwhile is not promised to be seen.
        now_ms = round(self._clock() * 1000)
        start: dict[str, Any] = {
            "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": str(watermark),
        }
        if watermark == NOTHING:
            start = {
                "ShardIteratorType": "AT_TIMESTAMP",
                "Timestamp": datetime.fromtimestamp(since_ms / 1000, UTC),
            }
        try:
            iterator = self._kinesis.get_shard_iterator(
                StreamName=self._stream, ShardId=shard, **start
            )["ShardIterator"]
            for _ in range(_MOST_STEPS):
                answer = self._kinesis.get_records(ShardIterator=iterator, Limit=1)
                if answer["Records"]:
                    arrival: datetime = answer["Records"][0]["ApproximateArrivalTimestamp"]
                    return Reach(round(arrival.timestamp() * 1000))
                iterator = answer.get("NextShardIterator")
                if iterator is None:
                    return Reach(now_ms, ended=True)
                if not answer.get("MillisBehindLatest"):
                    return Reach(now_ms - SKEW_MS)
        except ClientError as error:
            if error_code(error) in _GONE:
                return Reach(now_ms, ended=True)
            if error_code(error) not in _LATER:
                raise
        return None
