"""Redrive of events beyond a budget and of records that were set aside, from the stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from processor.lane_items import LaneItems
from processor.portions import MOST_TRIES
from processor.processor import Processor
from redrive.objects import read_lines
from shared.lambda_records import read_records
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    KEY,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import QUIET, bad_keys, run, with_fields
from tests.lambdas.test_exactness import archived_lines


class StreamOnce:
    """A stream that has some records; kept as `kinesis` of the clients."""

    def __init__(self, payloads: dict[int, bytes]) -> None:
        self.payloads = payloads
        self.calls: list[str] = []

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        """Return an iterator that begins at a record."""
        assert arguments["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
        self.calls.append(arguments["ShardId"])
        return {"ShardIterator": arguments["StartingSequenceNumber"]}

    def get_records(self, *, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        """Return the record, if it is there still, after one answer without any."""
        assert Limit == 1
        if not ShardIterator.startswith("+"):
            return {"Records": [], "NextShardIterator": f"+{ShardIterator}"}
        number = int(ShardIterator)
        found = [(number, self.payloads[number])] if number in self.payloads else []
        return {
            "Records": [
                {
                    "SequenceNumber": str(each),
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(NOW, UTC),
                    "Data": data,
                }
                for each, data in found
            ],
            **({} if found else {"NextShardIterator": None}),
        }


def with_stream(pipeline: Pipeline, payloads: dict[int, bytes]) -> StreamOnce:
    """Give the pipeline a stream with records by their place in it."""
    stream = StreamOnce({FIRST_SEQUENCE + place: data for place, data in payloads.items()})
    pipeline.kinesis = stream  # type: ignore[attr-defined]
    return stream


def views(pipeline: Pipeline) -> int:
    """Return how often all pages were viewed."""
    hours = pipeline.readback().all_page_views().values()
    return sum(each.views for found in hours for each in found.values())


def test_events_beyond_the_budget_come_back_once() -> None:
    """A replay counts each as if the record had been small, with its own visitor."""
    documents = [
        event(session_id=f"s{n}", user_id=f"user-{n:06d}", page_url="/p") for n in range(700)
    ]
    plain = Pipeline(make_config(detection=QUIET))
    plain.processor().process(invocation(encode(documents)))
    pipeline = Pipeline(make_config(detection=QUIET))
    small = Processor(
        pipeline.config, dynamodb=pipeline.dynamodb, s3=pipeline.s3, sqs=pipeline.sqs,
        hash_key=KEY, clock=lambda: pipeline.now, memory_mib=128, out=pipeline.lines.append,
    )  # fmt: skip
    small.process(
        invocation([json.dumps(documents).encode()]),
        SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000),
    )
    left = len(list(pipeline.readback().bad_rows()))
    assert 0 < left < 700
    assert views(pipeline) == 700 - left
    for _ in range(2):
        run(pipeline, "bad", *bad_keys(pipeline))
        assert views(pipeline) == 700
        assert len(pipeline.readback().all_sessions()) == 700
        assert len(list(pipeline.readback().archived_events())) == 700
    visitors = {
        line["_clickstream"]["visitor"]
        for one in (plain, pipeline)
        for key in one.s3.objects
        if key.startswith("raw/")
        for line in read_lines(one.s3, "p-archive", key)
    }
    assert len(visitors) == 700


@pytest.mark.parametrize("half_counted", [False, True])
def test_record_that_was_not_kept_is_read_from_the_stream(*, half_counted: bool) -> None:
    """Quarantined or with too many rows: its events count once, whatever had been counted of it."""
    record = json.dumps([event(session_id=f"s{n}") for n in range(5)]).encode()
    pipeline = Pipeline(make_config(detection=QUIET))
    if half_counted:
        pipeline.faults.crash_before = 7
        with pytest.raises(CrashError):
            pipeline.processor().process(invocation([record]))
        pipeline.faults.crash_before = None
        assert archived_lines(pipeline) == 5
    (lane,) = read_records(invocation([record]), "e1")
    items = LaneItems(pipeline.dynamodb, COUNTERS, 48)
    for _ in range(MOST_TRIES):
        items.begin_attempt(lane, items.load(lane), 0)
    pipeline.processor().process(invocation([record, *encode([event()])]))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["quarantined"]
    stream = with_stream(pipeline, {0: record})
    for _ in range(2):
        lines = run(pipeline, "bad", *bad_keys(pipeline))
        assert not any("error" in line for line in lines)
        assert views(pipeline) == 6
        assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 6}}
        assert len(list(pipeline.readback().archived_events())) == archived_lines(pipeline) == 6
        assert [each.event_count for each in pipeline.readback().all_sessions().values()] == [1] * 6
    assert stream.calls == ["shardId-000000000000"] * 2


def test_record_with_too_many_rows_is_taken_back_with_a_larger_budget() -> None:
    """No row of it is lost, and none counted twice, in any form of record."""
    rows = 10_020
    small = [event(session_id="s", page_url="/p", user_id=None, user_agent=None, ip_address=None)]
    record = json.dumps(small * rows, separators=(",", ":")).encode()
    pipeline = Pipeline(make_config(detection=QUIET))
    pipeline.processor().process(invocation([record]))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["too_large"]
    with_stream(pipeline, {0: record})
    for _ in range(2):
        run(pipeline, "bad", *bad_keys(pipeline))
        assert views(pipeline) == rows
        assert archived_lines(pipeline) == rows


def test_record_that_the_stream_has_no_more_is_an_error_of_its_own() -> None:
    """The line names it; other objects are repaired."""
    pipeline = Pipeline(with_fields(session="sid"))
    pipeline.processor().process(invocation([b"[" + b"0," * 20_000 + b"0]"]))
    pipeline.processor().process(invocation(encode([event()]), start=1))
    pipeline.config = with_fields()
    with_stream(pipeline, {})
    lines = run(pipeline, "bad", *bad_keys(pipeline))
    (error,) = [line["error"] for line in lines if "error" in line]
    assert "no longer has record" in error
    assert views(pipeline) == 1
