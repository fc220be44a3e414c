"""Presets: the events of each producer are understood, all of them, and name nobody."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from clickstream_operator.api.presets import ORIGINAL, PRESETS, resolve
from clickstream_operator.api.spec.events import Events
from shared.config import parse_config
from simulator.producers import PRODUCERS, SECRETS, Producer, Truth
from tests.lambdas.pipelines import NOW, Pipeline, config_document, invocation, make_privacy

START = datetime.fromtimestamp(NOW, UTC).replace(microsecond=0)


def resolved(events: dict[str, Any], *, users_are_dropped: bool = False) -> dict[str, Any]:
    """Return the form of events that a spec's `events` stands for."""
    given = Events.model_validate(events).model_dump(by_alias=True, exclude_none=True)
    return resolve(given, users_are_dropped=users_are_dropped)


def pipeline_of(events: dict[str, Any], *records: bytes, user_id: str = "Hash") -> Pipeline:
    """Return a pipeline whose configuration follows from a spec's `events`."""
    form = resolved(events, users_are_dropped=user_id == "Drop")
    document = config_document(events=form, privacy=make_privacy(userId=user_id))
    pipeline = Pipeline(parse_config(json.dumps(document)))
    batch = invocation(records)
    assert pipeline.processor().process(batch) == {"batchItemFailures": []}
    pipeline.detector().process(batch)
    return pipeline


def test_every_preset_has_a_producer() -> None:
    """None is without events that try it."""
    assert {producer.preset for producer in PRODUCERS} == {*PRESETS}


@pytest.mark.parametrize("producer", PRODUCERS, ids=lambda producer: producer.preset)
def test_events_of_a_producer_are_understood(producer: Producer) -> None:
    """Views, visitors, sessions and types are the truth, and no row is bad."""
    pipeline = pipeline_of({"preset": producer.preset}, *producer.records(START))
    assert [asdict(row) for row in pipeline.readback().bad_rows()] == []
    assert Truth.of(pipeline.readback()) == producer.truth


@pytest.mark.parametrize("user_id", ["Hash", "Drop"])
@pytest.mark.parametrize("producer", PRODUCERS, ids=lambda producer: producer.preset)
def test_events_of_a_producer_name_nobody(producer: Producer, user_id: str) -> None:
    """Neither in the stores nor in messages and lines."""
    pipeline = pipeline_of({"preset": producer.preset}, *producer.records(START), user_id=user_id)
    stored = pipeline.everything_stored()
    for secret in SECRETS:
        assert secret not in stored


@pytest.mark.parametrize("producer", PRODUCERS, ids=lambda producer: producer.preset)
def test_agents_and_referrers_are_read(producer: Producer) -> None:
    """Where the producer sends them: GA4 exports no user agent."""
    pipeline = pipeline_of({"preset": producer.preset}, *producer.records(START))
    agents = {one.user_agent for one in pipeline.readback().all_sessions().values()}
    assert all(agent and "Chrome/141" in agent for agent in agents) or producer.preset == "GA4"


def test_what_the_spec_says_wins() -> None:
    """Each field on its own, and lists as a whole."""
    found = resolved(
        {
            "preset": "Segment",
            "fields": {"session": "context.sessionId", "time": "receivedAt"},
            "pageViewTypes": ["Viewed"],
            "unwrap": [],
            "time": "Event",
        }
    )
    assert found["fields"]["session"] == "context.sessionId"
    assert found["fields"]["time"] == "receivedAt"
    assert found["fields"]["page"] == PRESETS["Segment"].fields["page"]
    assert (found["pageViewTypes"], found["unwrap"], found["time"]) == (["Viewed"], [], "Event")


def test_defaults_of_an_earlier_version_are_no_choice() -> None:
    """Its CRD filled in every field; what differs was chosen."""
    stored = {**ORIGINAL, "session": "sid"}
    found = resolved({"preset": "PostHog", "fields": stored})
    assert found["fields"]["session"] == "sid"
    assert found["fields"]["page"] == PRESETS["PostHog"].fields["page"]
    chosen = {"session": "session_id"}
    found = resolved({"preset": "PostHog", "fields": chosen})
    assert found["fields"]["session"] == "session_id"


def test_without_a_preset_the_originals_names_hold() -> None:
    """As before there were any."""
    expected = {
        "fields": {**ORIGINAL},
        "pageViewTypes": ["page_view"],
        "unwrap": [],
        "time": "Event",
        "maxPastSeconds": 79200,
        "maxFutureSeconds": 600,
    }
    assert expected.items() <= resolved({}).items()


@pytest.mark.parametrize("preset", ["PostHog", "SnowplowJSON", "SnowplowTSV", "AwsClickstream"])
def test_no_session_is_made_from_what_is_dropped(preset: str) -> None:
    """With `userId: Drop` no alternative of a session leads to the id of a user."""
    fields = resolved({"preset": preset}, users_are_dropped=True)["fields"]
    users = {*fields["user"].split(" | "), *fields["anonymousId"].split(" | ")}
    assert users.isdisjoint(fields["session"].replace(" + ", " | ").split(" | "))


@pytest.mark.parametrize("preset", PRESETS)
def test_paths_fit_their_field(preset: str) -> None:
    """As the API server would take them from a user."""
    fields = {**PRESETS[preset].fields}
    found = Events.model_validate({"fields": fields}).fields
    assert found.model_dump(by_alias=True, exclude_none=True) == fields
