"""Batches that Lambda gave up on: half applied, so never replayed, but archived.

Lambda puts the whole invocation under `aws/lambda/` (AWS Lambda Developer Guide, "Retain discarded
batch records for a Kinesis Data Streams event source"). What of it is not in the archive yet is
added under a name that depends on the batch alone; then the hours and sessions that it touches are
rebuilt from the archive. Bad rows are added under `bad/` the same way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from clickstream_layout.archive import BAD, ENVELOPE, RAW
from processor.aggregate import HOUR_MS
from redrive.objects import FAILED, ObjectName, list_keys, list_raw, read_lines
from shared.decode import read_records

if TYPE_CHECKING:
    from processor.archive import Archive
    from shared.config import Config
    from shared.decode import Decoder
    from shared.lanes import Lane
    from shared.records import Batch

PREFIX = "aws/lambda/"


@dataclass(slots=True)
class Appended:
    """What a batch added, and what must be rebuilt: hours since 1970, and session ids."""

    key: str
    events: int = 0
    bad_rows: int = 0
    skipped: str = ""
    hours: set[int] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)


def check_key(key: str) -> None:
    """Raise ValueError unless the key is one of a failed batch."""
    if not key.startswith(PREFIX):
        raise ValueError(f"{key} is no failed batch: name a key under {PREFIX}")


class FailedBatches:
    """Appends failed batches of one pipeline's processor."""

    def __init__(self, config: Config, *, s3: Any, decoder: Decoder, archive: Archive) -> None:
        self._config = config
        self._s3 = s3
        self._decoder = decoder
        self._archive = archive

    def keys(self) -> list[str]:
        """Return the keys of all batches that Lambda gave up on."""
        return list(list_keys(self._s3, self._config.bucket, PREFIX))

    def append(self, key: str) -> Appended:
        """Add to the archive what it lacks of a batch; again is safe.

        Raises:
            ValueError: no failed batch.
            ClientError: AWS's.
        """
        check_key(key)
        result = Appended(key)
        body = self._s3.get_object(Bucket=self._config.bucket, Key=key)["Body"].read()
        try:
            function, event = _invocation(body)
            if f":function:{self._config.pipeline}-processor" not in function:
                # The detector's: its events are the processor's business as well, and it has none.
                name = function.rpartition(":function:")[2] or "no function"
                result.skipped = f"a batch of {name}"
                return result
            lanes = read_records(event, self._config.stream_epoch)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{key} holds no failed batch ({type(error).__name__}: {error}): leave it out; "
                "only an S3 destination has the payload"
            ) from error
        for lane, records in lanes.items():
            batch = self._decoder.decode_batch(records)
            self._archive.settle(lane, batch)
            self._add(lane, batch, result)
            result.hours |= {row.time_ms // HOUR_MS for row in batch.events}
            result.sessions |= {row.session for row in batch.events}
        return result

    def _add(self, lane: Lane, batch: Batch, result: Appended) -> None:
        # A row that stands as bad stays so: replaying the bad object is its way back.
        standing = self._standing(RAW, lane, batch) | self._standing(BAD, lane, batch)
        events = [row for row in batch.events if (row.sequence, row.sub) not in standing]
        bad_rows = [row for row in batch.bad_rows if (row.sequence, row.sub) not in standing]
        missing = replace(batch, events=events, bad_rows=bad_rows)
        if self._archive.add(BAD, lane, missing, FAILED):
            result.bad_rows += len(bad_rows)
        if self._archive.add(RAW, lane, missing, FAILED):
            result.events += len(events)

    def _standing(self, kind: str, lane: Lane, batch: Batch) -> set[tuple[int, int]]:
        """Return sequence and sub-sequence of the batch's rows that the bucket has already."""
        found: set[tuple[int, int]] = set()
        end = batch.last_arrival_ms // HOUR_MS
        # An object stands under the hour of its first record, which may be the stream's oldest.
        hours = range(batch.first_arrival_ms // HOUR_MS - self._config.ttl.lane_hours, end + 1)
        for name in list_raw(self._s3, self._config.bucket, hours, kind):
            if self._overlaps(name, lane, batch):
                for line in read_lines(self._s3, self._config.bucket, name.key):
                    place = line[ENVELOPE] if kind == RAW else line
                    found.add((int(place["sequence"]), place["sub"]))
        return found

    @staticmethod
    def _overlaps(name: ObjectName, lane: Lane, batch: Batch) -> bool:
        same = (name.epoch, name.shard) == (lane.epoch, lane.shard)
        return same and name.first <= batch.last and name.last >= batch.first


def _invocation(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the function's ARN and the event of an invocation record, or fail in any way."""
    record = json.loads(body)
    function = str(record.get("requestContext", {}).get("functionArn", ""))
    payload = record.get("payload", {})
    event = json.loads(payload) if isinstance(payload, str) else payload
    if function and "Records" not in event:
        raise ValueError("it holds no payload")
    return function, event
