"""Records of Lambda's Kinesis event, by lane."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from shared.lanes import Lane, lane_of, life_of
from shared.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_records(lambda_event: Mapping[str, Any], stream_epoch: str) -> dict[Lane, list[Record]]:
    """Return the records of an invocation by lane, each lane's in sequence order.

    Shape: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon Kinesis". The shard id is the
    part of `eventID` before the colon.
    """
    lanes: dict[Lane, list[Record]] = {}
    groups: dict[tuple[str, int | None], list[Record]] = {}
    for entry in lambda_event.get("Records", ()):
        kinesis = entry["kinesis"]
        shard = str(entry["eventID"]).partition(":")[0]
        record = Record(
            sequence=int(kinesis["sequenceNumber"]),
            arrival_ms=round(float(kinesis["approximateArrivalTimestamp"]) * 1000),
            data=base64.b64decode(kinesis["data"]),
        )
        group = (shard, life_of(record.sequence))
        if group not in groups:
            lane = lane_of(shard, record.sequence, stream_epoch)
            groups[group] = lanes.setdefault(lane, [])
        groups[group].append(record)
    for ordered in lanes.values():
        ordered.sort(key=lambda record: record.sequence)
    return lanes
