"""Visitors of replayed bad rows are those of the mapping that replays them."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from shared.config import Config
from tests.lambdas.pipelines import (
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
    make_privacy,
)
from tests.lambdas.redrives import QUIET, bad_keys, run, with_fields

USER = "alice-7788"


def person(session: str, **members: Any) -> dict[str, Any]:
    """Return an event of a person that names her by no member but those given."""
    document = event(session_id=session, **{"user_id": None, **members})
    return {name: value for name, value in document.items() if value is not None}


def config_of(privacy: dict[str, Any], **names: str) -> Config:
    """Return a config with names of members and privacy settings."""
    document = config_document()
    document["events"]["fields"] |= names
    return make_config(events=document["events"], detection=QUIET, privacy=make_privacy(**privacy))


def visitors(pipeline: Pipeline) -> list[str]:
    """Return the visitors of the archived events, in the order in which they were sent."""
    events = pipeline.readback().archived_events()
    return [each.visitor for each in sorted(events, key=lambda one: one.event["number"])]


@pytest.mark.parametrize(
    ("before", "after", "members"),
    [
        ({}, {"user": "uid", "page": "url"}, [{"uid": USER}] * 3),
        ({}, {"user": "uid", "page": "url"}, [{"uid": USER}, {"uid": "bob-123456"}, {}]),
        ({}, {"page": "url"}, [{"user_id": USER}, {"user_id": "bob-123456"}, {}]),
        ({"user": "uid"}, {"page": "url"}, [{"uid": "x-1", "user_id": USER}, {"user_id": USER}]),
        ({}, {"user": "uid", "page": "url"}, [{"user_id": USER, "uid": USER}, {"uid": USER}]),
        ({}, {"user": "uid", "page": "url"}, [{"user_id": USER}, {"uid": "undefined"}]),
        ({"session": "sid"}, {"page": "url"}, [{}, {}]),
        ({"session": "sid"}, {"page": "url"}, [{"user_id": USER}, {"user_id": "0"}]),
    ],
)
@pytest.mark.parametrize("privacy", [{}, {"userId": "Keep"}, {"userId": "Drop"}], ids=str)
def test_visitors_are_those_of_the_fixed_mapping(
    before: dict[str, str],
    after: dict[str, str],
    members: list[dict[str, Any]],
    privacy: dict[str, Any],
) -> None:
    """A replay after a fix of the mapping, and events that came after it, name the same people."""
    documents = [
        person(f"s{number}", url="/products", page_url=None, number=number, **each)
        for number, each in enumerate(members)
    ]
    live = Pipeline(config_of(privacy, **after))
    live.processor().process(invocation(encode(documents)))
    pipeline = Pipeline(config_of(privacy, **before))
    pipeline.processor().process(invocation(encode(documents)))
    pipeline.config = config_of(privacy, **after)
    run(pipeline, "bad", *bad_keys(pipeline))
    assert len(visitors(live)) == len(members)
    assert visitors(pipeline) == visitors(live)


def test_visitor_survives_a_second_replay() -> None:
    """A row that a first fix does not mend keeps the visitor that it was stored with."""
    documents = [
        person(f"s{number}", user_id=USER, url="/a", page_url=None, number=number)
        for number in range(2)
    ]
    pipeline = Pipeline(with_fields())
    pipeline.processor().process(invocation(encode(documents)))
    pipeline.config = with_fields(page="nowhere")
    run(pipeline, "bad", *bad_keys(pipeline))
    pipeline.config = with_fields(page="url")
    (_, second) = bad_keys(pipeline)
    run(pipeline, "bad", second)
    assert len(set(visitors(pipeline))) == 1
    live = Pipeline(with_fields(page="url"))
    live.processor().process(invocation(encode(documents)))
    assert visitors(pipeline) == visitors(live)


@pytest.mark.parametrize(
    "text",
    [
        (
            '{"event_type": "page_view", "session_id": "s1", "user_id": "[redacted]", '
            '"timestamp": "2026-11-23T12:00:00Z", "page_url": "/products"}'
        ),
        '"{\\"event_type\\": \\"click\\"}"',
        "[1, 2]",
    ],
)
def test_text_never_becomes_events(text: str) -> None:
    """What is kept of a payload that was no JSON stays bad, whatever can be read from it."""
    pipeline = Pipeline(with_fields())
    pipeline.processor().process(invocation([b'{"user_id": "user-456", "a": ']))
    (key,) = bad_keys(pipeline)
    body, metadata = pipeline.s3.objects[key]
    line = json.loads(gzip.decompress(body)) | {"payload": text}
    pipeline.s3.objects[key] = gzip.compress(json.dumps(line).encode()), metadata
    (result,) = run(pipeline, "bad", key)
    assert (result["events"], result["still_bad"]) == (0, 1)
    assert list(pipeline.readback().archived_events()) == []
    (_, second) = bad_keys(pipeline)
    assert json.loads(gzip.decompress(pipeline.s3.objects[second][0]))["payload"] == text
    assert json.loads(pipeline.sqs.messages[-1])["key"] == second
