"""Events that a producer sent more than once, in the processor."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest

from processor.processor import Processor
from processor.repeats import Repeats
from redrive.objects import list_keys
from shared.config import Config
from shared.decode import Decoder
from shared.lanes import Lane
from shared.privacy import Scrubber
from shared.records import Record
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    KEY,
    NOW,
    PAGES,
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import all_hours, run

PARENT, CHILD = "shardId-000000000000", "shardId-000000000001"


def deduplicating(seconds: int | None = 60, **changes: Any) -> Config:
    """A config in which repeats count once."""
    document = config_document()
    given = {} if seconds is None else {"deduplicateSeconds": seconds}
    return make_config(events={**document["events"], **given}, **changes)


def views(pipeline: Pipeline) -> int:
    """All page views."""
    return sum(int(item["view_count"]["N"]) for item in pipeline.dynamodb.items(PAGES))


def sent(*ids: str | None) -> list[bytes]:
    """Records of one event each."""
    return list(encode(event(event_id=identity) for identity in ids))


def seen_items(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Items of ids."""
    items = pipeline.dynamodb.items(COUNTERS)
    return [item for item in items if item["metric_name"]["S"].startswith("seen#")]


@pytest.mark.parametrize("together", [True, False], ids=["in one record", "in records"])
def test_a_repeat_is_archived_and_marked_and_counts_nowhere(together: bool) -> None:  # noqa: FBT001
    """Neither in items nor in metrics; events without an id each count."""
    pipeline = Pipeline(deduplicating())
    records = sent("a", "b", "a", None, None)
    if together:
        records = [b"[" + b",".join(records) + b"]"]
    pipeline.processor().process(invocation(records))
    assert views(pipeline) == 4
    (session,) = pipeline.readback().all_sessions().values()
    assert session.event_count == 4
    archived = list(pipeline.readback().archived_events())
    assert [each.repeated for each in archived] == [False, False, True, False, False]
    (line,) = [one for one in pipeline.metric_lines("EventsProcessed") if "EventType" not in one]
    assert (line["EventsProcessed"], line["Repeats"], line["PageViews"]) == (4, 1, 4)


@pytest.mark.parametrize("fresh", [True, False], ids=["another container", "the same container"])
@pytest.mark.parametrize(("seconds", "expected"), [(59, 1), (60, 1), (61, 2)])
def test_the_window_is_of_arrivals(*, fresh: bool, seconds: int, expected: int) -> None:
    """What is older than the window counts again."""
    pipeline = Pipeline(deduplicating())
    processor = pipeline.processor()
    processor.process(invocation(sent("a"), arrivals=[NOW]))
    processor = pipeline.processor() if fresh else processor
    processor.process(invocation(sent("a"), start=10, arrivals=[NOW + seconds]))
    assert views(pipeline) == expected


@pytest.mark.parametrize("write", range(8))
def test_a_retry_does_not_see_itself(write: int) -> None:
    """A batch that died behind any of its writes comes again, with more in it, and counts."""
    pipeline = Pipeline(deduplicating())
    pipeline.faults.crash_after = write
    with suppress(CrashError):
        pipeline.processor().process(invocation(sent("a", "b")))
    pipeline.faults.crash_after = None
    pipeline.processor().process(invocation(sent("a", "b", "a")))
    assert views(pipeline) == 2


def test_without_the_setting_nothing_is_kept_or_asked() -> None:
    """Each event counts; no request is made for it."""
    pipeline = Pipeline(deduplicating(None))
    pipeline.dynamodb.query = None  # type: ignore[method-assign,assignment]
    pipeline.processor().process(invocation(sent("a", "a")))
    assert (views(pipeline), seen_items(pipeline)) == (2, [])
    assert not any("Repeats" in line for line in pipeline.lines)


class Kinesis:
    """A stream that was resharded: parent and child."""

    def list_shards(self, **arguments: Any) -> dict[str, Any]:
        """Both shards, each on a page of its own."""
        start = {"StartingSequenceNumber": str(FIRST_SEQUENCE)}
        if "NextToken" not in arguments:
            parent = {"ShardId": PARENT, "SequenceNumberRange": start}
            return {"Shards": [parent], "NextToken": "more"}
        child = {"ShardId": CHILD, "SequenceNumberRange": start, "ParentShardId": PARENT}
        return {"Shards": [child]}


def test_a_shard_goes_on_from_what_its_parent_has_seen() -> None:
    """After a reshard the repeat of an event lies in another shard."""
    pipeline = Pipeline(deduplicating())
    processor = Processor(
        pipeline.config,
        dynamodb=pipeline.dynamodb,
        s3=pipeline.s3,
        sqs=pipeline.sqs,
        hash_key=KEY,
        clock=lambda: pipeline.now,
        kinesis=Kinesis,
        out=pipeline.lines.append,
    )
    processor.process(invocation(sent("a", "b"), shard=PARENT))
    processor.process(invocation(sent("a", "c"), start=50, shard=CHILD))
    assert views(pipeline) == 3


def test_a_container_holds_no_more_ids_than_one_lane_may_have() -> None:
    """However many shards it has served; what it forgot is read again."""
    pipeline = Pipeline(deduplicating())
    repeats = Repeats(
        pipeline.dynamodb,
        COUNTERS,
        seconds=60,
        ttl_hours=72,
        hash_key=KEY,
        ancestors=lambda _lane: [],
        most=5,
    )
    config = deduplicating()
    decoder = Decoder(config, Scrubber(config.privacy, config.fields, KEY))
    lanes = [Lane("e1", f"shard-{number}") for number in range(4)]

    def told(lane: Lane, done: int, *ids: str) -> list[bool]:
        records = [
            Record(done + 1 + place, round(NOW * 1000), data)
            for place, data in enumerate(sent(*ids))
        ]
        marked = repeats.mark(lane, decoder.decode_batch(records), done)
        repeats.keep(lane, 1, marked)
        repeats.remember(lane, marked, records[-1].sequence)
        return [event.repeated for event in marked.batch.events]

    for lane in lanes:
        assert told(lane, -1, "a", "b") == [False, False]
    held = [len(window) for _, window in repeats._windows.values()]
    assert sum(held) <= 5
    assert [told(lane, 1, "b", "c") for lane in lanes] == [[True, False]] * 4


def test_a_rebuild_leaves_repeats_out() -> None:
    """As they were left out when they came."""
    pipeline = Pipeline(deduplicating())
    pipeline.processor().process(invocation(sent("a", "a", "b")))
    (line,) = run(pipeline, "rebuild", *all_hours(pipeline), "--session=session-1")
    assert (line["replaced"], line["incomplete"]) == (0, [])
    assert line["equal"] == 3
    assert len(list(list_keys(pipeline.s3, "p-archive", "raw/"))) == 1


def test_ids_cost_a_write_unit_for_35_events() -> None:
    """A thousand events write at most 30 units more; an id is kept as 16 bytes, keyed."""
    pipeline = Pipeline(deduplicating())
    records = sent(*(f"customer-97980cfea0067/{number}" for number in range(1000)))
    pipeline.processor().process(invocation(records))
    items = seen_items(pipeline)
    size = sum(len(item["seen"]["B"]) + 150 for item in items)
    assert len(items) == 1
    assert size <= 30 * 1024
    assert "customer-97980cfea0067" not in json.dumps(items, default=repr)
