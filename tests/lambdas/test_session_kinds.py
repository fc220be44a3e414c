"""A user's rules about sessions: each kind, its window, its end, and input of the worst kind."""

from __future__ import annotations

import json
import random
import tracemalloc
from typing import Any

import pytest

from detector.detector import Detector
from detector.lane_state import LaneState
from detector.messages import OVER_SUBJECT, SUBJECT
from detector.rule_filter import network
from shared.config import Rule
from shared.timestamps import instant_text
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.memory_kinesis import MemoryKinesis
from tests.lambdas.pipelines import (
    KEY,
    NOW,
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_detection,
)
from tests.lambdas.test_detector import TICK, found

ALL_BUILT_IN = [
    "high_frequency_clicks",
    "suspicious_user_agent",
    "unusual_page_sequence",
    "volume",
    "geographic",
]


def watch(*rules: dict[str, Any]) -> Pipeline:
    """Return a pipeline that judges these rules alone."""
    given = [{"scope": "Session"} | rule for rule in rules]
    return Pipeline(make_config(detection=make_detection(rules=given, disabledRules=ALL_BUILT_IN)))


def see(pipeline: Pipeline, *documents: dict[str, Any]) -> list[str]:
    """Give one batch to the detector; return the rules of all incidents so far."""
    pipeline.detector().process(invocation(encode(documents)))
    return [rule for rule, _ in found(pipeline)]


