"""One record never holds its lane: portions, progress, budgets, refused items, time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from processor import handler
from processor.lane_items import LaneItems
from shared import budget as budgets
from shared.budget import Budget
from shared.lambda_records import read_records
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    KEY,
    PAGES,
    SESSIONS,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.processor_containers import (
    LARGE_MEMORY,
    SMALL_MEMORY,
    Context,
    container,
    lane_item,
    many,
)


def test_progress_inside_a_record_is_not_done_again() -> None:
    """Each attempt that dies leaves what it did; all together do the writes of one attempt."""
    record, items = many(40), 81
    plain = Pipeline()
    container(plain, writes_at_once=10).process(invocation([record]))
    expected = sorted(map(repr, plain.dynamodb.items(PAGES)))
    pipeline = Pipeline()
    writes: list[str] = []
    real = pipeline.dynamodb.update_item

    def update_item(**request: Any) -> Any:
        if request["TableName"] != COUNTERS or "lane" not in repr(request["Key"]):
            writes.append(repr(request["Key"]))
        if len(writes) % 23 == 22:
            raise CrashError
        return real(**request)

    pipeline.dynamodb.update_item = update_item  # type: ignore[method-assign]
    for _ in range(10):
        try:
            container(pipeline, writes_at_once=10).process(invocation([record]))
        except CrashError:
            writes.append("death")
        else:
            break
    deaths = writes.count("death")
    assert deaths >= 3
    # Beside the items and the list of pages: what was done since progress was kept last.
    assert len(writes) - deaths <= items + 1 + 10 * deaths
    assert sorted(map(repr, pipeline.dynamodb.items(PAGES))) == expected
    assert len(pipeline.readback().all_sessions()) == 40


def test_batch_that_takes_too_long_is_left_in_between() -> None:
    """Half of the time is for another record; the mapping goes on from the first that is left."""
    pipeline = Pipeline()
    payloads = [many(600), many(600), many(600)]
    context = Context([60_000, 40_000, 29_000])  # At the beginning, after one record, after two.
    answer = container(pipeline, writes_at_once=10_000).process(invocation(payloads), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(FIRST_SEQUENCE + 2)}]}
    again = container(pipeline).process(invocation(payloads[2:], start=2), Context())
    assert again == {"batchItemFailures": []}
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 1800}}


def test_record_that_takes_too_long_is_taken_up_again() -> None:
    """What was done of it is kept, so that it ends whatever time each invocation has."""
    pipeline = Pipeline()
    batch = invocation([many(20)])
    answers = []
    for _ in range(20):
        # 41 items, ten at once: time is short after each ten.
        answer = container(pipeline, writes_at_once=10).process(batch, Context([60_000, 1000]))
        answers.append(answer["batchItemFailures"])
        if not answers[-1]:
            break
    assert answers == [[{"itemIdentifier": str(FIRST_SEQUENCE)}]] * 4 + [[]]
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 20}}
    assert len(list(pipeline.readback().archived_events())) == 20


def beyond(pipeline: Pipeline) -> list[int]:
    """Return the sub-sequences of the rows that were beyond a budget."""
    return [row.sub for row in pipeline.readback().bad_rows() if row.reason == "too_large"]


def test_events_beyond_the_budget_of_items_are_kept_to_be_replayed() -> None:
    """The first ones count; the rest stand scrubbed under bad/ with their visitors."""
    budget = Budget.of(SMALL_MEMORY, 60)
    count = budget.writes  # Two items for each event, and one of the minute for all.
    pipeline = Pipeline()
    container(pipeline, memory_mib=SMALL_MEMORY).process(invocation([many(count)]))
    counted = (budget.writes - 1) // 2
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": counted}}
    assert beyond(pipeline) == list(range(counted, count))
    assert len(list(pipeline.readback().archived_events())) == counted
    (message,) = map(json.loads, pipeline.sqs.messages)
    assert message["reasons"] == {"too_large": count - counted}


@pytest.mark.parametrize("first", [SMALL_MEMORY, LARGE_MEMORY])
@pytest.mark.parametrize("archive", [True, False])
def test_verdict_on_a_record_does_not_change_with_memory(first: int, *, archive: bool) -> None:
    """Wherever the first attempt dies, the next ones judge as it did, with other memory as well."""
    second = LARGE_MEMORY if first == SMALL_MEMORY else SMALL_MEMORY
    count = Budget.of(SMALL_MEMORY, 60).writes
    config = make_config(archive={"enabled": archive, "compression": "Gzip"})
    batch = invocation([*encode([event()]), many(count)])
    alone = Pipeline(config)
    container(alone, memory_mib=first).process(batch)
    for write in (*range(4, 16), 200, 400):
        pipeline = Pipeline(config)
        pipeline.faults.crash_after = write
        with pytest.raises(CrashError):
            container(pipeline, memory_mib=first).process(batch)
        pipeline.faults.crash_after = None
        judged = "budget" in lane_item(pipeline)
        container(pipeline, memory_mib=second).process(batch)
        if judged:
            assert pipeline.readback().all_counts() == alone.readback().all_counts()
            assert beyond(pipeline) == beyond(alone)
        else:
            assert write < 10  # Nothing of the record had been written.
        total = sum(pipeline.readback().all_counts()["page_view"].values())
        assert total + len(beyond(pipeline)) == count + 1


def test_record_that_another_has_closed_is_not_counted_by_a_larger_budget() -> None:
    """A container whose memory of the lane is old writes nothing of what was set aside by then."""
    pipeline = Pipeline()
    large = container(pipeline, memory_mib=LARGE_MEMORY)
    large.process(invocation(encode([event()])))
    record = many(400)  # Few enough to be in one portion with what follows.
    small = container(pipeline, memory_mib=SMALL_MEMORY)
    small.process(invocation([record], start=1), Context([30_000]))
    before = [dict(item) for item in pipeline.dynamodb.items(PAGES)]
    left = beyond(pipeline)
    assert left
    # Overlapping: the record again, and one more behind it.
    batch = invocation([record, *encode([event(page_url="/last")])], start=1)
    large.process(batch)
    pages = [item for item in pipeline.dynamodb.items(PAGES) if item["page_url"]["S"] != "/last"]
    assert sorted(map(repr, pages)) == sorted(map(repr, before))
    assert beyond(pipeline) == left


def test_smaller_records_need_no_verdict_on_record() -> None:
    """What every function may take is judged alike by all, and costs no write more."""
    events = budgets.SMALLEST.writes // 2 - 1
    pipeline = Pipeline()
    processor = container(pipeline, memory_mib=LARGE_MEMORY)
    processor.process(invocation(encode([event()])))
    before = pipeline.faults.writes
    processor.process(invocation([many(events)], start=1))
    # Pages, sessions, a counter; a list for each hundred pages; begin, object and finish.
    assert pipeline.faults.writes - before <= 2 * events + 1 + -(-events // 100) + 3


@pytest.mark.parametrize("table", [PAGES, SESSIONS, COUNTERS])
def test_item_that_dynamodb_refuses_holds_no_lane(table: str) -> None:
    """All others are counted; it is named under bad/, and rebuilt when the cause is gone."""
    pipeline = Pipeline()
    real = pipeline.dynamodb.update_item
    wanted = {PAGES: "/odd", SESSIONS: "odd", COUNTERS: "events_per_minute_odd"}[table]

    def update_item(**request: Any) -> Any:
        if wanted in [value["S"] for value in request["Key"].values()]:
            raise refuse("ValidationException", "UpdateItem")
        return real(**request)

    pipeline.dynamodb.update_item = update_item  # type: ignore[method-assign]
    documents = [
        event(), event(page_url="/odd"), event(session_id="odd"), event(event_type="odd"), event(),
    ]  # fmt: skip
    answer = pipeline.processor().process(invocation(encode(documents)))
    assert answer == {"batchItemFailures": []}
    (row,) = pipeline.readback().bad_rows()
    assert row.reason == "refused_item"
    assert "ValidationException" in row.detail
    assert row.payload["events"] == 1
    assert len(list(pipeline.readback().archived_events())) == 5
    (message,) = map(json.loads, pipeline.sqs.messages)
    assert message["reasons"] == {"refused_item": 1}
    items = {name: len(pipeline.dynamodb.items(name)) for name in (PAGES, SESSIONS)}
    assert items == {PAGES: 2 - (table == PAGES), SESSIONS: 2 - (table == SESSIONS)}
    assert any(line["message"] == "items refused" for line in map(json.loads, pipeline.lines)
               if "message" in line)  # fmt: skip


def test_lane_items_of_an_earlier_version_are_read() -> None:
    """And one with all that this version adds is read as one without by that version's rules."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event()])))
    item = lane_item(pipeline)
    assert item.keys() == {
        "metric_name", "time_window", "g", "aw", "bw", "wm", "last_arrival", "shard", "epoch",
        "tally", "ttl",
    }  # fmt: skip
    del item["tally"]  # Which the version before the hourly balance does not write.
    assert len(item["wm"]["B"]) == 24
    (lane,) = read_records(invocation(encode([event()])), "e1")
    state = LaneItems(pipeline.dynamodb, COUNTERS, 48).load(lane)
    assert (state.done, state.tries, state.progress, state.judged) == (
        FIRST_SEQUENCE, 0, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(("memory", "cut"), [("128", True), ("1769", False)])
def test_budget_follows_from_the_memory_that_lambda_says(
    monkeypatch: pytest.MonkeyPatch, memory: str, *, cut: bool
) -> None:
    """The function's own entry point takes the memory from Lambda's environment variable."""
    pipeline = Pipeline()

    class Clients:
        def make(self, service: str) -> Any:
            return getattr(pipeline, service)

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
    monkeypatch.setattr(handler, "Clients", Clients)
    monkeypatch.setattr(handler, "read_config", lambda *_: pipeline.config)
    monkeypatch.setattr(handler, "read_hash_key", lambda *_: KEY)
    handler._processor.cache_clear()
    try:
        handler.handle(invocation([many(Budget.of(128, 60).writes)]), Context())
    finally:
        handler._processor.cache_clear()
    assert bool(beyond(pipeline)) == cut
