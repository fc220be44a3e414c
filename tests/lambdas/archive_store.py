"""One lane's archive in memory, and batches for it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from clickstream_layout.archive import BAD, ENVELOPE, RAW
from processor.archive import Archive
from processor.lane_items import LaneItems, LaneState
from shared.lanes import Lane
from shared.records import BadRow, Batch, Event
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import COUNTERS, NOW, Pipeline, make_config

if TYPE_CHECKING:
    from collections.abc import Callable


LANE = Lane("e1", "shardId-000000000000")
MS = round(NOW * 1000)
HOUR = 3_600_000
BOTH = (BAD, RAW)


def event_of(sequence: int) -> Event:
    """An event of a record."""
    document = {"n": sequence}
    return Event(
        sequence, 0, MS, MS, "page_view", "s", "/", None, b"visitor8", document, is_page_view=True
    )


def bad_row(sequence: int) -> BadRow:
    """A bad row of a record."""
    return BadRow(sequence, 0, MS, "not_json", "not JSON", "{")


def batch(first: int, last: int, *, kinds: tuple[str, ...] = BOTH) -> Batch:
    """A batch over two hours; each of its records is an event and a bad row, as far as asked."""
    records = range(first, last + 1)
    return Batch(
        first,
        last,
        MS - HOUR,
        MS,
        [event_of(one) for one in records] if RAW in kinds else [],
        [bad_row(one) for one in records] if BAD in kinds else [],
    )


class Store:
    """A bucket, a lane item and a queue; each `archive` is another container's."""

    def __init__(self, *, enabled: bool = True) -> None:
        settings = {"enabled": enabled, "compression": "Gzip"}
        self.pipeline = Pipeline(make_config(archive=settings))
        self.lanes = LaneItems(self.pipeline.dynamodb, COUNTERS, 48)
        self.archive = self.container()

    def container(self) -> Archive:
        """The archive of a fresh container."""
        p = self.pipeline
        return Archive.of_config(p.config, s3=p.s3, sqs=p.sqs, lanes=self.lanes)

    def store(self, wanted: Batch, **options: Any) -> LaneState:
        """Store a batch from what the lane item says."""
        return self.archive.store(LANE, wanted, self.load(), **options)

    def load(self) -> LaneState:
        """The lane item."""
        return self.lanes.load(LANE)

    def die_after(self, writes: int, wanted: Batch) -> None:
        """Store a batch and die after so many writes, the taken generation among them."""
        self.pipeline.faults.crash_after = self.pipeline.faults.writes + writes - 1
        with pytest.raises(CrashError):
            self.store(wanted)
        self.pipeline.faults.crash_after = None

    def refuse_puts(self, code: str) -> None:
        """Answer each PutObject with an error from now on."""

        def fail(**_: Any) -> Any:
            raise refuse(code, "PutObject")

        self.pipeline.s3.put_object = fail  # type: ignore[method-assign]

    def requests(self, run: Callable[[], object]) -> int:
        """How many writes it makes, refused ones included."""
        before = self.pipeline.faults.writes
        run()
        return self.pipeline.faults.writes - before

    def sequences(self, kind: str) -> list[int]:
        """Records of the rows that stand under one kind, repeated ones included."""
        rows = [
            json.loads(line)
            for key, (body, _) in self.pipeline.s3.objects.items()
            if key.startswith(f"{kind}/") and body
            for line in gzip.decompress(body).splitlines()
        ]
        return sorted(int(row.get(ENVELOPE, row)["sequence"]) for row in rows)

    def voids(self) -> list[str]:
        """Kinds of the objects that mean nothing."""
        objects = self.pipeline.s3.objects.items()
        return sorted(key.partition("/")[0] for key, (body, _) in objects if not body)

    def told(self) -> list[str]:
        """Keys of the messages in the dead-letter queue."""
        return [json.loads(one)["key"] for one in self.pipeline.sqs.messages]

    def bad_keys(self) -> set[str]:
        """Keys of the bad objects that stand."""
        objects = self.pipeline.s3.objects.items()
        return {key for key, (body, _) in objects if body and key.startswith("bad/")}
