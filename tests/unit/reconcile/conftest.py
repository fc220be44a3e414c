"""A new object and a reconciler for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.reconcile.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Yield a new object and no resources; fail when a status that was written was untrue."""
    started = World(monkeypatch)
    yield started
    assert started.lies == []
