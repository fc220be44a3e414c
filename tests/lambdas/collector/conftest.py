"""A site for each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lambdas.collector.site import Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with the settings that a user begins with."""
    return Site(monkeypatch)


@pytest.fixture
def make_site(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Site]:
    """Make a site with other settings."""

    def make(**changes: Any) -> Site:
        return Site(monkeypatch, **changes)

    return make
