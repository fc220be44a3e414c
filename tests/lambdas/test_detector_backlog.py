"""What the detector does when there is much to do: portions, few requests, progress, attempts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from detector import handler
from detector.checkouts import MOST_SESSIONS
from detector.portions import MOST_TRIES, RowBudget
from shared.budget import DEFAULT, SMALLEST
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    FIRST_SEQUENCE,
    KEY,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
)
from tests.lambdas.processor_containers import POISON, deadly
from tests.lambdas.site_minutes import TICK

ROBOT = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
MOST_REQUESTS = 3200
"""30 s of the default function, by 0.67 ms of CPU for each (ADR 0021) and a 14th of a CPU."""
OPERATIONS = ("get_item", "put_item", "update_item", "query")


def count_requests(pipeline: Pipeline) -> Counter[str]:
    """Count the requests from now on, by operation."""
    calls: Counter[str] = Counter()

    def count(real: Callable[..., Any], name: str, **arguments: Any) -> Any:
        calls[name] += 1
        return real(**arguments)

    for client, names in ((pipeline.dynamodb, OPERATIONS), (pipeline.sns, ("publish",))):
        for name in names:
            setattr(client, name, partial(count, getattr(client, name), name))
    return calls


def robots(count: int, *, first: int = 0) -> list[bytes]:
    """Page views of robots, each in a session of its own."""
    return encode(
        event(session_id=f"s{number}", user_agent=ROBOT) for number in range(first, first + count)
    )


class Context:
    """Lambda's context of an invocation in which each question for the time takes `step_ms`."""

    def __init__(self, step_ms: int) -> None:
        self.left_ms = 30_000
        self.step_ms = step_ms

    def get_remaining_time_in_millis(self) -> int:
        """Return how much is left, and let time pass."""
        self.left_ms -= self.step_ms
        return self.left_ms + self.step_ms


def lane_item(pipeline: Pipeline) -> dict[str, Any]:
    """The detector's item of the only lane."""
    (item,) = (
        item for item in pipeline.dynamodb.items(COUNTERS) if item["metric_name"]["S"] == "detector"
    )
    return item


def rules_found(pipeline: Pipeline) -> Counter[str]:
    """How many incidents there are of each rule."""
    return Counter(each.rule for each in pipeline.readback().incidents())


def test_a_crawl_and_its_end_need_few_requests() -> None:
    """1,000 robots in a batch, later all of their incidents over in one that has one event."""
    pipeline = Pipeline()
    calls = count_requests(pipeline)
    pipeline.detector().process(invocation(robots(1000)))
    assert calls.total() < 100
    calls.clear()
    pipeline.now += 400
    later = encode([event(session_id="human", timestamp="2026-11-23T12:07:00Z")])
    pipeline.detector().process(invocation(later, start=2000, arrival=pipeline.now))
    assert 0 < calls.total() < 100


def test_endings_go_in_portions() -> None:
    """Thousands of incidents that are over at once, as earlier versions left them, end in turns."""
    pipeline = Pipeline()
    detector = pipeline.detector()
    detector.process(invocation(robots(1)))
    lane, state = next(iter(detector._lanes.load_all()))
    for number in range(5000):
        mark = f"{number:014x}"
        state.quiet.fire("high_frequency_clicks", mark, clock_ms=1, minute=1, cooldown=1)
    detector._lanes.save(lane, expected=state.watermark, state=state)
    calls = count_requests(pipeline)
    arrival = pipeline.now + 400
    left = []
    for batch in range(60):
        human = encode([event(session_id=f"human{batch}", timestamp="2026-11-23T12:07:00Z")])
        calls.clear()
        detector.process(invocation(human, start=10 + batch, arrival=arrival + batch))
        assert calls.total() < MOST_REQUESTS / 10
        _, state = next(iter(detector._lanes.load_all()))
        left.append(sum(entry[1] != -1 for entry in state.quiet.entries.values()))
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


