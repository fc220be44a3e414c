"""Runs of a deployed detector that show the effect of a field: its code on stores in memory."""

from __future__ import annotations

import json
from typing import Any, Final

from shared.timestamps import instant_text
from tests.lambdas.memory_aws import epoch
from tests.lambdas.pipelines import Pipeline, encode, event, invocation
from tests.reliability.probes.registry import levels, probe

MINUTE_0: Final = epoch("2026-11-23T12:00:00")


def detect(pipeline: Pipeline, *documents: dict[str, Any]) -> None:
    """Give one batch to the detector."""
    pipeline.detector().process(invocation(encode(documents)))


def incidents(pipeline: Pipeline) -> list[str]:
    """Rules of the incidents."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [item["rule"]["S"] for item in items if item["metric_name"]["S"] == "incident"]


@probe
def log_levels_of_incidents(pipeline: Pipeline) -> Any:
    """One incident is worth one WARNING line."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return levels(pipeline)


@probe
def countries_of_alerts(pipeline: Pipeline) -> Any:
    """Two members could be the country; an incident's message has the one that is."""
    detect(pipeline, event(user_agent="Googlebot/2.1", country="NL", other_country="BE"))
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    details = [
        json.loads(item["message"]["S"])["event_details"] for item in items if "message" in item
    ]
    return [each.get("country") or each.get("other_country") for each in details]


@probe
def incidents_of_thirty_events(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    detect(pipeline, *(event(timestamp=f"2026-11-23T11:59:{n:02d}Z") for n in range(30)))
    return incidents(pipeline)


@probe
def ids_of_alerts(pipeline: Pipeline) -> Any:
    """Two members could be the event id; an incident's message has the one that is."""
    detect(pipeline, event(user_agent="Googlebot/2.1", event_id="a", other_id="b"))
    (details,) = [each["event_details"] for each in messages(pipeline)]
    return [details.get("event_id") or details.get("other_id")]


def messages(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Messages of the incidents, as their items hold them."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [json.loads(item["message"]["S"]) for item in items if "message" in item]


def order(pipeline: Pipeline) -> None:
    """Three orders of one session, of 1, 2 and 3, within a minute; then the ticks judge it."""
    minute(pipeline, 0, 3)
    tick(pipeline, 1)


def minute(pipeline: Pipeline, number: int, count: int) -> None:
    """Some orders in a minute, `number` of them later than others."""
    arrival = MINUTE_0 + number * 60
    batch = invocation(
        encode(
            event(
                timestamp=instant_text(round((arrival + 20 * index) * 1000)),
                event_type="order",
                amount=index + 1,
            )
            for index in range(count)
        ),
        start=number * 10,
        arrival=arrival + 45,
    )
    pipeline.now = arrival + 45
    pipeline.detector().process(batch)


def tick(pipeline: Pipeline, number: int) -> None:
    """Let another minute's event close what came before, and the schedule call."""
    arrival = MINUTE_0 + number * 60 + 130
    closing = event(timestamp=instant_text(round(arrival * 1000)), session_id="closing")
    pipeline.detector().process(
        invocation(encode([closing]), start=number * 10 + 5, arrival=arrival)
    )
    pipeline.now = arrival + 15
    pipeline.detector().process({"source": "clickstream.schedule"})


def warm_up(pipeline: Pipeline) -> None:
    """Let the rules of the site settle in quiet minutes."""
    for number in range(-8, 0):
        tick(pipeline, number)


@probe
def incidents_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    order(pipeline)
    return incidents(pipeline)


@probe
def subjects_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one page, one minute."""
    warm_up(pipeline)
    order(pipeline)
    return [message["subject"] for message in messages(pipeline)]


@probe
def severities_of_three_orders(pipeline: Pipeline) -> Any:
    """One session, one minute."""
    order(pipeline)
    return [message["severity"] for message in messages(pipeline)]


@probe
def incidents_of_two_busy_minutes(pipeline: Pipeline) -> Any:
    """Three orders in each of two minutes."""
    warm_up(pipeline)
    minute(pipeline, 0, 3)
    minute(pipeline, 1, 3)
    tick(pipeline, 2)
    return incidents(pipeline)


@probe
def incidents_of_two_bursts(pipeline: Pipeline) -> Any:
    """Three orders of one session, and ten minutes later three more."""
    minute(pipeline, 0, 3)
    minute(pipeline, 10, 3)
    return incidents(pipeline)


@probe
def incidents_of_a_bot(pipeline: Pipeline) -> Any:
    """One event of a robot."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return incidents(pipeline)


@probe
def topics_of_alerts(pipeline: Pipeline) -> Any:
    """Where the message of an incident goes."""
    detect(pipeline, event(user_agent="Googlebot/2.1"))
    return [message["TopicArn"] for message in pipeline.sns.messages]
