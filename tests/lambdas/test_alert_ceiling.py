"""The ceiling of incidents by rule and minute: what is above it is counted in summaries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ceiling import MOST_INCIDENTS, Ceiling
from detector.messages import OVER_SUBJECT, SUBJECT
from detector.minute_counts import Tally
from detector.site_rules import SiteRules
from detector.site_state import SiteState
from detector.telling import Telling
from shared.config import Fields, Rule
from tests.lambdas.pipelines import KEY, NOW, Pipeline, encode, event, invocation, make_config
from tests.lambdas.site_minutes import Site

ROBOT = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
AGENTS = "suspicious_user_agent"
MINUTE_MS = 60_000


def crawl(first: int, count: int, **members: Any) -> list[bytes]:
    """Page views of a robot that keeps no cookies: each has a session of its own."""
    return encode(
        event(session_id=f"s{number}", user_id=None, user_agent=ROBOT, **members)
        for number in range(first, first + count)
    )


def run(pipeline: Pipeline, payloads: list[bytes], *, cut: int = 1000, start: int = 0) -> None:
    """Hand records over in batches of `cut`, each to a new container."""
    for at in range(0, len(payloads), cut):
        batch = payloads[at : at + cut]
        made = invocation(batch, start=start + at, arrival=pipeline.now)
        pipeline.detector().process(made)


def folded(pipeline: Pipeline) -> int:
    """How many subjects the summaries stand for."""
    return sum(each.folded for each in pipeline.readback().incidents())


def lane_item(pipeline: Pipeline) -> dict[str, Any]:
    """The detector's item of the only lane."""
    (item,) = (
        item
        for item in pipeline.dynamodb.items("p-counters")
        if item["metric_name"]["S"] == "detector"
    )
    return item


@pytest.mark.parametrize("cut", [1, 37, 1000])
def test_a_crawl_is_ten_incidents_and_a_summary(cut: int) -> None:
    """However the batches are cut: ten of 300 sessions are told one by one, the rest as a count."""
    pipeline = Pipeline()
    run(pipeline, crawl(0, 300), cut=cut)
    pipeline.now += 400
    run(pipeline, encode([event(timestamp="2026-11-23T12:07:00Z")]), start=1000)
    incidents = pipeline.readback().incidents()
    singles = [each for each in incidents if each.session_id]
    (summary,) = (each for each in incidents if not each.session_id)
    assert [each.rule for each in singles] == [AGENTS] * MOST_INCIDENTS
    assert summary.rule == AGENTS
    assert folded(pipeline) == 300 - MOST_INCIDENTS
    assert lane_item(pipeline)["folded"]["N"] == str(300 - MOST_INCIDENTS)
    subjects = [each["Subject"] for each in pipeline.sns.messages]
    assert subjects.count(SUBJECT) == MOST_INCIDENTS + 1
    assert subjects.count(OVER_SUBJECT) == MOST_INCIDENTS


def test_the_summary_says_how_many_and_from_when() -> None:
    """One message, which needs no second one that it is over."""
    pipeline = Pipeline()
    run(pipeline, crawl(0, 25))
    pipeline.now += 400
    run(pipeline, encode([event(timestamp="2026-11-23T12:07:00Z")]), start=1000)
    (message,) = (
        message
        for message in (json.loads(each["Message"]) for each in pipeline.sns.messages)
        if "folded" in message
    )
    assert message["folded"] == 15
    assert message["session_id"] is None
    assert message["over"] == "2026-11-23T12:00:00.000Z"
    (anomaly,) = message["anomalies"]
    assert anomaly["details"] == (
        "15 more sessions from 2026-11-23T12:00 to 2026-11-23T12:00, not told one by one"
    )
    (line,) = [line for line in pipeline.metric_lines("Anomalies") if line["Anomalies"] == 15
               and "Rule" in line]  # fmt: skip
    assert line["Rule"] == AGENTS


def test_a_tick_tells_the_summary_of_a_crawl_that_stopped() -> None:
    """No later event has to come."""
    site = Site()
    site.put(30, user_agent=ROBOT)
    assert folded(site.pipeline) == 0
    for _ in range(5):
        site.end_minute()
    assert folded(site.pipeline) == 30 - MOST_INCIDENTS
    assert len([each for each in site.found() if each[0] == AGENTS]) == MOST_INCIDENTS + 1


