"""Batches of servers, known by their token."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from collector import limits
from tests.lambdas.collector.site import (
    OLD_TOKEN,
    SESSION,
    TOKEN,
    TOKENS_ARN,
    Site,
    request,
    said,
)
from tests.lambdas.pipelines import event


@pytest.fixture
def shop(make_site: Callable[..., Site]) -> Site:
    """A site whose servers have tokens."""
    return make_site(collector={"tokensSecretArn": TOKENS_ARN})


def test_events_of_servers_keep_their_members(shop: Site) -> None:
    """One record a session; the request's own address and agent are not the visitor's."""
    answer = shop.send(event(event_id="a"), event(session_id="s2", event_id="b"), event())
    assert (answer["statusCode"], said(answer)) == (200, {"accepted": 3})
    assert [key for key, _ in shop.stream.records] == ["session-1", "s2"]
    first = shop.stream.events[0]
    assert first == event(event_id="a") | {
        "ip_address": "192.168.1.0",
        "received_at": "2026-11-23T12:00:30.000Z",
    }


def test_what_is_missing_is_added(shop: Site) -> None:
    """An id and the time of arrival."""
    shop.send(event(timestamp=None))
    [added] = shop.stream.events
    assert added["timestamp"] == "2026-11-23T12:00:30.000Z"
    assert len(added["event_id"]) == 32


@pytest.mark.parametrize("form", ["array", "one", "lines", "lines of Windows"])
def test_forms_of_a_batch(shop: Site, form: str) -> None:
    """A JSON array, one event, or one a line."""
    texts = [json.dumps(event(event_id=str(number))) for number in range(2)]
    body = {
        "array": f"[{','.join(texts)}]",
        "one": texts[0],
        "lines": "\n".join(texts),
        "lines of Windows": "\r\n".join([*texts, ""]),
    }[form]
    shop.ask(request(path="/", body=body, headers={"authorization": f"bearer {TOKEN}"}))
    assert len(shop.stream.events) == (1 if form == "one" else 2)


def test_a_nested_address_is_cut_before_the_stream(make_site: Callable[..., Site]) -> None:
    """Wherever the pipeline's path to it leads."""
    site = make_site()
    events = site.document["events"]
    fields = {**events["fields"], "ip": "context.ip | ip"}
    site = make_site(events={**events, "fields": fields}, collector={"tokensSecretArn": TOKENS_ARN})
    site.send(event(ip_address=None, context={"ip": "192.0.2.99", "os": "x"}, ip="192.0.2.98"))
    [stored] = site.stream.events
    assert (stored["context"], stored["ip"]) == ({"ip": "192.0.2.0", "os": "x"}, "192.0.2.0")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("", 400, "body"),
        ("[]", 400, "body"),
        ("[1]", 400, "[0]"),
        (json.dumps([event(), event(session_id=None)]), 400, "[1].session_id"),
        (json.dumps([event(session_id=True)]), 400, "[0].session_id"),
        (json.dumps([event(event_type="")]), 400, "[0].event_type"),
        (json.dumps(event()) + "\nno JSON", 400, "body"),
        (json.dumps([event()] * (limits.SERVER_EVENTS + 1)), 413, "events"),
        (json.dumps(event(text="x" * limits.EVENT_BYTES)), 413, "events"),
        ('[{"session_id":"s","event_type":"t","n":1e999}]', 400, "events"),
        ("x" * (limits.SERVER_BODY_BYTES + 1), 413, "body"),
    ],
)
def test_bad_batches(shop: Site, body: str, status: int, field: str) -> None:
    """Each names the place and the remedy; nothing of it is taken."""
    answer = shop.ask(request(body=body, headers={"authorization": f"Bearer {TOKEN}"}))
    assert (answer["statusCode"], said(answer)["error"]["field"]) == (status, field)
    assert not shop.stream.records


@pytest.mark.parametrize("token", ["wrong", "", "short", TOKEN[:-1], f"{TOKEN}x", "\u00e9"])
def test_other_tokens_open_nothing(shop: Site, token: str) -> None:
    """Not even one that the secret holds, where it is too short to be one."""
    assert shop.send(event(), token=token)["statusCode"] == 401
    assert not shop.stream.records


def test_tokens_follow_one_another(shop: Site) -> None:
    """Two are known while one replaces the other; a new one at once, one taken away in time."""
    assert shop.send(event(), token=OLD_TOKEN)["statusCode"] == 200
    shop.secrets.tokens = "a-token-that-is-new"
    assert shop.send(event(), token=TOKEN)["statusCode"] == 200
    shop.pass_time(11)
    assert shop.send(event(), token="a-token-that-is-new")["statusCode"] == 200
    assert shop.send(event(), token=TOKEN)["statusCode"] == 401


def test_wrong_tokens_read_the_secret_seldom(shop: Site) -> None:
    """However many there are."""
    for _ in range(50):
        shop.send(event(), token="a-token-that-is-wrong")
        shop.pass_time(0.5)
    assert shop.secrets.reads <= 4


def test_a_secret_that_cannot_be_read_is_told(shop: Site) -> None:
    """By 503 and AWS's code in the log."""
    shop.secrets.fail = "AccessDeniedException"
    answer = shop.send(event())
    assert (answer["statusCode"], said(answer)["error"]["reason"]) == (503, "secret")
    assert any("AccessDeniedException" in line for line in shop.lines)
    assert not any(TOKEN in line for line in shop.lines)


def test_without_a_secret_no_token_is_right(site: Site) -> None:
    """The answer names the field to set."""
    answer = site.send(event())
    assert answer["statusCode"] == 401
    assert "spec.collector.tokensSecretArn" in said(answer)["error"]["message"]


def test_consent_is_asked_of_each_event(make_site: Callable[..., Site]) -> None:
    """Those without it are counted, and the others taken."""
    site = make_site(collector={"tokensSecretArn": TOKENS_ARN, "consent": "consent.analytics"})
    yes: dict[str, Any] = {"consent": {"analytics": True}}
    answer = site.send(event(**yes), event(), event(**yes))
    assert said(answer) == {"accepted": 2}
    assert site.metrics() == {"CollectorEvents": 2, "CollectorUnwanted": 1}
    assert site.send(event())["statusCode"] == 204


def test_no_page_reaches_the_sessions_of_servers(shop: Site) -> None:
    """Sessions of pages have a prefix and 128 bits, so that none is a server's or another's."""
    shop.send(event(session_id=SESSION))
    shop.view(session=SESSION)
    assert [key for key, _ in shop.stream.records] == [SESSION, f"web-{SESSION}"]


def test_long_sessions_have_a_key_of_their_own(shop: Site) -> None:
    """A partition key has 256 characters; longer sessions are hashed, each to one key."""
    shop.send(event(session_id="s" * 300), event(session_id="s" * 301))
    keys = [key for key, _ in shop.stream.records]
    assert len(set(keys)) == 2
    assert all(len(key) == 64 for key in keys)


def test_a_large_session_is_several_records(shop: Site) -> None:
    """In order, each below what Kinesis takes."""
    large = [event(event_id=str(number), text="x" * 200_000) for number in range(10)]
    assert shop.send(*large)["statusCode"] == 200
    assert len(shop.stream.records) == 4
    assert [one["event_id"] for one in shop.stream.events] == [str(n) for n in range(10)]
