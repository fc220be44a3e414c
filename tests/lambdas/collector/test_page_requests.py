"""Requests of the script: what becomes of them in the stream and in the pipeline's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clickstream_operator.api import presets
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.pipeline import function_config
from shared.config import parse_config
from tests.lambdas.collector.site import (
    ADDRESS,
    AGENT,
    ORIGIN,
    SESSION,
    Site,
    own_event,
    page_body,
    page_request,
    page_view,
    said,
)
from tests.lambdas.pipelines import Pipeline, invocation

PAGE_VIEWS = [
    page_view(id="1"),
    page_view(id="2", url=f"{ORIGIN}/cart", referrer=None),
    own_event(plan="pro", seats=3) | {"id": "3"},
]


def test_an_event_has_what_the_collector_adds(site: Site) -> None:
    """Time by the collector's clock, site, agent, hints, id and arrival; the address is cut."""
    answer = site.ask(page_request(page_body(), sec_ch_ua='"Chromium";v="156"'))
    assert (answer["statusCode"], said(answer)) == (200, {"accepted": 1})
    assert site.stream.events == [
        {
            "event_type": "page_view",
            "session_id": f"web-{SESSION}",
            "timestamp": "2026-11-23T12:00:28.500Z",
            "page_url": f"{ORIGIN}/pricing?utm_source=mail",
            "referrer": "https://search.example.net/",
            "event_id": f"web-{SESSION}:1",
            "user_agent": AGENT,
            "ip_address": "203.0.113.0",
            "site": "shop.example.com",
            "client_hints": '"Chromium";v="156"',
            "received_at": "2026-11-23T12:00:30.000Z",
        }
    ]


@pytest.mark.parametrize(
    ("setting", "kept"), [("Keep", ADDRESS), ("Truncate", "203.0.113.0"), ("Drop", None)]
)
def test_the_address_follows_the_privacy_settings_before_the_stream(
    make_site: Callable[..., Site], setting: str, kept: str | None
) -> None:
    """With Truncate and Drop no record holds the address of a visitor."""
    site = make_site()
    site = make_site(privacy=site.document["privacy"] | {"ipAddress": setting})
    site.view()
    [event] = site.stream.events
    assert event.get("ip_address") == kept
    assert (ADDRESS.encode() in site.stream.records[0][1]) is (setting == "Keep")


def test_one_record_a_session(site: Site) -> None:
    """All events of a request are one record, whose key is the session."""
    site.view(events=PAGE_VIEWS)
    [(key, data)] = site.stream.records
    assert key == f"web-{SESSION}"
    assert len(json.loads(data)) == 3


def test_own_data_are_members_of_the_event(site: Site) -> None:
    """Metrics, rules and queries find them by name."""
    site.view(events=[own_event(plan="pro", seats=3, items=[{"sku": "a"}], trial=False)])
    [event] = site.stream.events
    assert (event["event_type"], event["plan"], event["seats"]) == ("sign_up", "pro", 3)
    assert (event["items"], event["trial"]) == ([{"sku": "a"}], False)


@pytest.mark.parametrize("preset", [None, *presets.PRESETS])
def test_events_count_under_every_preset(
    make_site: Callable[..., Site], preset: str | None
) -> None:
    """The processor finds each field: views, session, time, page and visitors are counted."""
    spec = Spec.model_validate({"events": {"preset": preset} if preset else {}})
    documents = function_config._events(spec)
    site = make_site(events=documents)
    site.view(events=PAGE_VIEWS)
    config = {**site.document, "function": "processor"}
    del config["collector"]
    pipeline = Pipeline(parse_config(json.dumps(config)))
    records = [data for _, data in site.stream.records]
    assert pipeline.processor().process(invocation(records), None) == {"batchItemFailures": []}
    assert not pipeline.sqs.messages
    views = pipeline.readback().all_page_views()
    assert {page: sum(hour.views for hour in hours.values()) for page, hours in views.items()} == {
        "/pricing": 1,
        "/cart": 1,
    }
    sessions = pipeline.readback().all_sessions()
    assert {name: one.event_count for name, one in sessions.items()} == {f"web-{SESSION}": 3}


def test_a_clock_that_is_wrong_changes_no_time(site: Site) -> None:
    """Only the time between event and sending counts, by whatever clock."""
    for clock in (0, 86_400_000 * 365 * 90, 1_763_899_230_000):
        site.view(sent=clock + 60_000, events=[page_view(time=clock)])
    assert {event["timestamp"] for event in site.stream.events} == {"2026-11-23T11:59:30.000Z"}


