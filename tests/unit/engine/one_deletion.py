"""One deletion by the engine."""

from __future__ import annotations

from typing import Any

from clickstream_operator.engine.delete import (
    Deleter,
    UnconfirmedAbsence,
)
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.outcome import Outcome
from tests.unit.engine.fake_resource import FakeResource


async def delete(*resources: FakeResource, **start: Any) -> dict[str, Outcome]:
    """Reconcile a deletion once; by default all that exist are in the inventory."""
    start.setdefault("inventory", {one.name: one.entry() for one in resources if one.there})
    return dict(await Deleter(resources, ReconcileInput(**start)).delete())


async def delete_unconfirmed(
    *resources: FakeResource, unconfirmed: UnconfirmedAbsence, **start: Any
) -> dict[str, Outcome]:
    """Reconcile a deletion once, in which NotFound may be unconfirmed."""
    start.setdefault("inventory", {one.name: one.entry() for one in resources})
    return dict(await Deleter(resources, ReconcileInput(**start), unconfirmed=unconfirmed).delete())
