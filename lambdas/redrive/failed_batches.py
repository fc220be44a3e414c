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

from clickstream_layout.archive import BAD, ENVELOPE, FAILED, RAW
from processor.aggregate import HOUR_MS
from redrive.objects import ObjectName, list_keys, list_raw, read_lines
from redrive.recovery import is_placeholder
from shared.budget import UNLIMITED
from shared.lambda_records import read_records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from processor.archive import Archive
    from shared.config import Config
    from shared.decode import Decoder
    from shared.lanes import Lane
    from shared.records import Batch, Record

PREFIX = "aws/lambda/"
_OBJECT = "object"


@dataclass(slots=True)
class Appended:
    """Rows that a batch added, and items to rebuild: hours since 1970, and session ids."""

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
        self._append(lanes, result)
        return result

    def append_records(self, key: str, event: Mapping[str, Any]) -> Appended:
        """Add records, given as an invocation's event, as `append` does; `key` names their origin.

        Raises:
            ClientError: AWS's.
        """
        result = Appended(key)
        self._append(read_records(event, self._config.stream_epoch), result)
        return result

    def _append(self, lanes: Mapping[Lane, Sequence[Record]], result: Appended) -> None:
        for lane, records in lanes.items():
            batch = self._decoder.decode_batch(records, UNLIMITED)
            self._archive.settle(lane, batch)
            self._add(lane, batch, result)
            result.hours |= {row.time_ms // HOUR_MS for row in batch.events}
            result.sessions |= {row.session for row in batch.events}

    def _add(self, lane: Lane, batch: Batch, result: Appended) -> None:
        raw, bad = self._standing(RAW, lane, batch), self._standing(BAD, lane, batch)
        # A row that stands as bad stays so: replaying the bad object is its way back. One that
        # stands for its whole record is in nobody's way.
        taken = raw.keys() | {place for place, line in bad.items() if not is_placeholder(line)}
        events = [row for row in batch.events if (row.sequence, row.sub) not in taken]
        standing = raw.keys() | bad.keys()
        bad_rows = [row for row in batch.bad_rows if (row.sequence, row.sub) not in standing]
        missing = replace(batch, events=events, bad_rows=bad_rows)
        for key in self._own(bad, lane, batch):
            # The call that wrote it may have died before the message.
            self._archive.announce(lane, key)
        if self._archive.add(BAD, lane, missing, FAILED):
            result.bad_rows += len(bad_rows)
        if self._archive.add(RAW, lane, missing, FAILED):
            result.events += len(events)

    def _standing(
        self, kind: str, lane: Lane, batch: Batch
    ) -> dict[tuple[int, int], dict[str, Any]]:
        """Return the lines that the bucket has of the batch, by sequence and sub-sequence."""
        found: dict[tuple[int, int], dict[str, Any]] = {}
        end = batch.last_arrival_ms // HOUR_MS
        # An object stands under the hour of its first record, which may be the stream's oldest.
        hours = range(batch.first_arrival_ms // HOUR_MS - self._config.ttl.lane_hours, end + 1)
        for name in list_raw(self._s3, self._config.bucket, hours, kind):
            if self._overlaps(name, lane, batch):
                for line in read_lines(self._s3, self._config.bucket, name.key):
                    place = line[ENVELOPE] if kind == RAW else line
                    found[int(place["sequence"]), place["sub"]] = {**line, _OBJECT: name.key}
        return found

    @staticmethod
    def _own(
        bad: Mapping[tuple[int, int], Mapping[str, Any]], lane: Lane, batch: Batch
    ) -> set[str]:
        """Return the key of the bad object that an earlier call has appended for the batch."""
        names = {ObjectName.parse(line[_OBJECT]) for line in bad.values()}
        wanted = (FAILED, lane.epoch, lane.shard, batch.first, batch.last)
        return {
            name.key
            for name in names
            if (name.writer, name.epoch, name.shard, name.first, name.last) == wanted
        }

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
