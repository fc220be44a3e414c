"""Who is not counted, what is not stored, and which pages may not send."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from sandbox.web.browsers import Profile, Tab
from tests.browser.site import BUILT, STRICT_POLICY, Page, WebSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OBJECTS = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true});"
STORED = "JSON.stringify([document.cookie, {...sessionStorage}, {...localStorage}])"
NOTHING = '["",{},{}]'


async def leave(tab: Tab, site: WebSite) -> None:
    """Let the script's timers run, and the page end."""
    await tab.run("new Promise(r => setTimeout(r, 1500))")
    await tab.go(f"{site.origin}/end")
    await tab.run("new Promise(r => setTimeout(r, 100))")


async def test_global_privacy_control(site: WebSite, profile: Profile) -> None:
    """Nothing is sent or stored; the page's own calls do nothing, consent changes nothing."""
    await profile.before_pages(OBJECTS)
    site.pages["/"] = Page(body='<button data-event="x">x</button>')
    tab = await profile.open(f"{site.origin}/")
    await tab.run("clickstream('own'); clickstream.consent(true); history.pushState(0, '', '/b')")
    await tab.click("button")
    assert await tab.run(STORED) == NOTHING
    await leave(tab, site)
    assert site.posts == []


async def test_global_privacy_control_that_is_not_respected(
    make_site: Callable[..., Any], profile: Profile
) -> None:
    """With `respectGlobalPrivacyControl: false` the snippet says `data-gpc="ignore"`."""
    site = await make_site(respectGlobalPrivacyControl=False)
    await profile.before_pages(OBJECTS)
    site.pages["/"] = Page(attributes='data-gpc="ignore"')
    await profile.open(f"{site.origin}/")
    await site.until(1)
    assert site.paths() == ["/"]


async def test_consent(make_site: Callable[..., Any], profile: Profile) -> None:
    """Nothing before it; then the page that is open, once; nothing after it is withdrawn."""
    site = await make_site(consent="analytics")
    site.pages["/"] = Page(attributes='data-consent="analytics"')
    tab = await profile.open(f"{site.origin}/")
    await tab.run("clickstream('before'); history.pushState(0, '', '/b')")
    await tab.run("new Promise(r => setTimeout(r, 1500))")
    assert site.posts == []
    assert await tab.run(STORED) == NOTHING
    await tab.run("clickstream.consent(true); clickstream.consent(true); clickstream('after')")
    await site.until(2)
    assert site.paths() == ["/b", "after /b"]
    await tab.run("clickstream('dropped'); clickstream.consent(false); clickstream('no')")
    assert (await tab.run("sessionStorage.clickstream")) == ""
    await leave(tab, site)
    assert site.paths() == ["/b", "after /b"]


async def test_consent_that_was_given_before(
    make_site: Callable[..., Any], profile: Profile
) -> None:
    """`data-given="true"` counts at once; of a page that says nothing nothing is kept."""
    site = await make_site(consent="analytics")
    site.pages["/"] = Page(attributes='data-consent="analytics" data-given="true"')
    await profile.open(f"{site.origin}/forgot")
    (post,) = await site.until_sent(1)
    assert post.status == 204
    await profile.open(f"{site.origin}/")
    await site.until(1)
    assert site.paths() == ["/"]


async def test_sessions(site: WebSite, profile: Profile) -> None:
    """One for each tab, in sessionStorage alone; another after half an hour without an event."""
    first = await profile.open(f"{site.origin}/a")
    await site.until(1)
    stored = await first.run(STORED)
    assert stored.startswith('["",{"clickstream":"')
    assert stored.endswith('"},{}]')
    await profile.open(f"{site.origin}/b")
    await site.until(2)
    await first.run("window.now = Date.now; Date.now = () => now() + 1700e3; clickstream('within')")
    await site.until(3)
    await first.run("Date.now = () => now() + 3600e3; clickstream('later')")
    events = await site.until(4)
    a, b, within, later = (one["session_id"] for one in events)
    assert a == within
    assert len({a, b, later}) == 3


async def test_storage_is_blocked(site: WebSite, profile: Profile) -> None:
    """The page counts all the same, in a session of its own."""
    await profile.before_pages(
        "Object.defineProperty(window, 'sessionStorage', "
        "{get() { throw new DOMException('blocked', 'SecurityError') }});"
    )
    tab = await profile.open(f"{site.origin}/")
    await tab.run("clickstream('own')")
    events = await site.until(2)
    assert len({one["session_id"] for one in events}) == 1


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_that_is_wrong_by_a_day(site: WebSite, profile: Profile, days: int) -> None:
    """An event has the time of its arrival: only the time until its sending is the page's."""
    await profile.before_pages(
        f"const now = Date.now; Date.now = () => now.call(Date) + {days * 86_400_000};"
    )
    await profile.open(f"{site.origin}/")
    (event,) = await site.until(1)
    arrival, time = (datetime.fromisoformat(event[name]) for name in ("received_at", "timestamp"))
    assert 0 <= (arrival - time).total_seconds() < 3600


async def test_a_page_of_another_origin(site: WebSite, profile: Profile) -> None:
    """Its requests are refused, and its own work goes on."""
    tab = await profile.open(f"{site.stranger}/")
    (post, *_) = await site.until_sent(1)
    assert post.status == 403
    assert site.events == []
    assert await tab.run("typeof clickstream") == "function"


async def test_a_blocked_script(site: WebSite, profile: Profile) -> None:
    """Nothing is counted; a page that calls `clickstream?.()` works on."""
    site.pages["/"] = Page(policy="script-src 'self'")
    tab = await profile.open(f"{site.origin}/")
    assert await tab.run("window.clickstream?.('own') ?? 'works'") == "works"
    assert site.sent == []


async def test_a_strict_policy(site: WebSite, profile: Profile) -> None:
    """Under a policy without unsafe-inline and unsafe-eval, pinned by its integrity, it counts."""
    content = (BUILT / "clickstream.js").read_bytes()
    integrity = base64.b64encode(hashlib.sha384(content).digest()).decode()
    name = hashlib.sha256(content).hexdigest()[:16]
    site.pages["/"] = Page(
        policy=STRICT_POLICY,
        script=f"/clickstream.{name}.js",
        attributes=f'integrity="sha384-{integrity}" crossorigin="anonymous"',
        body='<button data-event="buy">x</button>',
    )
    tab = await profile.open(f"{site.origin}/")
    await tab.click("button")
    await site.until(2)
    assert site.paths() == ["/", "buy /"]
    assert {one.path for one in site.sent} == {f"/clickstream.{name}.js"}


async def test_a_script_of_another_version_is_refused_by_its_integrity(
    site: WebSite, profile: Profile
) -> None:
    """A page that pins a version must be changed with an upgrade; without integrity it need not."""
    other = base64.b64encode(hashlib.sha384(b"other").digest()).decode()
    old = "/clickstream.0123456789abcdef.js"
    site.pages["/pinned"] = Page(
        script=old, attributes=f'integrity="sha384-{other}" crossorigin="anonymous"'
    )
    site.pages["/"] = Page(script=old)
    tab = await profile.open(f"{site.origin}/pinned")
    assert await tab.run("typeof clickstream") == "undefined"
    await tab.go(f"{site.origin}/")
    await site.until(1)
    assert site.paths() == ["/"]
