"""Alerts name no user and no address, whatever the settings keep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lambdas.pipelines import (
    Pipeline,
    encode,
    event,
    invocation,
    make_config,
    make_detection,
    make_privacy,
)
from tests.lambdas.site_minutes import TICK, Site, rule

USER, EMAIL, ADDRESS = "user-88412", "bob@example.com", "203.0.113.77"
SECRETS = (USER, EMAIL, ADDRESS)
ROBOT = "Mozilla/5.0 (compatible; GPTBot/1.2)"
KEEP = make_privacy(userId="Keep", ipAddress="Keep")
PLACES = ("session_id", "page_url", "referrer", "user_agent", "event_id", "country")


def alerts(pipeline: Pipeline) -> str:
    """All messages as one text."""
    return "\n".join(each["Subject"] + each["Message"] for each in pipeline.sns.messages)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_session_s_alert_names_nobody(place: str, secret: str) -> None:
    """Wherever a user or an address stands in the event, neither the begin nor the end has it."""
    pipeline = Pipeline(make_config(privacy=KEEP))
    members: dict[str, Any] = {"user_id": USER, "ip_address": ADDRESS, "user_agent": ROBOT}
    text = f"/of/{secret}/x" if place == "page_url" else f"{ROBOT} {secret}"
    members[place] = text
    pipeline.detector().process(invocation(encode([event(**members)])))
    pipeline.now += 400
    later = encode([event(session_id="z", timestamp="2026-11-23T12:07:00Z")])
    pipeline.detector().process(invocation(later, start=5, arrival=pipeline.now))
    told = alerts(pipeline)
    assert len(pipeline.sns.messages) == 2
    assert not any(each in told for each in SECRETS)


@pytest.mark.parametrize("secret", SECRETS)
def test_an_alert_of_a_waiting_checkout_names_nobody(secret: str) -> None:
    """The verdict comes later, from the state."""
    pipeline = Pipeline(make_config(privacy=KEEP))
    checkout = event(
        session_id=f"s-{secret}", user_id=USER, ip_address=ADDRESS, page_url="/checkout"
    )
    batch = invocation(encode([checkout]))
    pipeline.detector().process(batch)
    pipeline.processor().process(batch)
    pipeline.detector().process(TICK)
    (incident,) = pipeline.readback().incidents()
    assert incident.session_id == f"s-{secret}"
    assert len(pipeline.sns.messages) == 1
    assert not any(each in alerts(pipeline) for each in SECRETS)


@pytest.mark.parametrize("secret", [EMAIL, ADDRESS])
def test_a_page_s_alert_names_nobody(secret: str) -> None:
    """A page's path is a subject."""
    busy = rule(scope="Page", limit=3)
    site = Site(busy, disabled=("volume",))
    site.pipeline.config = make_config(
        privacy=KEEP,
        detection=make_detection(disabledRules=["volume"], rules=[busy]),
    )
    site.play(*[9] * 8, page_url=f"/of/{secret}")
    (found, *_) = site.found()
    assert found[:2] == ("mine", f"/of/{secret}")
    assert site.pipeline.sns.messages
    assert secret not in alerts(site.pipeline)


def test_what_the_settings_hide_is_told_as_it_is_stored() -> None:
    """With the default settings an alert's session is the key of the session's item."""
    pipeline = Pipeline()
    robot = event(session_id=f"s-{EMAIL}", user_agent=ROBOT)
    pipeline.detector().process(invocation(encode([robot])))
    (incident,) = pipeline.readback().incidents()
    (message,) = (json.loads(each["Message"]) for each in pipeline.sns.messages)
    assert message["session_id"] == message["subject"] == incident.session_id


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\ufeff", "\x85", "\u2028"])
def test_characters_that_change_how_others_show_are_escaped(character: str) -> None:
    """The message is the same JSON, and shows what it holds."""
    pipeline = Pipeline()
    robot = event(referrer=f"https://a.example/{character}x", user_agent=f"{ROBOT}{character}")
    pipeline.detector().process(invocation(encode([robot])))
    (sent,) = pipeline.sns.messages
    assert character not in sent["Message"]
    agent = json.loads(sent["Message"])["event_details"]["user_agent"]
    assert agent == f"{ROBOT}{character}"
