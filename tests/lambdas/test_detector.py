"""Session rules, incidents and alerts: each incident once, its message at least once."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.parsers import ResponseParserError

from detector.cooldown import Quiet
from detector.earlier_events import SessionCounts, earlier_events
from detector.lane_state import LARGEST_STATE_BYTES, Checkout, LaneState
from detector.messages import SUBJECT
from detector.rules import SUSPICIOUS_AGENT, WordMatch, built_in_rules
from tests.lambdas.memory_aws import CrashError, refuse
from tests.lambdas.pipelines import (
    COUNTERS,
    NOW,
    SHARD,
    TOPIC,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_detection,
)

TICK = {"source": "clickstream.schedule"}


_INCIDENT_WRITE = 3
"""Writes before it: the attempt, its end, and the entry of what is to be sent."""


def burst(count: int, *, minute: str = "11:59", **members: Any) -> list[bytes]:
    """Return events of one session within one minute."""
    return encode(
        event(timestamp=f"2026-11-23T{minute}:{index % 60:02d}.{index // 60:03d}Z", **members)
        for index in range(count)
    )


def found(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Return (rule, session) of each incident."""
    return [(each.rule, each.session_id) for each in pipeline.readback().incidents()]


@pytest.mark.parametrize(("count", "incidents"), [(50, 0), (51, 1), (200, 1)])
def test_more_than_fifty_events_in_a_minute(count: int, incidents: int) -> None:
    """The rate rule fires above fifty, once, however the batches are cut."""
    for cut in (7, 50, 1000):
        pipeline = Pipeline()
        payloads = burst(count)
        for start in range(0, count, cut):
            batch = invocation(payloads[start : start + cut], start=start)
            pipeline.detector().process(batch)
        assert found(pipeline) == [("high_frequency_clicks", "session-1")] * incidents
        assert len(pipeline.sns.messages) == incidents


def test_rate_is_of_one_minute_and_one_session() -> None:
    """Fifty in each of two minutes, or in each of two sessions, is no incident."""
    pipeline = Pipeline()
    payloads = burst(50) + burst(50, minute="12:00") + burst(50, session_id="other")
    pipeline.detector().process(invocation(payloads))
    assert found(pipeline) == []


def test_late_events_do_not_reopen_a_closed_minute() -> None:
    """A minute closes two minutes after its end by the lane's own clock."""
    pipeline = Pipeline()
    payloads = burst(60, minute="11:57")
    pipeline.detector().process(invocation(payloads, arrival=NOW))
    assert found(pipeline) == []
    pipeline.detector().process(invocation(burst(60, minute="11:58"), start=100, arrival=NOW))
    assert found(pipeline) == [("high_frequency_clicks", "session-1")]


def test_sensitivity_moves_the_rate() -> None:
    """Low and High change how many events a minute are too many."""
    for sensitivity, limit in (("Low", 100), ("Medium", 50), ("High", 25)):
        for count, incidents in ((limit, 0), (limit + 1, 1)):
            pipeline = Pipeline(make_config(detection=make_detection(sensitivity=sensitivity)))
            pipeline.detector().process(invocation(burst(count)))
            assert len(found(pipeline)) == incidents


def test_declared_robots_are_found_by_the_built_in_rule() -> None:
    """The rule finds what `shared.agents` finds, and says which word declared the robot."""
    (rule,) = [rule for rule in built_in_rules("Medium") if rule.name == SUSPICIOUS_AGENT]
    assert WordMatch(rule).find("Mozilla/5.0 (compatible; bingbot/2.0)") == "bot"
    assert WordMatch(rule).find("Mozilla/5.0 (Windows NT 10.0; Win64; x64)") is None
    assert WordMatch(rule).find(None) is None


def test_cooldown_keeps_a_session_quiet() -> None:
    """One incident of a rule and session in half an hour; the next after it."""
    pipeline = Pipeline()
    for number, minutes in enumerate((0, 10, 29, 31)):
        pipeline.detector().process(
            invocation(
                encode([event(timestamp=NOW + minutes * 60, user_agent="Googlebot/2.1")]),
                start=number,
                arrival=NOW + minutes * 60,
            )
        )
    assert found(pipeline) == [("suspicious_user_agent", "session-1")] * 2


def test_disabled_rules_and_detector_find_nothing() -> None:
    """A rule that is off is not judged; a detector that is off does not even read."""
    bots = burst(60, user_agent="Googlebot/2.1")
    off = make_detection(disabledRules=["high_frequency_clicks", "unusual_page_sequence"])
    pipeline = Pipeline(make_config(detection=off))
    pipeline.detector().process(invocation(bots))
    assert found(pipeline) == [("suspicious_user_agent", "session-1")]
    pipeline = Pipeline(make_config(detection=make_detection(enabled=False)))
    assert pipeline.detector().process(invocation(bots)) == {"batchItemFailures": []}
    assert pipeline.faults.writes == 0


