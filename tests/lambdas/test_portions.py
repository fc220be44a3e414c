"""One record never holds its lane: portions, progress, quarantine, refused items, time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from processor import handler
from processor.lane_items import LaneItems
from processor.portions import MOST_TRIES
from processor.processor import Processor
from shared import budget as budgets
from shared.budget import Budget
from shared.decode import read_records
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

if TYPE_CHECKING:
    from collections.abc import Callable

POISON = b"a record that decoding does not survive"
SMALL_MEMORY, LARGE_MEMORY = 128, 1769


@dataclass
class Context:
    """Lambda's context; each question takes some of the time that is left."""

    left_ms: list[int] = field(default_factory=lambda: [60_000])

    def get_remaining_time_in_millis(self) -> int:
        """Return the next of the given times, the last one again and again."""
        return self.left_ms.pop(0) if len(self.left_ms) > 1 else self.left_ms[0]


def container(pipeline: Pipeline, **settings: Any) -> Processor:
    """Return the processor of a fresh container with its own settings."""
    return Processor(
        pipeline.config,
        dynamodb=pipeline.dynamodb,
        s3=pipeline.s3,
        sqs=pipeline.sqs,
        hash_key=KEY,
        clock=lambda: pipeline.now,
        out=pipeline.lines.append,
        **settings,
    )


def many(sessions: int) -> bytes:
    """Return one record of page views, each of another session and page."""
    return json.dumps(
        [event(session_id=f"s{n}", page_url=f"/p/{n}", user_id=None) for n in range(sessions)]
    ).encode()


def lane_item(pipeline: Pipeline) -> dict[str, Any]:
    """Return the only lane's item."""
    (item,) = [
        one for one in pipeline.dynamodb.items(COUNTERS) if one["metric_name"]["S"] == "lane"
    ]
    return item


def deadly(processor: Processor, error: BaseException) -> Processor:
    """Let decoding the poison end in an error, which stands for death when it is a CrashError."""
    decoder: Any = processor._decoder
    decode = decoder.decode

    def die(record: Any, *arguments: Any) -> Any:
        if record.data == POISON:
            raise error
        return decode(record, *arguments)

    decoder.decode = die
    return processor


@pytest.mark.parametrize("error", [CrashError(), MemoryError(), ZeroDivisionError()], ids=repr)
@pytest.mark.parametrize("bisect", [False, True])
def test_record_that_decoding_does_not_survive_is_quarantined(
    error: Exception, *, bisect: bool
) -> None:
    """After a few attempts it is a bad row with its error; all others are counted once."""
    pipeline = Pipeline()
    payloads = [*encode([event()] * 3), POISON, *encode([event()] * 2), POISON, *encode([event()])]
    batches = [invocation(payloads)]
    failed = 0
    while batches:
        batch = batches.pop(0)
        try:
            deadly(container(pipeline), error).process(batch)
        except type(error):
            failed += 1
            rows = batch["Records"]
            half = len(rows) // 2 if bisect else 0
            batches[:0] = [{"Records": part} for part in (rows[:half], rows[half:]) if part]
        assert failed < 8 * MOST_TRIES
    assert failed >= 2 * MOST_TRIES
    rows_found = list(pipeline.readback().bad_rows())
    assert [(row.sequence - FIRST_SEQUENCE, row.reason) for row in rows_found] == [
        (3, "quarantined"),
        (6, "quarantined"),
    ]
    assert all(row.payload["bytes"] == len(POISON) for row in rows_found)
    if not isinstance(error, CrashError):
        assert type(error).__name__ in rows_found[1].detail
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 6}}
    assert len(list(pipeline.readback().archived_events())) == 6


def _network(*_: Any, **__: Any) -> Any:
    raise EndpointConnectionError(endpoint_url="https://dynamodb")


def _code(code: str) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise refuse(code, "Operation")

    return fail


