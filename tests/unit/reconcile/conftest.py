"""A new object and a reconciler for it."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A new object and no resources."""
    return World(monkeypatch)
