"""One page is one key: RFC 3986's normal form always, and what the settings say."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.page_keys import PageKeys
from shared.urls import UrlFilter
from tests.lambdas.pipelines import (
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)
from tests.lambdas.redrives import run

URLS = UrlFilter(["utm_*"])


def key(url: str, site: str = "", **settings: str) -> str | None:
    """Return the key of a page as the processor finds it, without a scrubber's other work."""
    events = config_document()["events"] | {"pages": settings}
    document: dict[str, Any] = {}
    if site:
        events["siteField"] = "site"
        document["site"] = site
    return PageKeys(make_config(events=events)).key(URLS.strip_page(url), document)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/caf%c3%a9", "/café"),
        ("/caf%C3%A9", "/café"),
        ("/cafe\u0301", "/café"),
        ("/%7euser/%41", "/~user/A"),
        ("/a%2fb", "/a%2Fb"),
        ("/a b", "/a%20b"),
        ("/100%", "/100%25"),
        ("/a/./b/../c", "/a/c"),
        ("/../../a", "/a"),
        ("/a/b/..", "/a"),
        ("/%2e%2e/a", "/a"),
        ("//products", "/products"),
        ("https://shop.example//products", "/products"),
        ("https://shop.example", "/"),
        ("https://shop.example/?utm_source=x", "/"),
        ("/about/", "/about"),
        ("/about//", "/about"),
        ("/%E6%9D%B1%E4%BA%AC", "/東京"),
        ("/x%EF%BF%BD", "/x\ufffd"),
        ("/x%E2%80%8F", "/x\u200f"),
    ],
)
def test_spellings_of_one_page_are_one_key(one: str, other: str) -> None:
    """Spellings that RFC 3986 or a browser takes for one page are one."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a%2Fb", "/a/b"),
        ("/a%3Fb", "/a"),
        ("/%2541", "/A"),
        ("/caf%E9", "/café"),
        ("/About", "/about"),
        ("/a//b", "/a/b"),
        ("/#/cart", "/#/pay"),
        ("/#/cart", "/"),
        ("//products", "/"),
    ],
)
def test_pages_that_differ_have_keys_that_differ(one: str, other: str) -> None:
    """Reserved characters keep their meaning, and a hash route is a page."""
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("settings", "url", "expected"),
    [
        ({}, "https://app.example/#/cart?token=x", "/#/cart"),
        ({}, "https://app.example/#!/cart/", "/#!/cart"),
        ({}, "https://app.example/a#section", "/a"),
        ({}, "https://app.example/#/access_token=x&expires=1", "/"),
        ({"hashRoutes": "Remove"}, "https://app.example/a#/cart", "/a"),
        ({"trailingSlash": "Keep"}, "/about/", "/about/"),
        ({"trailingSlash": "Keep"}, "/a/b/..", "/a/"),
        ({"case": "Lower"}, "/Caf%C3%89/A%2FB", "/café/a%2Fb"),
        ({"case": "Lower"}, "/#/Cart", "/#/cart"),
        ({"domain": "Keep"}, "https://u:p@Shop.Example:443/a", "shop.example/a"),
        ({"domain": "Keep"}, "http://shop.example:8080", "shop.example:8080/"),
        ({"domain": "Keep"}, "https://münchen.example/a", "xn--mnchen-3ya.example/a"),
        ({"domain": "Keep"}, "//products", "/products"),
        ({"domain": "Keep"}, "/a", "/a"),
    ],
)
def test_settings_say_what_else_is_one_page(
    settings: dict[str, str], url: str, expected: str
) -> None:
    """Slash, case, hash route and domain count as the settings say."""
    assert key(url, **settings) == expected


@pytest.mark.parametrize(
    ("site", "expected"),
    [("shop", "shop/a"), ("b.example", "b.example/a"), ("a/b", "a%2Fb/a"), ("", "/a")],
)
def test_sites_of_one_stream_are_apart(site: str, expected: str) -> None:
    """The site stands before the path; an event without one has the path alone."""
    assert key("https://x.example/a", site) == expected


#: Letters and marks of any script, and what RFC 3986 leaves unreserved: no sign with a meaning.
segments = st.text(st.characters(categories=["L", "M", "N"], include_characters="-._~ "))


@given(st.lists(segments, max_size=4), st.booleans())
def test_normal_form_is_one_and_stays(parts: list[str], lower: bool) -> None:  # noqa: FBT001 - drawn
    """Escaped whole, escaped in lower case, or not at all: one key, which is its own key."""
    settings = {"case": "Lower"} if lower else {}
    path = "/" + "/".join(parts)
    escaped = quote(path)
    found = key(path, **settings)
    assert found == key(escaped, **settings)
    assert found is not None
    in_lower_case = re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), escaped)
    assert found == key(in_lower_case, **settings)
    assert key(found, **settings) == found


@given(st.text(max_size=60))
def test_no_url_fails(text: str) -> None:
    """Whatever a member holds has a key, which is a path, or has none."""
    found = key(text)
    assert found is None or unquote(found) is not None


def test_settings_hold_in_items_and_in_a_rebuild() -> None:
    """Two sites keep their home pages apart, live and when the hours are computed anew."""
    events = config_document()["events"] | {
        "siteField": "site",
        "pages": {"case": "Lower", "trailingSlash": "Keep"},
    }
    config = make_config(events=events)
    pipeline = Pipeline(config)
    sent = [
        event(site="a.example", page_url="https://a.example/"),
        event(site="b.example", page_url="https://b.example/"),
        event(site="b.example", page_url="https://b.example/Help/"),
        event(site="b.example", page_url="/help/"),
    ]
    pipeline.processor().process(invocation(encode(sent)))
    expected = {"a.example/": 1, "b.example/": 1, "b.example/help/": 2}
    assert views(pipeline) == expected
    for item in list(pipeline.dynamodb.tables["p-page-metrics"].values()):
        item["view_count"] = {"N": "0"}
    run(pipeline, "rebuild", "2026-11-23T12")
    assert views(pipeline) == expected


def views(pipeline: Pipeline) -> dict[str, int]:
    """Return the views by page."""
    pages = pipeline.readback().all_page_views()
    return {page: sum(hour.views for hour in hours.values()) for page, hours in pages.items()}


def test_settings_that_are_not_known_are_refused() -> None:
    """A package refuses a setting of a later version, by its name."""
    document = config_document()
    document["events"]["pages"] = {"trailingSlash": "Add"}
    with pytest.raises(Exception, match="trailingSlash"):
        make_config(**json.loads(json.dumps(document)))