FAILURES = {
    code: _code(code)
    for code in (
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "InternalServerError",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ExpiredTokenException",
    )
} | {"network": _network}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("number", range(9))
def test_failure_of_aws_never_counts_against_a_record(failure: str, number: int) -> None:
    """Whichever request fails however often in however many containers, nothing is quarantined."""
    pipeline = Pipeline()
    payloads = [*encode([event(), event(session_id="b")]), b"{"]
    real = pipeline.faults.write
    calls = 0

    def write(apply: Callable[[], Any]) -> Any:
        nonlocal calls
        calls += 1
        return FAILURES[failure]() if calls == number + 1 else real(apply)

    pipeline.faults.write = write  # type: ignore[method-assign]
    for _ in range(4 * MOST_TRIES):
        calls = 0
        with pytest.raises((ClientError, EndpointConnectionError)):
            pipeline.processor().process(invocation(payloads))
        if number > 5:
            break  # The last writes are of what is counted once and for all.
    pipeline.faults.write = real  # type: ignore[method-assign]
    pipeline.processor().process(invocation(payloads))
    assert [row.reason for row in pipeline.readback().bad_rows()] == ["not_json"]
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 2}}
    assert not lane_item(pipeline).keys() & {"tries", "error", "progress", "budget", "intent"}


@pytest.mark.parametrize("call", ["put_object", "head_object"])
def test_death_at_a_request_of_aws_never_counts_against_a_record(call: str) -> None:
    """Also while it is found out what came of an earlier attempt, which asks the bucket."""
    pipeline = Pipeline()
    batch = invocation(encode([event()]))
    pipeline.faults.crash_before = 5
    with pytest.raises(CrashError):
        pipeline.processor().process(batch)
    pipeline.faults.crash_before = None
    assert "intent" in lane_item(pipeline)

    def die(**_: Any) -> Any:
        raise CrashError

    real = getattr(pipeline.s3, call)
    setattr(pipeline.s3, call, die)
    for _ in range(3 * MOST_TRIES):
        with pytest.raises(CrashError):
            pipeline.processor().process(batch)
    setattr(pipeline.s3, call, real)
    pipeline.processor().process(batch)
    assert not list(pipeline.readback().bad_rows())
    assert pipeline.readback().all_counts() == {"page_view": {"2026-11-23T12:00": 1}}


def test_attempts_that_overlap_are_each_taken_off_the_record() -> None:
    """Whichever ends first, and however many there are."""
    pipeline = Pipeline()
    (lane,) = read_records(invocation(encode([event()])), "e1")
    items = LaneItems(pipeline.dynamodb, COUNTERS, 48)
    states = [items.begin_attempt(lane, items.load(lane), 0) for _ in range(3)]
    for left, state in zip((2, 1, 0), states, strict=True):
        items.end_attempt(lane, state)
        assert items.load(lane).tries == left
    items.end_attempt(lane, states[0])
    assert items.load(lane).tries == 0


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
        "ttl",
    }  # fmt: skip
    assert len(item["wm"]["B"]) == 24
    (lane,) = read_records(invocation(encode([event()])), "e1")
    state = LaneItems(pipeline.dynamodb, COUNTERS, 48).load(lane)
    assert (state.done, state.tries, state.progress, state.judged) == (
        FIRST_SEQUENCE, 0, None, None,
    )  # fmt: skip


def test_attempts_at_another_place_do_not_count() -> None:
    """A version that does not know attempts goes on and leaves them; they say nothing then."""
    pipeline = Pipeline()
    (lane,) = read_records(invocation(encode([event()])), "e1")
    items = LaneItems(pipeline.dynamodb, COUNTERS, 48)
    state = items.load(lane)
    for tries in range(1, 4):
        state = items.begin_attempt(lane, state, 0)
        assert items.load(lane).tries == tries
    lane_item(pipeline)
    place = (("metric_name", "lane"), ("time_window", lane.code))
    stored = pipeline.dynamodb.tables[COUNTERS][tuple(value for _, value in place)]
    stored["wm"] = {"B": FIRST_SEQUENCE.to_bytes(24, "big")}
    stored["g"] = {"N": "1"}
    assert items.load(lane).tries == 0


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
