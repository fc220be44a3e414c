"""Pictures for pages without script, and requests through an edge in front."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.lambdas.collector.site import (
    ADDRESS,
    AGENT,
    EDGE_ARN,
    EDGE_SECRET,
    ORIGIN,
    Site,
    page_body,
    page_request,
    request,
    said,
)

EDGE = "198.51.100.9"


def picture(query: str = "path=/pricing", **headers: str) -> dict[str, Any]:
    """Return the request for the picture on a page."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    usual = {"referer": f"{ORIGIN}/", "user-agent": AGENT}
    return request("GET", "/clickstream.gif", headers=usual | named, query=query)


def test_a_picture_is_a_page_view(site: Site) -> None:
    """Of the path that the page wrote into the address; each is a session."""
    query = "path=/pricing?utm_source=mail&referrer=https%3A%2F%2Fnews.example%2F&path=/other"
    answers = [site.ask(picture(query)) for _ in range(2)]
    assert [answer["headers"]["content-type"] for answer in answers] == ["image/gif"] * 2
    assert base64.b64decode(answers[0]["body"]).startswith(b"GIF89a")
    assert answers[0]["headers"]["cache-control"] == "no-store"
    first, second = site.stream.events
    assert first["session_id"] != second["session_id"]
    assert (first["event_type"], first["referrer"]) == ("page_view", "https://news.example/")
    assert first["page_url"] == f"{ORIGIN}/pricing?utm_source=mail"


def test_pictures_of_a_visitor_without_cookie_are_one_session(
    make_site: Callable[..., Site],
) -> None:
    """That of the day's visitor."""
    site = make_site(collector={"visitor": "Cookieless"})
    for path in ("/a", "/b"):
        assert site.ask(picture(f"path={path}&type=screen"))["statusCode"] == 200
    assert len({event["session_id"] for event in site.stream.events}) == 1
    assert {event["event_type"] for event in site.stream.events} == {"screen"}


@pytest.mark.parametrize("path", ["//evil.example/x", "https://evil.example/", "/%00"])
def test_a_picture_names_pages_of_its_own_site_only(site: Site, path: str) -> None:
    """Whatever the address says."""
    assert site.ask(picture(f"path={path}"))["statusCode"] == 400
    assert not site.stream.records


@pytest.mark.parametrize(
    ("query", "headers", "taken"),
    [
        ("path=/", {}, False),
        ("path=/&consent=true", {}, True),
        ("path=/&consent=true", {"sec_gpc": "1"}, False),
    ],
)
def test_pictures_ask_for_consent(
    make_site: Callable[..., Site], query: str, headers: dict[str, str], *, taken: bool
) -> None:
    """A visitor who objects sees the picture all the same."""
    site = make_site(collector={"consent": "analytics"})
    assert site.ask(picture(query, **headers))["headers"]["content-type"] == "image/gif"
    assert bool(site.stream.records) is taken


@pytest.fixture
def behind(make_site: Callable[..., Site]) -> Site:
    """A site with an edge in front."""
    return make_site(
        collector={"originSecretArn": EDGE_ARN, "originHeader": "x-edge"},
        privacy={
            "ipAddress": "Keep",
            "userId": "Hash",
            "queryParameters": [],
            "dropFields": [],
            "hashKeyParameter": "/k",
        },
    )


def through(secret: str = EDGE_SECRET, **headers: str) -> dict[str, Any]:
    """Return a page view that came through the edge."""
    asked = page_request(page_body(), x_edge=secret, **headers)
    asked["requestContext"]["http"]["sourceIp"] = EDGE
    return asked


@pytest.mark.parametrize("secret", ["", "wrong", EDGE_SECRET.upper()])
def test_nobody_passes_by_the_edge(behind: Site, secret: str) -> None:
    """Neither events nor pictures, nor what has a token."""
    answer = behind.ask(through(secret))
    assert (answer["statusCode"], said(answer)["error"]["reason"]) == (403, "not_the_edge")
    assert behind.ask(picture(x_edge=secret))["statusCode"] == 403
    assert not behind.stream.records


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"cloudfront_viewer_address": f"{ADDRESS}:46532"}, ADDRESS),
        ({"cloudfront_viewer_address": "2001:db8::7:46532"}, "2001:db8::7"),
        ({"cloudfront_viewer_address": "[2001:db8::7]:46532"}, "2001:db8::7"),
        ({"x_forwarded_for": f"192.0.2.66, {ADDRESS}, {EDGE}"}, ADDRESS),
        ({"x_forwarded_for": ADDRESS}, ADDRESS),
        ({"x_forwarded_for": "nonsense"}, None),
        ({}, EDGE),
    ],
)
def test_the_visitor_behind_the_edge(
    behind: Site, headers: dict[str, str], address: str | None
) -> None:
    """Is the one that the edge saw, not one that a visitor wrote before it."""
    assert behind.ask(through(**headers))["statusCode"] == 200
    assert behind.stream.events[0].get("ip_address") == address


@pytest.mark.parametrize(
    ("country", "kept"), [("de", "DE"), ("", None), ("DEU", None), ("1!", None)]
)
def test_the_country_is_the_edges(behind: Site, country: str, kept: str | None) -> None:
    """Two letters, or none."""
    behind.ask(through(cloudfront_viewer_country=country))
    assert behind.stream.events[0].get("country") == kept


def test_a_visitor_names_neither_country_nor_address(site: Site) -> None:
    """Without an edge such headers are the visitor's own, and not believed."""
    site.ask(
        page_request(
            page_body(),
            cloudfront_viewer_country="DE",
            x_forwarded_for="192.0.2.66",
            cloudfront_viewer_address="192.0.2.66:1",
        )
    )
    [event] = site.stream.events
    assert "country" not in event
    assert event["ip_address"] == "203.0.113.0"
