"""What a page still has to send when it ends, and when the collector is away."""

from __future__ import annotations

import json

import pytest

from sandbox.web.browsers import Profile, Tab
from tests.browser.site import Page, WebSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def end(tab: Tab, profile: Profile) -> None:
    """End a page at once: close its tab, or leave it.

    Firefox ends the process of a closed tab at times before its requests have left, keepalive or
    beacon: of 20 tabs that were closed within a second it sent 16 to 18.
    """
    if profile.browser.name == "firefox":
        await tab.go("about:blank")
    else:
        await tab.close()


async def test_a_page_that_ends_at_once(site: WebSite, profile: Profile) -> None:
    """Its view and the click just before arrive."""
    site.pages["/"] = Page(body='<button data-event="leave">x</button>')
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    await tab.click("button")
    await end(tab, profile)
    await site.until(2)
    assert site.paths() == ["/", "leave /"]


async def test_a_page_that_names_no_referrer(site: WebSite, profile: Profile) -> None:
    """Under `Referrer-Policy: no-referrer` its last request has its origin all the same."""
    site.pages["/"] = Page(headers={"referrer-policy": "no-referrer"})
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    await tab.run("clickstream('last')")
    await end(tab, profile)
    await site.until(2)
    assert site.paths() == ["/", "last /"]


@pytest.mark.parametrize("fault", [503, 429, 500, 0])
async def test_the_collector_is_away_for_a_while(
    site: WebSite, profile: Profile, fault: int
) -> None:
    """After 503, 429, 500 or no answer the same event is sent again, with the same id."""
    site.faults = [fault, fault]
    await profile.open(f"{site.origin}/")
    await site.until(1)
    ids = {json.loads(one.body)["events"][0]["id"] for one in site.posts}
    assert len(site.posts) >= 3
    assert len(ids) == 1
    assert site.paths() == ["/"]


async def test_what_a_page_that_ends_cannot_save(site: WebSite, profile: Profile) -> None:
    """503 for the last request: its events are lost, as the docs say."""
    if profile.browser.name == "firefox":
        pytest.skip("Firefox keeps the page that was left, which may send again")
    if profile.browser.name == "firefox":
        pytest.skip("a tab that Firefox closes sends its last request or not, from run to run")
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    site.faults = [503]
    await tab.run("clickstream('last')")
    await end(tab, profile)
    await site.until_sent(2)
    await profile.open(f"{site.origin}/later")
    await site.until(2)
    assert site.paths() == ["/", "/later"]


async def test_a_hidden_tab_lives_on(site: WebSite, profile: Profile) -> None:
    """503 while another tab is shown: nothing is lost, since the answer is heard."""
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    site.faults = [503]
    await tab.run(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "clickstream('hidden');"
        "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
    )
    await site.until_sent(2)
    assert site.posts[1].status == 503
    await site.until(2)
    assert site.paths() == ["/", "hidden /"]


async def test_offline(site: WebSite, profile: Profile) -> None:
    """What happens offline waits, and goes when the network is back, without a wait."""
    tab = await profile.open(f"{site.origin}/")
    await site.until(1)
    await tab.run(
        "window.real = fetch; window.fetch = () => Promise.reject(new TypeError('offline'));"
        "for (let n = 0; n < 3; n++) clickstream('n' + n)"
    )
    await tab.run("new Promise(r => setTimeout(r, 1500))")
    assert len(site.posts) == 1
    await tab.run("window.fetch = real; dispatchEvent(new Event('online'))")
    await site.until(4)
    assert site.paths() == ["/", "n0 /", "n1 /", "n2 /"]
