"""Removal under approval, and what is on record of what stays."""

from __future__ import annotations

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Requeue
from clickstream_operator.engine.plan import (
    Action,
    Approval,
    PlannedChange,
    Policy,
)
from clickstream_operator.engine.resource import (
    DeletionPolicy,
)
from tests.unit.engine.fake_resource import OTHER_TAGS, FakeResource
from tests.unit.engine.one_deletion import delete

DELETE = PlannedChange(Action.DELETE, "a")


@pytest.mark.parametrize(
    ("approved", "deleted"),
    [
        ([], False),
        ([DELETE], True),
        ([PlannedChange(Action.DELETE, "b")], False),
        ([PlannedChange(Action.CREATE, "a")], False),
        ([PlannedChange(Action.UPDATE, "a", "size", "1", "2")], False),
    ],
)
async def test_a_deletion_under_approval_needs_its_own(
    approved: list[PlannedChange], *, deleted: bool
) -> None:
    """Of this resource, and of its deletion; else it is a line of the plan that waits."""
    fake = FakeResource("a").exists()
    policy = Policy(approval=Approval(frozenset(approved)))
    outcome = (await delete(fake, policy=policy))["a"]
    assert fake.writes == (["delete"] if deleted else [])
    if deleted:
        assert outcome.entry is None
        return
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason) == (State.BLOCKED, Reason.PLAN_PENDING)
    assert (outcome.withheld, outcome.next) == ((DELETE,), Requeue.RESYNC)


async def test_what_stays_needs_no_approval() -> None:
    """A retained or a foreign resource is not written to."""
    kept = FakeResource("a", deletion=DeletionPolicy.RETAIN).exists()
    foreign = FakeResource("b").exists(tags=OTHER_TAGS)
    policy = Policy(approval=Approval())
    outcomes = await delete(kept, foreign, policy=policy, inventory={"a": kept.entry()})
    assert kept.writes == foreign.writes == []
    assert not any(one.withheld for one in outcomes.values())
    assert outcomes["b"].entry is None


async def test_what_is_kept_or_held_back_is_on_record_by_its_arn() -> None:
    """Also where only the intent was: the ARN is how a person finds it."""
    kept = FakeResource("a", deletion=DeletionPolicy.RETAIN).exists()
    held = FakeResource("b").exists()
    policy = Policy(approval=Approval())
    intents = {one.name: one.entry(applied=False) for one in (kept, held)}
    outcomes = await delete(kept, held, policy=policy, inventory=intents)
    found = {name: one.entry.arn for name, one in outcomes.items() if one.entry}
    assert found == {"a": kept.arn, "b": held.arn}
