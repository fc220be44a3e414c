"""Page views: what a visitor came to see, each once, in a real browser."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.web.browsers import Profile
from tests.browser.site import Page, WebSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_visit(site: WebSite, profile: Profile) -> None:
    """A page view arrives as one text/plain request without preflight or cookie."""
    await profile.open(f"{site.origin}/pricing?utm_source=mail#team")
    (event,) = await site.until(1)
    assert event["event_type"] == "page_view"
    assert event["page_url"] == f"{site.origin}/pricing?utm_source=mail"
    assert event["session_id"].startswith("web-")
    (post,) = site.posts
    assert {one.method for one in site.sent} == {"GET", "POST"}
    assert post.headers["content-type"] == "text/plain;charset=UTF-8"
    assert post.headers["origin"] == site.origin
    assert "cookie" not in post.headers


async def test_the_next_page_knows_the_one_before(site: WebSite, profile: Profile) -> None:
    """Session and referrer go on from page to page, also when the first one lived no second."""
    site.pages["/"] = Page(body='<a href="/next">next</a>')
    tab = await profile.open(f"{site.origin}/")
    await tab.click("a")
    first, second = await site.until(2)
    assert site.paths() == ["/", "/next"]
    assert second["referrer"] == f"{site.origin}/"
    assert first["session_id"] == second["session_id"]


async def test_two_pushes_in_one_task(site: WebSite, profile: Profile) -> None:
    """Each is a view of its own, with the URL that it had."""
    tab = await profile.open(f"{site.origin}/")
    await tab.run("history.pushState(0, '', '/one'); history.pushState(0, '', '/two')")
    await site.until(3)
    assert site.paths() == ["/", "/one", "/two"]
    assert [one.get("referrer") for one in site.events[1:]] == [
        f"{site.origin}/",
        f"{site.origin}/one",
    ]


async def test_what_counts_in_an_app_of_one_page(site: WebSite, profile: Profile) -> None:
    """Back and forward count; replaced and unchanged URLs, and fragments to jump to, do not."""
    tab = await profile.open(f"{site.origin}/")
    await tab.run("history.pushState(0, '', '/cart')")
    await tab.run("history.pushState(0, '', '/cart')")
    await tab.run("history.replaceState(0, '', '/cart?step=2')")
    await tab.run("location.hash = 'total'")
    await tab.run("history.pushState(0, '', '/cart?step=3')")
    await tab.run("new Promise(r => { addEventListener('popstate', r); history.back() })")
    await tab.run("new Promise(r => { addEventListener('popstate', r); history.forward() })")
    await tab.run("history.pushState(0, '', '/end')")
    await site.until(6)
    assert site.paths() == ["/", "/cart", "/cart?step=3", "/cart?step=2", "/cart?step=3", "/end"]


async def test_routes_in_the_fragment(site: WebSite, profile: Profile) -> None:
    """A fragment that begins with / or !/ is a page, as `events.pages.hashRoutes` takes it."""
    tab = await profile.open(f"{site.origin}/#/home")
    for route in ("/cart", "!/pay", "top"):
        await tab.run(
            "new Promise(r => { addEventListener('hashchange', r, {once: true}); "
            f"location.hash = '{route}' }})"
        )
    await tab.run("history.pushState(0, '', '/end')")
    await site.until(5)
    assert site.paths() == ["/#/home", "/#/cart", "/#!/pay", "/", "/end"]


async def test_a_page_from_the_back_forward_cache(site: WebSite, profile: Profile) -> None:
    """A page that comes back as it was left counts again, in the same session."""
    tab = await profile.open(f"{site.origin}/a")
    await tab.run("window.kept = true")
    await tab.go(f"{site.origin}/b")
    await tab.back()
    await site.until(3)
    assert await tab.run("window.kept === true"), "the browser loaded it anew"
    assert site.paths() == ["/a", "/b", "/a"]
    assert len({one["session_id"] for one in site.events}) == 1


async def test_a_prerendered_page(site: WebSite, profile: Profile) -> None:
    """It counts when it is seen, with its own events; a page that is not seen never does."""
    rules = (
        '<script type="speculationrules">{"prerender": [{"source": "list", '
        '"urls": ["/seen", "/unseen"], "eagerness": "immediate"}]}</script>'
    )
    shown = "<script>fetch('/shown' + location.pathname)</script>"
    site.pages["/"] = Page(body=f'<a href="/seen">go</a>{rules}')
    for path in ("/seen", "/unseen"):
        site.pages[path] = Page(
            body="<script defer src=/ready.js></script>" + shown,
        )
    site.files["/ready.js"] = (
        "clickstream('ready', {prerendered: document.prerendering}); "
        "history.replaceState(0, '', location.href)"
    )
    tab = await profile.open(f"{site.origin}/")
    if not await tab.run("HTMLScriptElement.supports('speculationrules')"):
        pytest.skip("this browser prerenders no page by speculation rules")
    await site.until(1)
    await _until_loaded(site, "/shown/seen")
    await tab.run("new Promise(r => setTimeout(r, 1500))")
    assert site.paths() == ["/"]
    await tab.click("a")
    *_, ready = await site.until(3)
    assert site.paths() == ["/", "/seen", "ready /seen"]
    assert ready["prerendered"] is True


async def _until_loaded(site: WebSite, path: str) -> None:
    for _ in range(500):
        if path in site.loaded:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} was not loaded")