@pytest.mark.parametrize("members", [{"sent": None}, {"events": [page_view(time=None)]}])
def test_without_a_time_an_event_is_of_now(site: Site, members: dict[str, Any]) -> None:
    """As is one that lies after its sending."""
    site.view(**members)
    site.view(events=[page_view(time=2_000_000_000_000)])
    assert {event["timestamp"] for event in site.stream.events} == {"2026-11-23T12:00:30.000Z"}


@pytest.mark.parametrize(
    "origin",
    [ORIGIN, "https://a.example.org", "https://a.b.example.org"],
)
def test_pages_of_allowed_origins_are_taken(site: Site, origin: str) -> None:
    """Exact ones and those under a wildcard, by Origin or, of old browsers, by Referer."""
    body = page_body(events=[page_view(url=f"{origin}/x")])
    assert site.ask(page_request(body, origin=origin))["statusCode"] == 200
    answer = site.ask(page_request(body, origin="", referer=f"{origin}/x"))
    assert answer["statusCode"] == 200
    assert {event["site"] for event in site.stream.events} == {origin.removeprefix("https://")}


@pytest.mark.parametrize(
    ("visitor", "expected"), [("UserId", "user-7"), ("Session", None), ("Cookieless", "v_")]
)
def test_whom_an_event_counts_for(
    make_site: Callable[..., Site], visitor: str, expected: str | None
) -> None:
    """The user whom the page names, nobody beside the session, or a pseudonym of the day."""
    site = make_site(collector={"visitor": visitor})
    site.view(user="user-7")
    user = site.stream.events[0].get("user_id")
    assert user == expected or (user or "").startswith(expected or "-")


def test_a_visitor_without_cookie_is_the_same_for_a_day(make_site: Callable[..., Site]) -> None:
    """Another day, address, browser or site makes another one; the address is not told by it."""
    site = make_site(collector={"visitor": "Cookieless"})

    def name(source: str = ADDRESS, agent: str = AGENT, origin: str = ORIGIN) -> str:
        body = page_body(events=[page_view(url=f"{origin}/")])
        asked = page_request(body, user_agent=agent, origin=origin)
        asked["requestContext"]["http"]["sourceIp"] = source
        assert site.ask(asked)["statusCode"] == 200
        return str(site.stream.events[-1]["user_id"])

    first = name()
    site.pass_time(3600)
    assert name() == first
    others = {name("203.0.113.78"), name(agent="Other"), name(origin="https://a.example.org")}
    assert len(others | {first}) == 4
    site.pass_time(86_400)
    assert name() != first


def test_no_user_lies_in_the_stream_where_users_are_dropped(
    make_site: Callable[..., Site],
) -> None:
    """Nor does a member that the settings drop."""
    site = make_site()
    privacy = site.document["privacy"] | {"userId": "Drop", "dropFields": ["phone"]}
    site = make_site(privacy=privacy, collector={"visitor": "UserId"})
    site.view(user="user-7", events=[own_event(phone="555-0100", plan="pro")])
    [(_, data)] = site.stream.records
    assert b"user-7" not in data
    assert b"555-0100" not in data
    assert b'"plan":"pro"' in data


@pytest.mark.parametrize(
    ("headers", "setting", "status"),
    [
        ({"sec_gpc": "1"}, {}, 204),
        ({"sec_gpc": "1"}, {"respectGlobalPrivacyControl": False}, 200),
        ({}, {"consent": "analytics"}, 204),
    ],
)
def test_visitors_who_object_are_counted_and_left_alone(
    make_site: Callable[..., Site], headers: dict[str, str], setting: dict[str, Any], status: int
) -> None:
    """Global Privacy Control and a missing consent are answered with 204, and nothing is kept."""
    site = make_site(collector=setting)
    answer = site.ask(page_request(page_body(), **headers))
    assert answer["statusCode"] == status
    assert "body" not in answer or status == 200
    assert len(site.stream.events) == (status == 200)
    assert site.metrics() == {("CollectorEvents" if status == 200 else "CollectorUnwanted"): 1}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"analytics": True}, True),
        ({"analytics": True, "ads": False}, True),
        ({"analytics": "true"}, False),
        ({"analytics": 1}, False),
        ({"ads": True}, False),
        (True, False),
        (None, False),
    ],
)
def test_consent_is_the_member_that_is_true(
    make_site: Callable[..., Site], given: Any, *, taken: bool
) -> None:
    """Anything but true is none."""
    site = make_site(collector={"consent": "analytics"})
    assert site.view(consent=given)["statusCode"] == (200 if taken else 204)
    assert bool(site.stream.events) is taken
