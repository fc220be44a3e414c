"""Drift under each policy."""

from __future__ import annotations

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.plan import DriftPolicy, Policy
from tests.unit.engine.fake_resource import (
    FakeResource,
)
from tests.unit.engine.one_reconcile import apply, state_of


async def test_drift_is_corrected_and_told() -> None:
    """What AWS has differently from what was applied is repaired."""
    fake = FakeResource("a").exists(size=2)
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert (outcome.ready, outcome.corrected_drift, outcome.fields) == (True, True, ("size",))
    assert fake.there is not None
    assert fake.there.properties == fake.want


async def test_reported_drift_is_ready_and_named() -> None:
    """Report: ready, with the fields that differ."""
    fake = FakeResource("a").exists(size=2)
    policy = Policy(drift=DriftPolicy.REPORT)
    outcome = (await apply(fake, inventory={"a": fake.entry()}, policy=policy))["a"]
    assert not fake.writes
    assert state_of(outcome) == (State.DRIFTED, Reason.DRIFT_DETECTED)
    assert outcome.ready
    assert outcome.entry is not None
    assert [(one.field, one.observed, one.desired) for one in outcome.entry.drift] == [
        ("size", "2", "1")
    ]


async def test_ignored_drift_is_silent() -> None:
    """Ignore: ready, and nothing said."""
    fake = FakeResource("a").exists(size=2)
    policy = Policy(drift=DriftPolicy.IGNORE)
    outcome = (await apply(fake, inventory={"a": fake.entry()}, policy=policy))["a"]
    assert not fake.writes
    assert state_of(outcome) == (State.READY, "")
    assert outcome.entry is not None
    assert outcome.entry.drift == ()


async def test_drift_loop_is_left_alone() -> None:
    """After three corrections in a row the resource is left and its drift shown."""
    fake = FakeResource("a").exists(size=2)
    outcome = (await apply(fake, inventory={"a": fake.entry()}, corrections={"a": 3}))["a"]
    assert not fake.writes
    assert state_of(outcome) == (State.BLOCKED, Reason.DRIFT_LOOP)
    assert outcome.entry is not None
    assert [one.field for one in outcome.entry.drift] == ["size"]
