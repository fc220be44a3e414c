"""Channels: the table's groups, own sites, and what is kept of click ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import Channels
from tests.lambdas.pipelines import (
    Pipeline,
    config_document,
    encode,
    event,
    invocation,
    make_config,
)

PAGE = "https://shop.example/a"


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("utm_source=google&utm_medium=cpc", "Paid"),
        ("utm_source=facebook&utm_medium=paid_social", "Paid"),
        ("gclid=x", "Paid"),
        ("utm_source=newsletter&msclkid=x", "Paid"),
        ("utm_source=x&utm_medium=display", "Paid"),
        ("UTM_MEDIUM=Email&utm_source=may", "Email"),
        ("utm_source=Newsletter", "Email"),
        ("utm_source=chatgpt.com", "AIAssistant"),
        ("utm_source=perplexity", "AIAssistant"),
        ("utm_source=linkedin.com&utm_medium=post", "Social"),
        ("utm_medium=social-media&utm_source=spring", "Social"),
        ("utm_medium=organic&utm_source=bing", "Search"),
        ("utm_source=partner&utm_medium=banner-exchange", "Referral"),
        ("fbclid=x", "Social"),
        ("mc_eid=x", "Email"),
        ("gclid=", "Direct"),
        ("x=gclid", "Direct"),
        ("", "Direct"),
    ],
)
def test_parameters_tell_the_channel(query: str, channel: str) -> None:
    """UTM parameters and click ids, in any case; an empty one says nothing."""
    assert Channels().channel(f"{PAGE}?{query}", "") == channel


@pytest.mark.parametrize(
    ("referrer", "channel"),
    [
        ("https://www.google.com/", "Search"),
        ("https://www.google.co.uk/search?q=x", "Search"),
        ("https://duckduckgo.com", "Search"),
        ("https://search.yahoo.co.jp/", "Search"),
        ("https://cn.bing.com/", "Search"),
        ("https://docs.google.com/document/1", "Referral"),
        ("https://mail.google.com/", "Email"),
        ("android-app://com.google.android.gm/", "Email"),
        ("https://gemini.google.com/app", "AIAssistant"),
        ("https://chatgpt.com/", "AIAssistant"),
        ("https://chat.openai.com/", "AIAssistant"),
        ("https://www.perplexity.ai/search/x", "AIAssistant"),
        ("https://copilot.microsoft.com/", "AIAssistant"),
        ("https://l.facebook.com/", "Social"),
        ("https://t.co/abc", "Social"),
        ("https://x.com/", "Social"),
        ("https://out.reddit.com/", "Social"),
        ("https://google.evil.example/", "Referral"),
        ("https://notgoogle.com/", "Referral"),
        ("https://blog.partner.example/post", "Referral"),
        ("https://www.shop.example/b", None),
        ("https://help.shop.example:8443/", None),
        ("/b", None),
        ("", "Direct"),
    ],
)
def test_referrer_tells_the_channel(referrer: str, channel: str | None) -> None:
    """Search engines, networks and assistants by their names; a page of the same site by none."""
    assert Channels().channel(PAGE, referrer) == channel


@pytest.mark.parametrize(
    ("own", "referrer", "channel"),
    [
        ((), "https://partner.example/", None),
        ((), "https://www.google.com/", "Search"),
        (("shop.example",), "https://partner.example/", "Referral"),
        (("shop.example",), "https://www.shop.example/", None),
        (("shop.example",), "https://notshop.example/", "Referral"),
    ],
)
def test_page_without_a_domain(own: tuple[str, ...], referrer: str, channel: str | None) -> None:
    """Where nothing names the site, an unknown referrer may be the site itself."""
    assert Channels(own).channel("/a", referrer) == channel


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_fails(url: str, referrer: str) -> None:
    """Whatever stands in an event, the channel is one of the seven or none."""
    channels = {"Direct", "Search", "Social", "Referral", "Email", "Paid", "AIAssistant", None}
    assert Channels().channel(url, referrer) in channels


def test_views_and_sessions_by_channel() -> None:
    """Counters count page views by channel; a closed session has the last that is not direct."""
    events = config_document()["events"] | {"ownDomains": ["shop.example"]}
    pipeline = Pipeline(make_config(events=events))

    def view(session: str, second: int, query: str = "", referrer: str = "") -> dict[str, object]:
        return event(
            session_id=session,
            page_url=f"/a?{query}",
            referrer=referrer,
            timestamp=f"2026-11-23T12:00:{second:02d}Z",
        )

    sent = [
        view("a", 1, "gclid=SECRET1"),
        view("a", 5, referrer="https://shop.example/a"),
        view("a", 3, "utm_source=newsletter"),
        view("a", 9),
        view("b", 2, referrer="https://www.google.com/"),
        view("c", 2),
        event(session_id="d", event_type="click"),
        event(session_id="r", page_url="/a?gclid=1", user_agent="Googlebot/2.1"),
    ]
    # In two batches, the later one first by its events' times.
    pipeline.processor().process(invocation(encode([sent[3], *sent[4:]])))
    pipeline.processor().process(invocation(encode(sent[:3]), start=8))
    reader = pipeline.readback()
    assert reader.channels() == {"Direct": 2, "Email": 1, "Paid": 1, "Search": 1}
    assert reader.channels(agents="Robot") == {"Paid": 1}
    assert reader.channels("click") == {}
    channels = {name: each.channel for name, each in reader.all_sessions().items()}
    assert channels == {"a": "Email", "b": "Search", "c": "Direct", "d": None, "r": "Paid"}
    assert reader.sessions_by_channel() == {}
    pipeline.now += 3600
    later = pipeline.readback()
    assert later.sessions_by_channel() == {"Direct": 1, "Email": 1, "Search": 1}
    assert later.sessions_by_channel(agents="Robot") == {"Paid": 1}
    assert "SECRET1" not in pipeline.everything_stored()
