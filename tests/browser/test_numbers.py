"""From a real visit to the numbers: browser, collector, processor and reader."""

from __future__ import annotations

import time

import pytest

from sandbox.web.browsers import Browser, Profile
from tests.browser.site import WebSite
from tests.lambdas.pipelines import Pipeline, invocation

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


async def test_people_robots_and_sessions(
    site: WebSite, profile: Profile, started: Browser
) -> None:
    """Two tabs of a person, and a robot that runs scripts, are two sessions and a robot's view."""
    first = await profile.open(f"{site.origin}/?utm_source=mail")
    await first.run("history.pushState(0, '', '/cart')")
    await profile.open(f"{site.origin}/")
    await site.until(3)
    # Firefox does not give its other name to requests that may outlive their page.
    has_robot = started.name == "chromium"
    if has_robot:
        crawler = await started.profile()
        await crawler.call_itself(ROBOT)
        await crawler.open(f"{site.origin}/")
        await site.until(4)
        await crawler.remove()
    pipeline = Pipeline()
    pipeline.now = time.time()
    records = [data for _, data in site.stream.records]
    pipeline.processor().process(invocation(records, arrival=pipeline.now))
    reader = pipeline.readback()
    pages = {
        page: sum(hour.views for hour in hours.values())
        for page, hours in reader.all_page_views().items()
    }
    host = site.origin.removeprefix("http://")
    assert {page.removeprefix(host).removeprefix(site.origin): n for page, n in pages.items()} == {
        "/": 2,
        "/cart": 1,
    }
    robots = reader.all_page_views(agents="Robot")
    assert sum(hour.views for hours in robots.values() for hour in hours.values()) == has_robot
    sessions = reader.all_sessions()
    assert sorted(one.event_count for one in sessions.values()) == [1] * has_robot + [1, 2]
