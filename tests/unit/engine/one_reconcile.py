"""One reconcile of fake resources, and its results."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import AdoptionPolicy, Policy
from tests.unit.engine.fake_resource import (
    FakeResource,
)

INTENT = datetime(2026, 11, 1, tzinfo=UTC)
ADOPT = Policy(adoption=AdoptionPolicy.ALWAYS, adoptable=("*",))


async def apply(*resources: FakeResource, **start: Any) -> dict[str, Outcome]:
    """Reconcile the resources once; without an inventory unless one is given."""
    start.setdefault("inventory", {})
    return dict(await Applier(resources, ReconcileInput(**start)).apply())


def inventory_of(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """The inventory that a reconcile leaves."""
    return {name: one.entry for name, one in outcomes.items() if one.entry}


def state_of(outcome: Outcome) -> tuple[State, str]:
    """State and reason of an outcome."""
    assert outcome.entry is not None
    return outcome.entry.state, outcome.entry.reason


def tags_of(fake: FakeResource) -> dict[str, str]:
    """The tags of a resource that exists."""
    assert fake.there is not None
    return dict(fake.there.tags or {})