def test_ceilings_of_rules_are_apart() -> None:
    """A crawl does not hide a session that clicks too fast."""
    pipeline = Pipeline()
    clicks = encode(event(session_id="human") for _ in range(60))
    run(pipeline, crawl(0, 100) + clicks)
    rules = {each.rule for each in pipeline.readback().incidents() if each.session_id == "human"}
    assert rules == {"high_frequency_clicks"}


def test_a_crawl_of_hours_begins_some_twenty_incidents() -> None:
    """A minute above the ceiling halves the next one's; summaries come ever more rarely."""
    ceiling, begun, summaries = Ceiling(), 0, []
    for minute in range(240):
        summaries += ceiling.go_on(minute * MINUTE_MS)
        begun += sum(
            ceiling.admits("r", f"{minute}-{number}", clock_ms=minute * MINUTE_MS, cooldown=1800)
            for number in range(50)
        )
    summaries += ceiling.go_on(241 * MINUTE_MS)
    assert begun == MOST_INCIDENTS + 5 + 2 + 1
    assert begun + sum(each.count for each in summaries) == 240 * 50
    assert len(summaries) == len((1, 2, 4, 8, 16, 32, 60, 120, 180, 240))


def test_the_first_minute_at_the_ceiling_restores_it() -> None:
    """A new wave after a calm minute is told as the first was."""
    ceiling = Ceiling()
    for minute, subjects in ((0, 50), (1, 3), (2, 50)):
        ceiling.go_on(minute * MINUTE_MS)
        begun = sum(
            ceiling.admits("r", f"{minute}-{number}", clock_ms=minute * MINUTE_MS, cooldown=60)
            for number in range(subjects)
        )
        assert begun == min(subjects, MOST_INCIDENTS)


def test_a_folded_subject_that_keeps_on_is_counted_once() -> None:
    """Until its cooldown is over; then it counts again, as an incident of its own would."""
    ceiling = Ceiling()
    for number in range(MOST_INCIDENTS):
        assert ceiling.admits("r", str(number), clock_ms=0, cooldown=60)
    for clock_ms in (0, 1, 59_999):
        assert not ceiling.admits("r", "late", clock_ms=clock_ms, cooldown=60)
    (summary,) = ceiling.go_on(MINUTE_MS)
    assert summary.count == 1


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=80),
    cuts=st.sets(st.integers(0, 80)),
)
def test_every_subject_is_begun_or_counted_whatever_is_saved_between(
    steps: list[tuple[int, int]], cuts: set[int]
) -> None:
    """Saving and loading between any two changes nothing, and no subject is lost or doubled."""

    def play(saved_after: set[int]) -> tuple[list[bool], int, int]:
        ceiling, clock, told, counted = Ceiling(), 0, [], 0
        for index, (minutes, number) in enumerate(steps):
            clock += minutes * MINUTE_MS
            counted += sum(each.count for each in ceiling.go_on(clock))
            told.append(ceiling.admits("r", f"{index} {number}", clock_ms=clock, cooldown=60))
            if index in saved_after:
                ceiling = Ceiling.decode(ceiling.encode())
        counted += sum(each.count for each in ceiling.go_on(clock + 10 * MINUTE_MS))
        return told, counted, sum(fold.folded for fold in ceiling.folds.values())

    undisturbed = play(set())
    assert play(cuts) == undisturbed
    told, counted, left = undisturbed
    assert sum(told) + counted + left == len(steps)
    assert left == 0


def test_rules_about_pages_have_a_ceiling_too() -> None:
    """Hundreds of pages above their rate in one minute: the busiest are told, the rest counted."""
    rule = Rule("busy", "Rate", "Page", operator="GreaterThan", limit=5, per_seconds=60)
    rules, state = (
        SiteRules([rule], Fields(), "Medium", Telling(make_config().privacy, Fields(), KEY)),
        SiteState(),
    )
    minute = NOW // 60
    code = Tally(rule, Fields()).code
    found: list[Any] = []
    for offset in range(8):
        sums = {f"{code}|/{number:03}": 10 + number for number in range(200)} if offset == 6 else {}
        found += rules.judge(state, int(minute) + offset, sums)
    begun = [each for each in found if getattr(each, "subject", "")]
    (summary,) = (each for each in found if getattr(each, "folded", 0))
    assert [each.subject for each in begun] == [f"/{199 - number}" for number in range(10)]
    assert summary.folded == state.folded == 190
    assert "190 more pages" in summary.explanation