CASES: list[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = [
    # rule, events that leave it silent, events that make it fire
    ({"kind": "Rate", "limit": 2}, [{}] * 2, [{}] * 3),
    (
        {"kind": "Rate", "limit": 1, "match": {"event_type": "buy"}},
        [{}] * 9,
        [{"event_type": "buy"}] * 2,
    ),
    ({"kind": "Rate", "limit": 1, "field": "coupon"}, [{"coupon": None}] * 9, [{"coupon": 0}] * 2),
    (
        {"kind": "Threshold", "field": "n", "limit": 9.5},
        [{"n": 9.5}, {"n": "10"}, {"n": True}],
        [{"n": 10}],
    ),
    (
        {"kind": "Threshold", "field": "n", "limit": 5, "operator": "LessThan"},
        [{"n": 5}],
        [{"n": -1e300}],
    ),
    (
        {"kind": "Threshold", "field": "n", "limit": 5, "operator": "Equals"},
        [{"n": 6}],
        [{"n": 5.0}],
    ),
    ({"kind": "Threshold", "field": "n", "limit": 5, "minVolume": 2}, [{"n": 6}], [{"n": 6}] * 2),
    (
        {"kind": "Match", "field": "plan", "text": "gold"},
        [{"plan": "gold!"}, {"plan": None}],
        [{"plan": "gold"}],
    ),
    (
        {"kind": "Match", "field": "ok", "text": "true"},
        [{"ok": False}, {"ok": "yes"}],
        [{"ok": True}],
    ),
    (
        {"kind": "Match", "field": "x", "text": "dm", "operator": "Contains"},
        [{"x": "dam"}],
        [{"x": "/admin"}],
    ),
    (
        {"kind": "Match", "field": "x", "text": "/a*n", "operator": "Matches"},
        [{"x": "/admins"}],
        [{"x": "/admin"}],
    ),
    (
        {"kind": "Ratio", "field": "error", "limit": 0.5, "minVolume": 4},
        [{"error": "x"}] * 2 + [{}] * 2,
        [{}, {"error": "x"}, {"error": "x"}, {"error": "x"}],
    ),
    (
        {"kind": "Ratio", "field": "seen", "limit": 0.5, "operator": "LessThan", "minVolume": 4},
        [{"seen": 1}] * 2 + [{}] * 2,
        [{"seen": 1}] + [{}] * 3,
    ),
]


@pytest.mark.parametrize(("rule", "silent", "loud"), CASES)
def test_kind(
    rule: dict[str, Any], silent: list[dict[str, Any]], loud: list[dict[str, Any]]
) -> None:
    """Fires when it holds and not a step before; another session's events are not counted."""
    pipeline = watch({"name": "mine"} | rule)
    assert see(pipeline, *(event(**members) for members in silent)) == []
    others = [event(session_id=f"other-{n}", **loud[-1]) for n in range(len(loud) - 1)]
    pipeline = watch({"name": "mine"} | rule)
    documents = [event(**members) for members in loud]
    if len(loud) > 1:
        assert see(pipeline, *others) == []
        pipeline = watch({"name": "mine"} | rule)
    assert see(pipeline, *documents) == ["mine"]


def test_window_of_a_rule_is_its_own() -> None:
    """Three events in ten seconds, or in an hour: each rule looks at its window."""
    rules = (
        {"name": "short", "kind": "Rate", "limit": 2, "perSeconds": 10},
        {"name": "long", "kind": "Rate", "limit": 2, "perSeconds": 3600},
    )
    spread = [event(timestamp=f"2026-11-23T12:00:{second:02d}Z") for second in (1, 11, 21)]
    assert see(watch(*rules), *spread) == ["long"]
    close = [event(timestamp=f"2026-11-23T12:00:{second:02d}Z") for second in (1, 2, 3)]
    assert sorted(see(watch(*rules), *close)) == ["long", "short"]


def test_session_in_two_countries() -> None:
    """`geographic` fires for a second country within ten minutes, never without a country."""
    pipeline = Pipeline()
    assert see(pipeline, event(), event(country="NL"), event(country="NL"), event()) == []
    assert see(pipeline, event()) == []
    pipeline = Pipeline()
    assert see(pipeline, event(country="NL"), event(country="BR")) == ["geographic"]


@pytest.mark.parametrize(
    "other", ["nl", " NL", "", "XX", "xx", "ZZ", "T1", "A1", "(not set)", "not_set", "unknown", "-"]
)
@pytest.mark.parametrize("first", [True, False])
def test_country_unknown_or_in_another_case_is_no_second_one(other: str, *, first: bool) -> None:
    """What edges and producers write where they know no country is not a country."""
    pair = [event(country=other), event(country="NL")]
    assert see(Pipeline(), *(pair if first else pair[::-1])) == []


def test_own_rule_stands_in_the_place_of_a_built_in_one() -> None:
    """A user's `high_frequency_clicks` of 5 replaces the one of 50."""
    own = {"name": "high_frequency_clicks", "kind": "Rate", "scope": "Session", "limit": 5}
    pipeline = Pipeline(make_config(detection=make_detection(rules=[own])))
    assert see(pipeline, *([event()] * 6)) == ["high_frequency_clicks"]
    assert json.loads(pipeline.sns.messages[0]["Message"])["anomalies"][0]["details"] == (
        "More than 5 events in 60 s"
    )


def tick(pipeline: Pipeline) -> None:
    """Let the schedule call while nothing of the stream is unread."""
    Detector(
        pipeline.config,
        dynamodb=pipeline.dynamodb,
        sns=pipeline.sns,
        kinesis=MemoryKinesis(),
        hash_key=KEY,
        clock=lambda: pipeline.now,
    ).process(TICK)


@pytest.mark.parametrize("cut", [1, 3, 1000])
@pytest.mark.parametrize("by_tick", [True, False])
def test_incident_is_over_after_a_calm_window(cut: int, *, by_tick: bool) -> None:
    """One message when it begins, one when it is over, whoever sees and however batches are cut."""
    pipeline = watch({"name": "mine", "kind": "Match", "field": "plan", "text": "gold"})
    times = [NOW, NOW + 20, NOW + 60]
    payloads = encode(event(timestamp=instant_text(round(t * 1000)), plan="gold") for t in times)
    for start in range(0, 3, cut):
        part = payloads[start : start + cut]
        arrivals = times[start : start + cut]
        pipeline.detector().process(invocation(part, start=start, arrivals=arrivals))
    # Calm: the window of 60 s and two minutes of grace, from the last firing on.
    for seconds, over in ((239, False), (241, True)):
        if by_tick:
            pipeline.now = NOW + seconds + 10
            tick(pipeline)
        else:
            at = NOW + seconds
            later = event(timestamp=instant_text(round(at * 1000)), session_id="other")
            pipeline.detector().process(invocation(encode([later]), start=seconds, arrival=at))
        (incident,) = pipeline.readback().incidents()
        assert (incident.over is not None) == over
    subjects = [message["Subject"] for message in pipeline.sns.messages]
    assert subjects == [SUBJECT, OVER_SUBJECT]
    begun, ended = (json.loads(message["Message"]) for message in pipeline.sns.messages)
    assert begun["incident_id"] == ended["incident_id"]
    assert ended["over"] == instant_text(round((NOW + 60) * 1000))
    assert ended["anomalies"][0]["isAnomaly"] is False
    assert "over" not in begun


_LANE_WRITE = 7
"""Writes of the batch that ends an incident before the lane's: the attempt and its end, the entry
of what is to be sent, the item, the message, its mark, the entry again."""


@pytest.mark.parametrize("together", [True, False])
def test_checkout_long_after_another_does_not_prolong_it(*, together: bool) -> None:
    """The first incident is over by its own time, whether both came in one batch or in two."""
    times = [NOW, NOW + 400]
    payloads = encode(
        event(page_url="/checkout", timestamp=instant_text(round(t * 1000))) for t in times
    )
    pipeline = Pipeline()
    parts = [(0, 2)] if together else [(0, 1), (1, 2)]
    for first, last in parts:
        batch = invocation(payloads[first:last], start=first, arrivals=times[first:last])
        pipeline.processor().process(batch)
        pipeline.detector().process(batch)
    (incident,) = pipeline.readback().incidents()
    assert incident.over == instant_text(round(NOW * 1000))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_at_any_write_of_an_ending(moment: str) -> None:
    """Around each write of the batch that ends an incident: over once, told at least once."""

    def play(write: int | None) -> tuple[set[str], str | None]:
        pipeline = watch({"name": "mine", "kind": "Match", "field": "plan", "text": "gold"})
        see(pipeline, event(plan="gold"))
        later = invocation(encode([event(session_id="x")]), start=9, arrival=NOW + 400)
        first = pipeline.faults.writes
        if write is not None:
            setattr(pipeline.faults, f"crash_{moment}", first + write)
            with pytest.raises(CrashError):
                pipeline.detector().process(later)
        pipeline.detector().process(later)
        pipeline.now += 500
        pipeline.detector().process(TICK)
        (incident,) = pipeline.readback().incidents()
        assert incident.over_sent == 1
        told = [m["Subject"] for m in pipeline.sns.messages]
        if write == _LANE_WRITE:
            assert told.count(OVER_SUBJECT) == 1
        return set(told), incident.over

    undisturbed = play(None)
    assert undisturbed[0] == {SUBJECT, OVER_SUBJECT}
    for write in range(_LANE_WRITE + 1):
        assert play(write) == undisturbed


def test_state_of_the_first_version_is_read() -> None:
    """A lane that an earlier package left goes on: counts, quiet times, checkouts."""
    import zlib  # noqa: PLC0415 - the old form is made by hand

    old = [5, {"7": {"a": 2}}, {"r|a": 9}, []]
    state = LaneState.decode(zlib.compress(json.dumps(old).encode()))
    assert (state.clock_ms, state.open) == (5, {"60": {7: {"a": 2}}})
    assert not state.quiet.fire("r", "a", clock_ms=8, minute=1, cooldown=60)
    assert state.quiet.fire("r", "a", clock_ms=9, minute=1, cooldown=60)


MEMBERS = (
    "n", "event_type", "page_url", "ip_address", "country", "user_agent", "session_id",
)  # fmt: skip
WORST: list[Any] = [
    "",
    "\ud800 half a pair",
    "a" * 10_000,
    {"deep": [{}] * 50},
    [1, "2", None],
    10**300,
    -0.0,
    1e308,
    True,
    None,
    "*[!x]?" * 40,
    "\u0000",
]


def test_worst_input_fails_no_batch_and_writes_no_wrong_key() -> None:
    """Every kind of value in every member that a rule looks at, and 3,000 event types."""
    rules: list[dict[str, Any]] = [
        {"name": "rate", "kind": "Rate", "limit": 5, "match": {"event_type": "1"}},
        {"name": "threshold", "kind": "Threshold", "field": "n", "limit": 1e15},
        {"name": "match", "kind": "Match", "field": "n", "text": "*[*", "operator": "Matches"},
        {"name": "ratio", "kind": "Ratio", "field": "n", "limit": 0.5, "minVolume": 5},
        {"name": "page", "kind": "Rate", "scope": "Page", "limit": 5},
        {"name": "net", "kind": "Rate", "scope": "IPPrefix", "limit": 5},
        {"name": "site", "kind": "Rate", "scope": "Site", "limit": 5},
    ]
    given = [{"scope": "Session"} | rule for rule in rules]
    pipeline = Pipeline(make_config(detection=make_detection(rules=given)))
    documents = [event(**{member: value}) for value in WORST for member in MEMBERS]
    documents += [event(event_type=f"type-{number}") for number in range(3000)]
    payloads = [json.dumps(document).encode() for document in documents]
    payloads += [b'{"n": NaN}', b"\xff\xfe", b"[" * 3000, b""]
    pipeline.detector().process(invocation(payloads))
    pipeline.detector().process(TICK)
    dimensions = {line["Rule"] for line in pipeline.metric_lines("Anomalies") if "Rule" in line}
    names = {rule["name"] for rule in rules} | set(ALL_BUILT_IN)
    assert dimensions <= names
    for incident in pipeline.readback().incidents():
        assert len(incident.subject) <= 2048
        assert incident.event_time.startswith("2026-11-23T12")


def test_empty_and_unknown_invocations_change_nothing() -> None:
    """No records, or a payload of somebody else: no write, no failure."""
    pipeline = Pipeline()
    payloads: list[dict[str, Any]] = [{"Records": []}, {}, {"source": "aws.events"}]
    for payload in payloads:
        assert pipeline.detector().process(payload) == {"batchItemFailures": []}
    assert pipeline.faults.writes == 0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0", "203.0.113.0/24"),
        ("203.0.113.7:443, 10.0.0.1", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("not an address", None),
        (7, None),
        (None, None),
    ],
)
def test_network_of_an_address(address: object, expected: str | None) -> None:
    """A /24 or a /48 of the first address; nothing of what is none."""
    assert network(address) == expected


def test_full_state_fits_the_smallest_memory() -> None:
    """A lane with 60,000 sessions a minute is read, advanced and written within half of 128 MB."""
    source = random.Random(3)  # noqa: S311 - reproducible
    pipeline = Pipeline()
    payloads = encode(event(session_id=source.randbytes(9).hex()) for _ in range(10_000))
    pipeline.detector().process(invocation(payloads))
    lanes = pipeline.detector()._lanes
    ((lane, state),) = lanes.load_all()
    counts = state.open["60"]
    minute = next(iter(counts))
    counts[minute] |= {source.randbytes(7).hex(): 1 for _ in range(50_000)}
    assert lanes.save(lane, expected=state.watermark, state=state) is None
    assert state.truncated
    del state, counts
    batch = invocation(payloads, start=20_000)
    tracemalloc.start()
    pipeline.detector().process(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_rule_has_the_defaults_that_the_operator_leaves_out() -> None:
    """A rule of name and kind is one of sessions, by the minute, quiet for half an hour."""
    rule = Rule("mine", "Rate")
    assert (rule.scope, rule.per_seconds, rule.cooldown_seconds) == ("Session", 60, 1800)
