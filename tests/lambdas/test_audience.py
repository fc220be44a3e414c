"""Classes of agents, and the items of their own in which each class is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.audience import Audience, brands_of
from shared.config import RobotSettings
from tests.lambdas.pipelines import (
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import run, stored, with_fields

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
GPTBOT = "Mozilla/5.0 AppleWebKit/537.36 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
SETTINGS = RobotSettings(
    names=("acme-probe", "shop app"),
    except_names=("Acme-Agent", "acme-probe-ui"),
    verdict_field="verdict",
    client_hints_field="hints.brands",
)


@pytest.mark.parametrize(
    ("agent", "members", "expected"),
    [
        (CHROME, {}, "Human"),
        (None, {}, "Human"),
        (GOOGLEBOT, {}, "Robot"),
        (GPTBOT, {}, "AIAgent"),
        ("ACME-Probe/2", {}, "Robot"),
        ("Shop App/1 (iPhone)", {}, "Robot"),
        ("xacme-probes/1", {}, "Human"),
        ("acme-agent/1", {}, "Human"),
        ("acme-probe-ui/1", {}, "Human"),
        (CHROME, {"verdict": True}, "Robot"),
        (CHROME, {"verdict": "Likely_Automated"}, "Suspected"),
        (CHROME, {"verdict": "AI"}, "AIAgent"),
        (CHROME, {"verdict": False}, "Human"),
        (GOOGLEBOT, {"verdict": "human"}, "Robot"),
        (CHROME, {"verdict": 30}, "Human"),
        (CHROME, {"verdict": ["awswaf:managed:aws:bot-control:bot:category:ai"]}, "AIAgent"),
        (CHROME, {"verdict": "awswaf:managed:aws:bot-control:bot:name:bingbot"}, "Robot"),
        (
            CHROME,
            {"verdict": "awswaf:managed:aws:bot-control:signal:automated_browser"},
            "Suspected",
        ),
        ("acme-agent/1", {"verdict": True}, "Human"),
        (CHROME, {"hints": {"brands": '"HeadlessChrome";v="141"'}}, "Robot"),
        (CHROME, {"hints": {"brands": [{"brand": "HeadlessChrome", "version": "1"}]}}, "Robot"),
        (CHROME, {"hints": {"brands": '"Chromium";v="141", "Not A(Brand";v="8"'}}, "Human"),
        (CHROME, {"hints": {"brands": 7}}, "Human"),
    ],
)
def test_class_of_an_event(agent: str | None, members: dict[str, Any], expected: str) -> None:
    """Own lists, then the collector's verdict, then the user agent, then client hints."""
    assert Audience(SETTINGS).agent_class(agent, members) == expected


def test_brand_is_no_program_that_stands_first() -> None:
    """Client hints list brands in any order: a browser called `Node` is not the program."""
    assert Audience(SETTINGS).agent_class(CHROME, {"hints": {"brands": '"Node";v="1"'}}) == "Human"
    assert brands_of({"brands": [{"brand": "A"}, {"version": "1"}, "B"]}) == "(A; B)"


SENT = [
    event(user_agent=CHROME, user_id="ann-1234567"),
    event(user_agent=CHROME, user_id="bob-1234567", session_id="s2"),
    event(user_agent=GOOGLEBOT, user_id=None, session_id="r1"),
    event(user_agent=GOOGLEBOT, user_id=None, session_id="r2"),
    event(user_agent=GPTBOT, user_id=None, session_id="a1", page_url="/only-robots"),
    event(user_agent=CHROME, user_id=None, session_id="x1", verdict="suspected"),
    event(user_agent=GOOGLEBOT, session_id="r1", event_type="click"),
]


def pipeline_of(*, verdict: bool = True) -> Pipeline:
    """Return a pipeline that took what people and robots sent."""
    events = config_document()["events"] | (
        {"robots": {"verdictField": "verdict"}} if verdict else {}
    )
    pipeline = Pipeline(make_config(events=events))
    pipeline.processor().process(invocation(encode(SENT)))
    return pipeline


