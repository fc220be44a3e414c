"""Attempts on record: what ends the function is quarantined, and failures of AWS never count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from processor.lane_items import LaneItems
from processor.portions import MOST_TRIES
from shared.lambda_records import read_records
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    Pipeline,
    encode,
    event,
    invocation,
)
from tests.lambdas.processor_containers import (
    POISON,
    container,
    deadly,
    lane_item,
)

if TYPE_CHECKING:
    from collections.abc import Callable


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


@pytest.mark.parametrize("place", [0, 5, 19])
def test_records_before_the_one_that_ends_the_function_need_no_attempts_of_their_own(
    place: int,
) -> None:
    """Where the mapping does not bisect, the attempts do not grow with the place in the batch."""
    pipeline = Pipeline()
    payloads = encode(event(session_id=f"s{n}") for n in range(20))
    payloads[place] = POISON
    attempts = 0
    done = False
    while not done:
        attempts += 1
        try:
            deadly(pipeline.processor(), CrashError()).process(invocation(payloads))
            done = True
        except CrashError:
            done = False
    assert attempts == MOST_TRIES + (3 if place else 1)
    assert len(list(pipeline.readback().archived_events())) == 19


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
