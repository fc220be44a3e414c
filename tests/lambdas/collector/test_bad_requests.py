"""Requests that are not taken: each has its answer, and nothing of it reaches stream or log."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import limits
from collector.origins import Origins, origin_of
from tests.lambdas.collector.site import (
    ADDRESS,
    AGENT,
    ORIGIN,
    SESSION,
    TOKENS_ARN,
    Site,
    own_event,
    page_body,
    page_request,
    page_view,
    request,
    said,
)

DEEP: Any = 1
for _ in range(6):
    DEEP = [DEEP]

BAD_BODIES: dict[str, tuple[Any, int, str]] = {
    "no JSON": ("{", 400, "body"),
    "not UTF-8": (b"\xff\xfe\x00", 400, "body"),
    "empty": ("", 400, "body"),
    "a list": ([page_view()], 400, "body"),
    "NaN": (f'{{"session":"{SESSION}","sent":NaN,"events":[]}}', 400, "body"),
    "nested endlessly": ("[" * 60_000, 400, "body"),
    "too many digits": ('{"sent":' + "9" * 5000 + "}", 400, "body"),
    "too large": (page_body(pad="x" * limits.PAGE_BODY_BYTES), 413, "body"),
    "too large in Base64": (b"x" * (limits.PAGE_BODY_BYTES + 1), 413, "body"),
    "an event of 1 MB": (page_body(events=[own_event(text="x" * 2**20)]), 413, "body"),
    "no session": (page_body(session=None), 400, "session"),
    "a session that can be guessed": (page_body(session="cart-42"), 400, "session"),
    "a session with other signs": (page_body(session="a" * 21 + "\n"), 400, "session"),
    "a session that is no text": (page_body(session=7), 400, "session"),
    "a session too long": (page_body(session="a" * 65), 400, "session"),
    "a time of sending as text": (page_body(sent="now"), 400, "sent"),
    "a time before 1970": (page_body(sent=-1), 400, "sent"),
    "a time after 9999": (page_body(sent=10**18), 400, "sent"),
    "true as a time": (page_body(sent=True), 400, "sent"),
    "no events": (page_body(events=None), 400, "events"),
    "an empty list": (page_body(events=[]), 400, "events"),
    "events that are no list": (page_body(events={}), 400, "events"),
    "too many events": (page_body(events=[page_view()] * 101), 413, "events"),
    "an event that is no object": (page_body(events=["x"]), 400, "events[0]"),
    "no type": (page_body(events=[page_view(type=None)]), 400, "events[0].type"),
    "a type too long": (page_body(events=[page_view(type="t" * 101)]), 400, "events[0].type"),
    "a type with a line break": (page_body(events=[page_view(type="a\nb")]), 400, "events[0].type"),
    "a type that ends in one": (page_body(events=[page_view(type="a\n")]), 400, "events[0].type"),
    "a type for the lanes": (page_body(events=[page_view(type="#lane")]), 400, "events[0].type"),
    "a bad id": (page_body(events=[page_view(id={})]), 400, "events[0].id"),
    "a bad time": (page_body(events=[page_view(time="x")]), 400, "events[0].time"),
    "no page": (page_body(events=[page_view(url=None)]), 400, "events[0].url"),
    "a page that is no address": (page_body(events=[page_view(url="/x")]), 400, "events[0].url"),
    "another site's page": (
        page_body(events=[page_view(url="https://other.example/")]), 400, "events[0].url"
    ),
    "a page with a password": (
        page_body(events=[page_view(url="https://a:b@shop.example.com/")]), 400, "events[0].url"
    ),
    "a page too long": (
        page_body(events=[page_view(url=f"{ORIGIN}/{'x' * 2048}")]), 400, "events[0].url"
    ),
    "a page with a port that is none": (
        page_body(events=[page_view(url="https://shop.example.com:x/")]), 400, "events[0].url"
    ),
    "a referrer that is none": (
        page_body(events=[page_view(referrer="javascript:alert(1)")]), 400, "events[0].referrer"
    ),
    "data that are no object": (page_body(events=[page_view(data=[])]), 400, "events[0].data"),
    "too many data": (
        page_body(events=[own_event(**{f"a{n}": n for n in range(51)})]), 400, "events[0].data"
    ),
    "data of a long text": (page_body(events=[own_event(text="x" * 2001)]), 400, "events[0].data"),
    "data nested deeply": (page_body(events=[own_event(deep=DEEP)]), 400, "events[0].data"),
    "data too large": (
        page_body(events=[own_event(**{f"a{n}": "x" * 1900 for n in range(10)})]),
        413,
        "events[0].data",
    ),
    "data beyond a double": (
        json.dumps(page_body(events=[own_event(n="N")])).replace('"N"', "1e999"),
        400,
        "events[0].data",
    ),
    "data named like a field": (
        page_body(events=[own_event(ip_address="192.0.2.1")]), 400, "events[0].data"
    ),
    "data named like the site": (page_body(events=[own_event(site="x")]), 400, "events[0].data"),
    "data named like ours": (page_body(events=[own_event(_clickstream=1)]), 400, "events[0].data"),
    "data without a name": (page_body(events=[own_event(**{"": 1})]), 400, "events[0].data"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "field"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_what_is_wrong_is_named_with_its_remedy(
    site: Site, body: Any, status: int, field: str
) -> None:
    """Nothing of the request is taken; the answer repeats nothing of it."""
    answer = site.ask(page_request(body))
    assert answer["statusCode"] == status
    error = said(answer)["error"]
    assert error["field"] == field
    assert error["message"]
    assert not site.stream.records
    assert site.metrics() == {"CollectorRefused": 1}


def test_one_wrong_event_spoils_its_request(site: Site) -> None:
    """So that its sender learns of it; the place of the event is told."""
    answer = site.view(events=[page_view(), page_view(type=None)])
    assert said(answer)["error"]["field"] == "events[1].type"
    assert not site.stream.records


ELSEWHERE = "https://evil.example"


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        (page_request(page_body(), origin=ELSEWHERE), 403, "other_origin"),
        (page_request(page_body(), origin=ELSEWHERE, referer=ORIGIN), 403, "other_origin"),
        (page_request(page_body(), origin="null"), 403, "no_origin"),
        (page_request(page_body(), origin=""), 403, "no_origin"),
        (page_request(page_body(), origin="", referer="about:blank"), 403, "no_origin"),
        (page_request(page_body(), origin=f"{ORIGIN}.evil.example"), 403, "other_origin"),
        (page_request(page_body(), origin="https://evil-example.org"), 403, "other_origin"),
        (page_request(page_body(), origin="https://.example.org"), 403, "other_origin"),
        (page_request(page_body(), origin="http://shop.example.com"), 403, "other_origin"),
        (page_request(page_body(), origin=f"{ORIGIN}:8443"), 403, "other_origin"),
        (request("POST", "/wp-login.php", body="x"), 404, "other_path"),
        (request("GET", "/"), 405, "other_method"),
        (request("DELETE", "/clickstream.js"), 405, "other_method"),
        (request("GET", "/clickstream.gif"), 403, "no_origin"),
        (
            request("GET", "/clickstream.gif", headers={"referer": ORIGIN}, query="x" * 5000),
            414,
            "too_large",
        ),
    ],
)
def test_strangers_are_refused(site: Site, asked: dict[str, Any], status: int, reason: str) -> None:
    """Before anything that they sent is read."""
    answer = site.ask(asked)
    assert (answer["statusCode"], said(answer)["error"]["reason"]) == (status, reason)
    assert not site.stream.records


def test_a_body_of_seven_megabytes_is_not_read(site: Site) -> None:
    """Lambda refuses one over 6 MB itself; one that came through all the same is not decoded."""
    asked = page_request(page_body())
    asked |= {"body": base64.b64encode(b"x" * 7_000_000).decode(), "isBase64Encoded": True}
    assert site.ask(asked)["statusCode"] == 413
    assert site.ask(asked | {"body": "!" * 100})["statusCode"] == 400


def test_a_flood_is_refused_and_passes(make_site: Callable[..., Site]) -> None:
    """A container takes its burst, then its rate; a refusal says when to come again."""
    site = make_site()
    many = page_body(events=[page_view(id=str(number)) for number in range(100)])
    statuses = [site.ask(page_request(many))["statusCode"] for _ in range(22)]
    assert statuses == [200] * 20 + [429] * 2
    assert site.ask(page_request(many))["headers"]["retry-after"] == "1"
    site.pass_time(0.5)
    assert [site.ask(page_request(many))["statusCode"] for _ in range(2)] == [200, 429]


def test_a_flood_of_refused_bytes_is_bounded_as_well(site: Site) -> None:
    """Large bodies that are no events use up the bytes, and are not even parsed then."""
    statuses = [site.ask(page_request("x" * 60_000))["statusCode"] for _ in range(150)]
    assert statuses[0] == 400
    assert statuses[-1] == 429


def test_nothing_of_a_visitor_is_logged(make_site: Callable[..., Site]) -> None:
    """Neither of requests that are taken nor of those that are refused or that fail."""
    site = make_site(collector={"visitor": "UserId", "consent": "ok"}, logLevel="DEBUG")
    marks = ("secret-mark", ADDRESS, AGENT, SESSION, "user-7")
    bodies: list[Any] = [
        page_body(user="user-7", consent={"ok": True}),
        page_body(user="user-7"),
        *(body for body, _, _ in BAD_BODIES.values()),
        page_body(events=[own_event(**{"secret-mark": "secret-mark"})], consent={"ok": True}),
        '{"secret-mark": secret-mark}',
    ]
    for body in bodies:
        site.ask(page_request(body, referer=f"{ORIGIN}/secret-mark"))
        site.pass_time(61)
    site.stream.put_records = None  # type: ignore[assignment, method-assign]
    answer = site.view(user="user-7", consent={"ok": True})
    assert answer["statusCode"] == 500
    site.pass_time(61)
    site.view()
    logged = "\n".join(site.lines)
    assert "TypeError at collector.stream_writes" in logged
    assert not [mark for mark in marks if mark in logged]


@pytest.mark.parametrize(
    "event",
    [{}, {"requestContext": {}}, {"requestContext": {"http": {"method": "POST"}}, "headers": None}],
)
def test_what_is_no_request_breaks_nothing(site: Site, event: dict[str, Any]) -> None:
    """Such as a test event that somebody invokes the function with."""
    assert site.ask(event)["statusCode"] in {403, 500}


@given(st.text() | st.binary(max_size=64).map(repr))
def test_an_origin_is_told_or_refused(text: str) -> None:
    """Of any text an origin is made that is its own origin, or none."""
    origin = origin_of(text)
    assert origin is None or origin_of(origin) == origin
    assert not Origins([ORIGIN, "https://*.example.org"]).allow(text)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=12,
    )
)
def test_any_body_has_an_answer(body: Any) -> None:
    """Never an error, and whatever is taken is JSON that the processor reads."""
    with pytest.MonkeyPatch.context() as patch:
        site = Site(patch)
        for sent in (body, page_body(events=[page_view(data=body)])):
            assert site.ask(page_request(json.dumps(sent)))["statusCode"] in {200, 400}
        assert all(isinstance(event, dict) for event in site.stream.events)


def test_a_token_is_needed_where_one_is_sent(make_site: Callable[..., Site]) -> None:
    """A request with a token is a server's: an allowed origin does not help it."""
    site = make_site(collector={"tokensSecretArn": TOKENS_ARN})
    asked = page_request(page_body(), authorization="Basic eDp5")
    assert site.ask(asked)["statusCode"] == 401
