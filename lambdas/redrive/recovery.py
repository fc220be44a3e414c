"""Bad rows that stand for something else than themselves: an item, or a record that was not kept.

A row `refused_item` names an item that DynamoDB refused: it is rebuilt. A row of a record that was
not decoded, or not kept, has its place in the stream: while the stream still has the record, it is
read again, appended to the archive as a failed batch is, and its hours and sessions are rebuilt.
"""

from __future__ import annotations

import base64
import calendar
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redrive.objects import ObjectName
from shared import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_DIGEST = {"bytes", "sha256"}
_MOST_STEPS = 20


@dataclass(slots=True)
class Repairs:
    """Hours since 1970 and sessions to rebuild, and sequence numbers of records to read again."""

    hours: set[int] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    sequences: set[int] = field(default_factory=set)


def is_placeholder(line: Mapping[str, Any]) -> bool:
    """Return whether a bad row stands for a record that a larger budget can decode."""
    if line["reason"] == records.QUARANTINED:
        return True
    payload = line["payload"]
    return (
        line["reason"] == records.TOO_LARGE and isinstance(payload, dict) and {*payload} == _DIGEST
    )


def is_replayed(line: Mapping[str, Any]) -> bool:
    """Return whether a bad row is replayed as what it holds."""
    return line["reason"] != records.REFUSED_ITEM and not is_placeholder(line)


def read_repairs(lines: Iterable[Mapping[str, Any]]) -> Repairs:
    """Return what the rows of a bad object ask for that are not replayed."""
    found = Repairs()
    for line in lines:
        if is_placeholder(line):
            found.sequences.add(int(line["sequence"]))
        elif line["reason"] == records.REFUSED_ITEM:
            item = line["payload"]
            if "session" in item:
                found.sessions.add(item["session"])
            else:
                text = item.get("hour") or item["minute"]
                found.hours.add(calendar.timegm(time.strptime(text[:13], "%Y-%m-%dT%H")) // 3600)
    return found


class StreamRecords:
    """Reads single records of a stream again."""

    def __init__(self, kinesis: Callable[[], Any], stream: str) -> None:
        """Args: `kinesis` makes a low-level client; called only when there is something to read."""
        self._kinesis = kinesis
        self._stream = stream

    def read(self, key: str, sequences: Iterable[int]) -> dict[str, Any]:
        """Return records of a bad object's shard as an invocation's event.

        Raises:
            ValueError: the stream no longer has one of them.
            ClientError: AWS's.
        """
        shard, kinesis = ObjectName.parse(key).shard, self._kinesis()
        return {"Records": [self._record(kinesis, shard, number) for number in sorted(sequences)]}

    def _record(self, kinesis: Any, shard: str, sequence: int) -> dict[str, Any]:
        iterator = kinesis.get_shard_iterator(
            StreamName=self._stream,
            ShardId=shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=str(sequence),
        )["ShardIterator"]
        for _ in range(_MOST_STEPS):
            answer = kinesis.get_records(ShardIterator=iterator, Limit=1)
            for found in answer["Records"]:
                if int(found["SequenceNumber"]) == sequence:
                    return _entry(shard, found)
            iterator = answer.get("NextShardIterator")
            if answer["Records"] or iterator is None:
                break
        raise ValueError(
            f"{shard} of {self._stream} no longer has record {sequence}: it is older than the "
            "stream's retention"
        )


def _entry(shard: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "eventID": f"{shard}:{found['SequenceNumber']}",
        "kinesis": {
            "sequenceNumber": found["SequenceNumber"],
            "approximateArrivalTimestamp": found["ApproximateArrivalTimestamp"].timestamp(),
            "data": base64.b64encode(found["Data"]).decode(),
        },
    }
