"""Bookkeeping around the steps of one reconcile: what each leaves on record."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Self

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.plan import Approval, DriftPolicy, Policy
from clickstream_operator.engine.resource import Observed, Outputs
from tests.unit.engine.fake_resource import FakeResource, aws_error
from tests.unit.engine.one_reconcile import apply, state_of

REPORT = Policy(drift=DriftPolicy.REPORT)


class Bound(FakeResource):
    """One whose identity follows from an output of its dependency."""

    observe_late = True
    key = ""

    def bind(self, outputs: Outputs) -> Self:
        """A copy with the dependency's ARN as its key."""
        bound = copy.copy(self)
        bound.key = outputs["a"]["arn"]
        return bound

    async def observe(self, *, full: bool) -> Observed | None:
        """Nothing is found without a key."""
        return await super().observe(full=full) if self.key else None


async def test_an_identity_from_outputs_is_bound_before_the_observation() -> None:
    """And only in a copy: the resource itself stays as it was built."""
    first, bound = FakeResource("a").exists(), Bound("b", "a")
    bound.exists()
    entries = {one.name: one.entry() for one in (first, bound)}
    outcome = (await apply(first, bound, inventory=entries))["b"]
    assert outcome.ready
    assert bound.writes == []
    assert bound.key == ""


async def test_a_creation_that_fails_leaves_the_applied_state_whole() -> None:
    """Only an update begins a change: a lost resource stays drift when the spec goes back."""
    lost = FakeResource("a", want={"size": 2})
    lost.fail["create"] = aws_error(Category.INVALID)
    before = FakeResource("a").entry()
    entry = (await apply(lost, inventory={"a": before}, policy=REPORT))["a"].entry
    assert entry is not None
    assert not entry.partially_applied
    back = FakeResource("a")
    outcome = (await apply(back, inventory={"a": entry}, policy=REPORT))["a"]
    assert back.writes == []
    assert state_of(outcome) == (State.BLOCKED, Reason.RESOURCE_MISSING)


async def test_a_correction_that_fails_is_no_change_of_the_applied_state() -> None:
    """The drift stays on record, and the hash as it was."""
    fake = FakeResource("a").exists(size=9)
    fake.fail["update"] = aws_error(Category.THROTTLED)
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert outcome.entry is not None
    assert not outcome.entry.partially_applied
    assert [one.field for one in outcome.entry.drift] == ["size"]


@pytest.mark.parametrize("known", [False, True])
async def test_a_creation_whose_desired_state_waits_is_in_the_plan(*, known: bool) -> None:
    """That it is to be created needs an approval, whatever its fields will be."""
    first = FakeResource("a")
    second = FakeResource("b", "a", wants_output_of=["a"])
    entry = second.entry() if known else second.entry(applied=False)
    start = {"policy": Policy(approval=Approval()), "inventory": {"b": entry}}
    outcome = (await apply(first, second, **start))["b"]
    assert first.writes == second.writes == []
    expected = Reason.WAITING_FOR_DEPENDENCY if known else Reason.PLAN_PENDING
    assert state_of(outcome)[1] == expected
    assert [one.resource for one in outcome.withheld] == ([] if known else ["b"])


async def test_kind_without_tags_is_never_asked_for_them() -> None:
    """Not when the tags of the pipeline changed, either."""
    fake = FakeResource("a").exists()
    fake.taggable = False  # type: ignore[misc]
    fake.tags_in_observation = False
    retagged = replace(fake.entry(), applied_hash=fake.entry().applied_hash[:16] + "0" * 8)
    outcome = (await apply(fake, inventory={"a": retagged}))["a"]
    assert outcome.ready
    assert "read_tags" not in fake.calls
    assert fake.writes == []
