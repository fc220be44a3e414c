"""Events that a page names itself: by an attribute, and by the function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.web.browsers import Profile
from tests.browser.site import Page, WebSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_click(site: WebSite, profile: Profile) -> None:
    """The innermost element with `data-event` counts, with its data, whatever the page stops."""
    site.pages["/"] = Page(
        body="""<div data-event="outer"><button data-event="add_to_cart"
        data-event-data='{"sku": "a-1", "price": 12.5}'><span>Add</span></button></div>
        <p>nothing</p>""",
    )
    tab = await profile.open(f"{site.origin}/")
    await tab.run("document.body.addEventListener('click', e => e.stopPropagation())")
    await tab.click("p")
    await tab.click("span")
    _, event = await site.until(2)
    assert event["event_type"] == "add_to_cart"
    assert (event["sku"], event["price"]) == ("a-1", 12.5)
    assert site.paths() == ["/", "add_to_cart /"]


async def test_a_form_that_enter_sends(site: WebSite, profile: Profile) -> None:
    """Browsers click the button of a form when Enter is pressed in it."""
    site.pages["/"] = Page(
        body='<form action="/thanks"><input name=mail>'
        '<button data-event="sign_up">Go</button></form>'
    )
    tab = await profile.open(f"{site.origin}/")
    await tab.click("input")
    await tab.press("\ue007")
    await site.until(3)
    assert site.paths() == ["/", "sign_up /", "/thanks?mail="]


async def test_the_function(site: WebSite, profile: Profile) -> None:
    """An event of the page's own has its name and data; two loads of the script count once."""
    again = f'<script defer src="{site.collector}/clickstream.js"></script>'
    site.pages["/"] = Page(body=again)
    tab = await profile.open(f"{site.origin}/")
    await tab.run("clickstream('video: played', {seconds: 12, tags: ['a'], 'größe': undefined})")
    events = await site.until(2)
    assert site.paths() == ["/", "video: played /"]
    assert (events[1]["seconds"], events[1]["tags"]) == (12, ["a"])
    assert len({one["event_id"] for one in events}) == 2


async def test_the_module(site: WebSite, profile: Profile) -> None:
    """It counts as the classic script does, with options instead of attributes."""
    site.files["/app.js"] = (
        f"import {{ start }} from '{site.collector}/clickstream.mjs';"
        "const clickstream = start({}); clickstream('started');"
    )
    site.pages["/"] = Page(script="/nothing.js", body='<script type=module src="/app.js"></script>')
    await profile.open(f"{site.origin}/")
    await site.until(2)
    assert site.paths() == ["/", "started /"]


async def test_who_is_logged_in(make_site: Callable[..., Any], profile: Profile) -> None:
    """`data-user` is read with each event; nobody is sent without it."""
    site = await make_site(visitor="UserId")
    site.pages["/"] = Page(attributes="id=c")
    tab = await profile.open(f"{site.origin}/")
    await tab.run("c.dataset.user = 'u-1'; clickstream('login')")
    await tab.run("delete c.dataset.user; clickstream('logout')")
    events = await site.until(3)
    assert [one.get("user_id") for one in events] == [None, "u-1", None]


@pytest.mark.parametrize(
    "call",
    [
        "clickstream('1st')",
        "clickstream('')",
        "clickstream('x'.repeat(101))",
        "clickstream('large', {text: 'x'.repeat(2 ** 20)})",
        "clickstream('circular', {window})",
        "clickstream('big', {n: 1n})",
    ],
)
async def test_an_event_that_cannot_be_sent(site: WebSite, profile: Profile, call: str) -> None:
    """A wrong name, data of 1 MB or what is no JSON: a warning, and the page works on."""
    tab = await profile.open(f"{site.origin}/")
    await tab.run("window.warned = []; console.warn = (...w) => warned.push(w.join(' '))")
    await tab.run(call)
    assert (await tab.run("warned.join()")).startswith("clickstream ")
    await tab.run("clickstream('after')")
    await site.until(2)
    assert site.paths() == ["/", "after /"]


async def test_one_wrong_event_takes_no_other_with_it(site: WebSite, profile: Profile) -> None:
    """What only the collector finds wrong is dropped alone; the others arrive, each once."""
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    calls = [f"clickstream('n{n}')" for n in range(6)]
    calls.insert(3, "clickstream('bad', {page_url: 'named like a field'})")
    await tab.run(";".join(calls))
    await site.until(7)
    assert sorted(site.paths()[1:]) == [f"n{n} /" for n in range(6)]


async def test_large_requests_are_cut(site: WebSite, profile: Profile) -> None:
    """What waits goes in requests below the 64 KiB that browsers keep, also in other scripts."""
    site.faults = [503]
    tab = await profile.open(f"{site.origin}/")
    await tab.run("for (let n = 0; n < 12; n++) clickstream('n' + n, {text: '漢'.repeat(1900)})")
    await site.until(13)
    assert sorted(site.paths()) == sorted(["/", *(f"n{n} /" for n in range(12))])
    assert all(len(one.body.encode()) < 60_000 for one in site.posts)
    assert all(len(json.loads(one.body)["events"]) <= 100 for one in site.posts)
