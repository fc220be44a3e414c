"""A property that a later version added, in a pipeline of the version before."""

from __future__ import annotations

import pytest

from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.plan import Action, DriftPolicy, Policy
from tests.unit.engine.fake_resource import FakeResource
from tests.unit.engine.one_reconcile import apply, inventory_of, state_of


class Grown(FakeResource):
    """A kind that has got a limit since; AWS has 10 where nobody set it."""

    added_later = {"limit": 10}  # noqa: RUF012 - as the contract declares it


def old(**properties: int) -> tuple[FakeResource, FakeResource]:
    """A resource as the version before left it, and the same in this version."""
    before = FakeResource("a").exists()
    now = Grown("a", want={"size": 1, "limit": 10, **properties})
    now.exists(limit=10)
    return before, now


async def test_an_upgrade_writes_nothing() -> None:
    """The hash on record stands for the same desired state."""
    before, now = old()
    outcomes = await apply(now, inventory={"a": before.entry()}, full=True)
    assert now.writes == []
    assert state_of(outcomes["a"]) == (State.READY, "")


async def test_it_is_set_and_set_back() -> None:
    """Both are changes of the spec; afterwards the hash is that of before."""
    before, now = old(limit=20)
    outcomes = await apply(now, inventory={"a": before.entry()}, full=True)
    assert outcomes["a"].done == (Action.UPDATE,)
    assert not outcomes["a"].corrected_drift
    now.want = {"size": 1, "limit": 10}
    outcomes = await apply(now, inventory=inventory_of(outcomes), full=True)
    assert outcomes["a"].done == (Action.UPDATE,)
    assert outcomes["a"].entry is not None
    assert outcomes["a"].entry.applied_hash == before.entry().applied_hash


@pytest.mark.parametrize("policy", list(DriftPolicy))
async def test_its_drift_is_found_all_the_same(policy: DriftPolicy) -> None:
    """The hash leaves it out; the comparison with AWS does not."""
    before, now = old()
    now.exists(limit=99)
    start = {"inventory": {"a": before.entry()}, "policy": Policy(drift=policy), "full": True}
    outcomes = await apply(now, **start)
    assert (now.writes == ["update"]) is (policy is DriftPolicy.CORRECT)
    if policy is DriftPolicy.REPORT:
        assert state_of(outcomes["a"])[0] is State.DRIFTED