def test_waiting_checkouts_cost_a_slow_processor_nothing() -> None:
    """However many wait: one read for each batch, until the processor comes to them."""
    pipeline = Pipeline()
    calls = count_requests(pipeline)
    detector = pipeline.detector()
    batches = [
        invocation(
            encode(
                event(session_id=f"s{batch}-{n}", page_url="/checkout/step-1") for n in range(500)
            ),
            start=batch * 500,
        )
        for batch in range(8)
    ]
    for batch in batches:
        calls.clear()
        detector.process(batch)
        assert calls["get_item"] <= 3
    for batch in batches:
        pipeline.processor().process(batch)
    for _ in range(4000 // MOST_SESSIONS):
        calls.clear()
        detector.process(TICK)
        assert MOST_SESSIONS <= calls["get_item"] <= MOST_SESSIONS + 5
    calls.clear()
    detector.process(TICK)
    assert calls["get_item"] <= 5
    state = next(iter(detector._lanes.load_all()))[1]
    assert not state.pending
    folded = state.folded + sum(fold.folded for fold in state.ceiling.folds.values())
    assert rules_found(pipeline)["unusual_page_sequence"] + folded >= 4000


def test_a_session_without_verdict_does_not_keep_others_waiting() -> None:
    """Sessions whose items DynamoDB refuses never get one; those behind them do."""
    pipeline = Pipeline()
    checkouts = [
        invocation(
            encode(event(session_id=f"{name}{n}", page_url="/checkout") for n in range(count)),
            start=start,
        )
        for name, count, start in (("lost", MOST_SESSIONS, 0), ("late", 5, MOST_SESSIONS))
    ]
    detector = pipeline.detector()
    for process in (detector.process, pipeline.processor().process):
        for batch in checkouts:
            process(batch)
    sessions = pipeline.dynamodb.tables["p-session-metrics"]
    for key in [key for key in sessions if key[0].startswith("lost")]:
        del sessions[key]
    detector.process(TICK)
    detector.process(TICK)
    state = next(iter(detector._lanes.load_all()))[1]
    assert {checkout.session[:4] for checkout in state.pending} == {"lost"}


def test_what_is_left_when_time_is_short_comes_again() -> None:
    """The first record that was not judged is returned, and nothing before it is judged again."""
    pipeline = Pipeline()
    payloads = encode(event(session_id="busy") for _ in range(4000))
    first: int | None = 0
    invocations = 0
    while first is not None:
        detector = pipeline.detector()
        batch = invocation(payloads[first:], start=first)
        answer = detector.process(batch, Context(step_ms=8_000))
        invocations += 1
        (failed,) = answer["batchItemFailures"] or [None]
        previous = first
        first = None if failed is None else int(failed["itemIdentifier"]) - FIRST_SEQUENCE
        assert first is None or first > previous
    assert invocations == 2
    assert rules_found(pipeline) == {"high_frequency_clicks": 1}
    state = next(iter(pipeline.detector()._lanes.load_all()))[1]
    assert state.open["60"][29_923_920]  # The busy minute, counted once for each event.
    assert list(state.open["60"][29_923_920].values()) == [4000]


def test_a_failure_keeps_the_portions_before_it() -> None:
    """A crash at the last write loses one portion, not the batch."""
    undisturbed = Pipeline()
    payloads = encode(event(session_id="busy") for _ in range(3000))
    undisturbed.detector().process(invocation(payloads))
    pipeline = Pipeline()
    pipeline.faults.crash_before = undisturbed.faults.writes - 1
    with pytest.raises(CrashError):
        pipeline.detector().process(invocation(payloads))
    watermark = int.from_bytes(lane_item(pipeline)["wm"]["B"], "big")
    assert watermark == FIRST_SEQUENCE + 1999


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_record_that_ends_the_function_is_left_out(place: int) -> None:
    """After some attempts it is passed over and counted, whatever stands before and behind it."""
    pipeline = Pipeline()
    payloads = encode(event(session_id="busy") for _ in range(60))
    payloads[place] = POISON
    attempts = 0
    while True:
        attempts += 1
        try:
            deadly(pipeline.detector(), MemoryError()).process(invocation(payloads))
        except MemoryError:
            continue
        break
    assert attempts == MOST_TRIES + (3 if place else 1)
    item = lane_item(pipeline)
    assert item["left_out"]["N"] == "1"
    assert "tries" not in item
    assert "error" not in item
    assert rules_found(pipeline) == {"high_frequency_clicks": 1}
    assert any("record left out" in line and "MemoryError" in line for line in pipeline.lines)


def test_aws_that_fails_is_no_attempt() -> None:
    """An outage of hours leaves no record out: only the function's own work is counted."""
    pipeline = Pipeline()
    payloads = encode(event(session_id="busy") for _ in range(60))
    real = pipeline.dynamodb.put_item

    def throttled(**_: Any) -> Any:
        raise refuse("ProvisionedThroughputExceededException", "PutItem")

    pipeline.dynamodb.put_item = throttled  # type: ignore[method-assign]
    for _ in range(3 * MOST_TRIES):
        with pytest.raises(Exception, match="ProvisionedThroughput"):
            pipeline.detector().process(invocation(payloads))
    pipeline.dynamodb.put_item = real  # type: ignore[method-assign]
    pipeline.detector().process(invocation(payloads))
    assert "left_out" not in lane_item(pipeline)
    assert rules_found(pipeline) == {"high_frequency_clicks": 1}


def test_an_incident_that_dynamodb_refuses_holds_nothing_up() -> None:
    """It is left out and counted; those beside it stand, and the lane goes on."""
    pipeline = Pipeline()
    real = pipeline.dynamodb.put_item

    def refusing(**arguments: Any) -> Any:
        if arguments["Item"].get("session_id", {}).get("S") == "s1":
            raise refuse("ValidationException", "PutItem")
        return real(**arguments)

    pipeline.dynamodb.put_item = refusing  # type: ignore[method-assign]
    pipeline.detector().process(invocation(robots(3)))
    sessions = {each.session_id for each in pipeline.readback().incidents()}
    assert sessions == {"s0", "s2"}
    assert lane_item(pipeline)["left_out"]["N"] == "1"


def test_rows_of_a_record_follow_from_memory_and_timeout() -> None:
    """The smallest detector takes the rows of the default processor, a larger one more."""
    assert RowBudget(SMALLEST.milliseconds).rows == DEFAULT.rows
    assert RowBudget.of(1024, 30).rows == pytest.approx(8 * DEFAULT.rows, rel=0.001)
    assert RowBudget.of(1024, 30).text_bytes == 0


@pytest.mark.parametrize(("memory", "found"), [("128", {}), ("256", {"high_frequency_clicks": 1})])
def test_a_record_beyond_a_small_detector_is_judged_by_a_larger_one(
    monkeypatch: pytest.MonkeyPatch, memory: str, found: dict[str, int]
) -> None:
    """12,000 events in one record: too many for 128 MiB and 30 s, not for twice the memory."""
    pipeline = Pipeline()
    clients = SimpleNamespace(make=lambda service, **_: getattr(pipeline, service, None))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
    monkeypatch.setattr(handler, "Clients", lambda: clients)
    monkeypatch.setattr(handler, "read_config", lambda *_: pipeline.config)
    monkeypatch.setattr(handler, "read_hash_key", lambda *_: KEY)
    view = {"event_type": "click", "session_id": "s", "timestamp": round(NOW)}
    rows = json.dumps([view] * 12_000).encode()
    handler._detector.cache_clear()
    try:
        handler.handle(invocation([rows]), Context(step_ms=0))
    finally:
        handler._detector.cache_clear()
    assert rules_found(pipeline) == found
