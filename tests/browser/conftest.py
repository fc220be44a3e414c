"""A browser for the whole session, a profile and a site for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from sandbox.web.browsers import NAMES, Browser, Profile, browser, missing
from tests.browser.site import WebSite


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=NAMES)
async def started(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """Each browser of Debian's: Chromium must be there, Firefox may be absent."""
    if request.param != "chromium" and missing(request.param):
        pytest.skip(f"{' and '.join(missing(request.param))} is not installed")
    async with browser(request.param) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def profile(started: Browser) -> AsyncIterator[Profile]:
    """A profile without anything that another test stored."""
    made = await started.profile()
    yield made
    await made.remove()


@pytest_asyncio.fixture(loop_scope="session")
async def make_site(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Callable[..., Any]]:
    """Make a site whose collector has other settings."""
    sites = []

    async def make(**settings: Any) -> WebSite:
        site = WebSite(monkeypatch, **settings)
        await site.start()
        sites.append(site)
        return site

    yield make
    for site in sites:
        await site.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def site(make_site: Callable[..., Any]) -> Any:
    """A site with the settings that a user begins with."""
    return await make_site()