def test_message_has_the_originals_fields_and_no_person() -> None:
    """The alert can be read by what read the original's, and names neither user nor address."""
    pipeline = Pipeline()
    pipeline.detector().process(invocation(burst(51)))
    (sent,) = pipeline.sns.messages
    message = json.loads(sent["Message"])
    assert (sent["TopicArn"], sent["Subject"]) == (TOPIC, SUBJECT)
    assert message["session_id"] == "session-1"
    assert message["timestamp"] == "2026-11-23T11:59:50.000Z"
    (anomaly,) = message["anomalies"]
    assert (anomaly["isAnomaly"], anomaly["type"]) == (True, "high_frequency_clicks")
    assert anomaly["details"]
    assert message["pipeline"] == "shop-abcd2345"
    (incident,) = pipeline.readback().incidents()
    assert message["incident_id"] == incident.incident_id
    details = message["event_details"]
    assert details["page_url"] == "/products"
    assert not {"user_id", "ip_address"} & details.keys()


def test_without_topic_the_incident_still_exists() -> None:
    """No topic: an item, a metric, no message, and none later."""
    pipeline = Pipeline(make_config(detection=make_detection(alertsTopicArn="")))
    pipeline.detector().process(invocation(burst(51)))
    pipeline.now += 3600
    pipeline.detector().process(TICK)
    (incident,) = pipeline.readback().incidents()
    assert incident.sent == 2
    assert not pipeline.sns.messages
    by_rule = [line for line in pipeline.metric_lines("Anomalies") if "Rule" in line]
    assert [(line["Rule"], line["Anomalies"]) for line in by_rule] == [("high_frequency_clicks", 1)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_at_any_write_misses_and_doubles_nothing(moment: str) -> None:
    """Around each write of a batch with incidents: the same incidents, every message sent."""
    payloads = burst(51) + burst(1, session_id="b", user_agent="bingbot/2.0")
    undisturbed = Pipeline()
    undisturbed.detector().process(invocation(payloads))
    for write in range(undisturbed.faults.writes):
        pipeline = Pipeline()
        setattr(pipeline.faults, f"crash_{moment}", write)
        with pytest.raises(CrashError):
            pipeline.detector().process(invocation(payloads))
        pipeline.now += 120
        pipeline.detector().process(invocation(payloads))
        pipeline.detector().process(TICK)
        assert found(pipeline) == found(undisturbed)
        sent = {json.loads(each["Message"])["incident_id"] for each in pipeline.sns.messages}
        assert len(sent) == 2
        assert {incident.sent for incident in pipeline.readback().incidents()} == {1}


def test_tick_publishes_what_was_left_behind_once() -> None:
    """A message that never went out is sent by a tick a minute later, and then never again."""
    pipeline = Pipeline()
    pipeline.faults.crash_after = _INCIDENT_WRITE
    with pytest.raises(CrashError):
        pipeline.detector().process(invocation(burst(51)))
    pipeline.detector().process(TICK)
    assert not pipeline.sns.messages
    pipeline.now += 61
    pipeline.detector().process(TICK)
    pipeline.detector().process(TICK)
    assert len(pipeline.sns.messages) == 1


@pytest.mark.parametrize(
    "error",
    [
        refuse("AuthorizationError", "Publish"),
        EndpointConnectionError(endpoint_url="sns"),
        ResponseParserError("no XML"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_topic_that_cannot_be_reached_does_not_hold_the_stream_up(error: Exception) -> None:
    """Publishing fails: the lane goes on, the ticks fail visibly and send it when they can."""
    pipeline = Pipeline()
    real = pipeline.sns.publish

    def refused(**arguments: str) -> dict[str, Any]:
        raise error

    pipeline.sns.publish = refused  # type: ignore[method-assign]
    pipeline.detector().process(invocation(burst(51)))
    assert found(pipeline) == [("high_frequency_clicks", "session-1")]
    pipeline.now += 61
    with pytest.raises(type(error)):
        pipeline.detector().process(TICK)
    pipeline.sns.publish = real  # type: ignore[method-assign]
    pipeline.detector().process(TICK)
    assert len(pipeline.sns.messages) == 1


def browse(*pages: str, start: int = 0, session: str = "session-1") -> dict[str, Any]:
    """Return a batch in which a session looks at pages, one a second."""
    return invocation(
        encode(
            event(
                session_id=session,
                page_url=page,
                timestamp=f"2026-11-23T12:00:{start + index:02d}Z",
            )
            for index, page in enumerate(pages)
        ),
        start=start,
    )


@pytest.mark.parametrize(("earlier", "incidents"), [(0, 1), (2, 1), (3, 0)])
@pytest.mark.parametrize("processor_first", [True, False])
def test_checkout_after_too_few_pages(
    earlier: int, incidents: int, *, processor_first: bool
) -> None:
    """Fewer than three earlier events before a checkout fire, whoever of the two is ahead."""
    batch = browse(*["/a"] * earlier, "/shop/checkout", "/a", "/a", "/a")
    pipeline = Pipeline()
    if processor_first:
        pipeline.processor().process(batch)
        pipeline.detector().process(batch)
    else:
        pipeline.detector().process(batch)
        assert found(pipeline) == []
        pipeline.processor().process(batch)
        pipeline.detector().process(TICK)
    assert found(pipeline) == [("unusual_page_sequence", "session-1")] * incidents


@pytest.mark.parametrize(
    ("page", "kind", "checkout"),
    [
        ("/checkout", "page_view", True),
        ("/Checkout/step-1", "page_view", True),
        ("/shop/CHECKOUT.php", "page_view", True),
        ("/checkouts/cn/1", "page_view", True),
        ("https://shop.example/checkout?step=1", "page_view", True),
        ("/checkout", "click", False),
        ("/blog/checkout-page-tips", "page_view", False),
        ("/precheckout", "page_view", False),
        ("/checkout.settings.page", "page_view", False),
        ("/", "page_view", False),
    ],
)
def test_checkout_is_the_view_of_a_page_with_that_segment(
    page: str, kind: str, *, checkout: bool
) -> None:
    """A first event is unusual when it views a checkout; a word in a page's name is none."""
    pipeline = Pipeline()
    batch = invocation(encode([event(page_url=page, event_type=kind)]))
    pipeline.processor().process(batch)
    pipeline.detector().process(batch)
    assert found(pipeline) == [("unusual_page_sequence", "session-1")] * checkout


def test_checkout_waits_while_the_processor_is_ahead_or_behind() -> None:
    """The verdict's time depends on the processor, the verdict does not."""
    pipeline = Pipeline()
    first, rest = browse("/a", "/checkout"), browse("/b", "/c", "/d", start=2)
    pipeline.processor().process(first)
    pipeline.processor().process(rest)
    pipeline.detector().process(first)
    assert found(pipeline) == []
    pipeline.detector().process(rest)
    assert found(pipeline) == [("unusual_page_sequence", "session-1")]


def test_checkout_counts_events_of_parent_shards() -> None:
    """After a reshard, what the session did in the parent shard counts as earlier."""
    pipeline = Pipeline()
    pipeline.processor().process(browse("/a", "/b", "/c"))
    payloads = encode([event(page_url="/checkout", timestamp="2026-11-23T12:00:20Z")])
    batch = invocation(payloads, start=100, shard="shardId-000000000007")
    pipeline.detector().process(batch)
    pipeline.processor().process(batch)
    pipeline.detector().process(TICK)
    assert found(pipeline) == []


def test_earlier_events_by_the_rule() -> None:
    """Bounds and exact numbers of earlier events for each position of the two functions."""
    checkout = Checkout(10, "s", 0, 0, {}, {11: 1, 12: 2})

    def judge(total: int, lanes: dict[str, tuple[int, int]], reached: int = 12) -> int | None:
        return earlier_events(
            SessionCounts(total, lanes), checkout, lane_code="L", reached=reached, enough=3
        )

    assert judge(0, {}) is None
    assert judge(2, {"L": (2, 9)}) is None
    assert judge(3, {"L": (3, 9)}) == 3
    assert judge(3, {"L": (3, 10)}) == 2
    assert judge(6, {"L": (6, 12)}) == 2
    assert judge(6, {"L": (6, 13)}) is None
    assert judge(8, {"L": (3, 10), "parent": (1, 5), "child": (4, 20)}) == 3
    assert judge(4, {"parent": (3, 5), "child": (1, 20)}) == 3


def test_state_that_is_too_large_is_cut_and_counted() -> None:
    """The lane item stays writable with any number of sessions; what was given up is counted."""
    source = random.Random(1)  # noqa: S311 - reproducible
    state = LaneState(clock_ms=1)
    state.open = {"60": {1: {source.randbytes(7).hex(): number % 5 for number in range(60_000)}}}
    state.pending = [
        Checkout(number, source.randbytes(500).hex(), 1, 1, {}) for number in range(400)
    ]
    assert len(state.encode()) <= LARGEST_STATE_BYTES
    assert state.truncated > 0
    kept = list(state.open["60"][1].values())
    assert min(kept) >= 1
    assert state.pending[-1].sequence == 399
    state.open, state.truncated = {}, 0
    state.pending = [Checkout(1, source.randbytes(400_000).hex(), 1, 1, {})]
    assert len(state.encode()) <= LARGEST_STATE_BYTES
    assert (state.pending, state.truncated) == ([], 1)


def test_state_survives_encoding() -> None:
    """What is written is what is read."""
    state = LaneState(
        clock_ms=5,
        open={"60": {1: {"a": 2}}},
        values={"600|r": {1: {"a": ["NL"]}}},
        quiet=Quiet({"r|a": [9, 1, 2]}),
        tallies={1: {"*": 3}},
        pending=[Checkout(10**50, "s", 1, 2, {"page_url": "/checkout"}, {10**50: 1})],
    )
    assert LaneState.decode(state.encode()) == state


def test_batch_of_bad_rows_advances_the_lane() -> None:
    """The detector leaves bad rows to the processor and goes on."""
    pipeline = Pipeline()
    pipeline.detector().process(invocation([b"{", b"7"]))
    (item,) = pipeline.dynamodb.items(COUNTERS)
    assert item["shard"]["S"] == SHARD
    assert int(item["ttl"]["N"]) == int(NOW) + 48 * 3600