def test_people_and_robots_are_counted_apart_and_nothing_is_dropped() -> None:
    """Views, visitors, events and sessions of each class can be read; together they are all."""
    reader = pipeline_of().readback()
    hour = "2026-11-23T12"
    found = {
        agents: {
            page: (hours[hour].views, hours[hour].unique_visitors)
            for page, hours in reader.all_page_views(agents=agents).items()
        }
        for agents in ("Human", "Robot", "AIAgent", "Suspected")
    }
    assert found == {
        "Human": {"/products": (2, 2)},
        "Robot": {"/products": (2, 2)},
        "AIAgent": {"/only-robots": (1, 1)},
        "Suspected": {"/products": (1, 1)},
    }
    assert reader.page_views("/products")[hour].views == 2
    assert reader.page_views("/products", agents="Robot")[hour].views == 2
    assert sum(reader.counts("page_view").values()) == 2
    assert sum(reader.counts("page_view", agents="Robot").values()) == 2
    assert {kind: sum(n.values()) for kind, n in reader.all_counts(agents="Robot").items()} == {
        "page_view": 2,
        "click": 1,
    }
    assert [each.page for each in reader.top_pages(since=hour, until=hour)] == ["/products"]
    top = reader.top_pages(since=hour, until=hour, agents="AIAgent")
    assert [(each.page, each.views) for each in top] == [("/only-robots", 1)]
    classes = {name: each.agent_class for name, each in reader.all_sessions().items()}
    assert classes == {
        "session-1": "Human",
        "s2": "Human",
        "r1": "Robot",
        "r2": "Robot",
        "a1": "AIAgent",
        "x1": "Suspected",
    }
    archived = list(reader.archived_events())
    assert len(archived) == len(SENT)
    assert sum(each.agent_class == "Robot" for each in archived) == 3


def test_rebuild_counts_the_classes_of_the_day() -> None:
    """A rebuilt hour and session equal the live ones, although other lists hold now."""
    pipeline = pipeline_of()
    live = stored(pipeline)
    pipeline.config = with_fields()
    (line,) = run(pipeline, "rebuild", "2026-11-23T12", "--session", "r1")
    assert (line["replaced"], line["incomplete"], line["refused"]) == (0, [], [])
    assert line["equal"] > 6
    assert stored(pipeline) == live
    for item in pipeline.dynamodb.tables["p-page-metrics"].values():
        item["view_count"] = {"N": "0"}
    for item in pipeline.dynamodb.tables["p-session-metrics"].values():
        item.pop("robot_events", None)
    run(pipeline, "rebuild", "2026-11-23T12", "--session", "r1", "--session", "r2")
    assert stored(pipeline) == live


@pytest.mark.parametrize(
    ("events", "seconds", "expected"),
    [(60, 30, "Suspected"), (50, 30, "Human"), (60, 90, "Human"), (200, 90, "Suspected")],
)
def test_session_that_nobody_clicks_so_fast_is_suspected(
    events: int, seconds: int, expected: str
) -> None:
    """By its own count and span, whatever batches brought it; the events stay those of people."""
    pipeline = Pipeline()
    sent = [
        event(timestamp=1_763_899_000 + 365 * 86_400 + seconds * number / (events - 1))
        for number in range(events)
    ]
    pipeline.now = 1_763_899_000 + 365 * 86_400 + 100
    for start in range(0, events, 25):
        pipeline.processor().process(
            invocation(encode(sent[start : start + 25]), start=start, arrivals=None)
        )
    session = pipeline.readback().session("session-1")
    assert session is not None
    assert session.agent_class == expected


def test_own_names_hold_for_alerts_too() -> None:
    """A name that is none raises no alert; one that is a robot's does."""
    for names, expected in (({"exceptNames": ["acme-agent"]}, 0), ({"names": ["acme"]}, 1)):
        events = config_document()["events"] | {"robots": names}
        pipeline = Pipeline(make_config(events=events))
        pipeline.detector().process(invocation(encode([event(user_agent="acme-agent/1")])))
        assert len(pipeline.sns.messages) == expected


def test_longest_page_of_a_robot_is_a_bad_row_and_not_lost() -> None:
    """Its key is longer by the class; what does not fit is told like any other long key."""
    pipeline = Pipeline()
    url = "/" + "a" * 2047
    pipeline.processor().process(
        invocation(encode([event(page_url=url), event(page_url=url, user_agent=GOOGLEBOT)]))
    )
    reader = pipeline.readback()
    assert sum(hour.views for hour in reader.page_views(url).values()) == 1
    assert [row.reason for row in reader.bad_rows()] == ["bad_key"]
    assert json.loads(pipeline.sqs.messages[0])["reasons"] == {"bad_key": 1}
