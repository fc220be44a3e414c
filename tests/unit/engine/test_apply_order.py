"""Order: dependents, their outputs, and the isolation of a failing resource."""

from __future__ import annotations

import asyncio

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Requeue
from clickstream_operator.engine.resource import (
    Observed,
    ResourceBlocked,
    progressing,
)
from tests.unit.engine.fake_resource import (
    OTHER_TAGS,
    FakeResource,
    LateObservation,
    aws_error,
)
from tests.unit.engine.one_reconcile import apply, state_of


async def test_dependent_goes_on_in_the_same_reconcile() -> None:
    """A dependency that becomes ready hands its outputs on at once."""
    log: list[str] = []
    first = FakeResource("a", log=log)
    second = FakeResource("b", "a", wants_output_of=["a"], log=log)
    outcomes = await apply(second, first)
    assert [line for line in log if "create" in line] == ["a:create", "b:create"]
    assert all(outcome.ready for outcome in outcomes.values())


async def test_dependent_waits_for_one_that_aws_works_on() -> None:
    """Nothing is created on top of what is not ready."""
    first = FakeResource("a")
    first.after_create = progressing("Busy", "busy")
    second = FakeResource("b", "a")
    outcomes = await apply(first, second)
    assert not second.writes
    assert state_of(outcomes["b"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)
    assert outcomes["b"].next is Requeue.POLL
    assert outcomes["b"].entry is not None
    assert outcomes["b"].entry.message == "waiting for a"


async def test_dependent_that_needs_no_write_does_not_wait() -> None:
    """A ready dependent stays ready while its dependency changes."""
    first = FakeResource("a").exists(readiness=progressing("Busy", "busy"))
    second = FakeResource("b", "a").exists()
    outcomes = await apply(first, second, inventory={"a": first.entry(), "b": second.entry()})
    assert not outcomes["a"].ready
    assert outcomes["b"].ready


async def test_failing_resource_holds_only_its_dependents() -> None:
    """An error in one leaves its siblings alone."""
    bad = FakeResource("bad")
    bad.fail["create"] = aws_error(Category.ACCESS_DENIED)
    outcomes = await apply(bad, FakeResource("child", "bad"), FakeResource("sibling"))
    assert state_of(outcomes["bad"]) == (State.FAILED, Reason.ACCESS_DENIED)
    assert state_of(outcomes["child"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)
    assert outcomes["sibling"].ready


async def test_missing_output_waits() -> None:
    """A desired state that needs an output waits for the one that has it."""
    first = FakeResource("a")
    first.lag = 2
    outcomes = await apply(first, FakeResource("b", "a", wants_output_of=["a"]))
    assert state_of(outcomes["b"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)


async def test_output_of_a_failing_dependency_is_used_while_it_is_seen() -> None:
    """An update that fails does not take the dependency's outputs away."""
    first = FakeResource("a").exists(size=2)
    first.fail["update"] = aws_error(Category.THROTTLED)
    second = FakeResource(
        "b", "a", wants_output_of=["a"], want={"size": 1, "a": first.arn}
    ).exists()
    outcomes = await apply(first, second, inventory={"a": first.entry(), "b": second.entry()})
    assert not outcomes["a"].ready
    assert outcomes["b"].ready


async def test_outputs_of_a_foreign_thing_are_not_used() -> None:
    """What is somebody else's is nothing to point at."""
    first = FakeResource("a").exists(tags=OTHER_TAGS)
    outcomes = await apply(first, FakeResource("b", "a", wants_output_of=["a"]))
    assert state_of(outcomes["b"]) == (State.PENDING, Reason.WAITING_FOR_DEPENDENCY)
    assert outcomes["b"].outputs == {}


async def test_late_observation_comes_after_the_dependencies() -> None:
    """An observation that needs outputs waits for them."""
    log: list[str] = []
    first, late = (
        FakeResource("a", log=log),
        LateObservation("b", "a", wants_output_of=["a"], log=log),
    )
    outcomes = await apply(late, first)
    assert log.index("a:create") < log.index("b:observe-full") < log.index("b:create")
    assert outcomes["b"].ready


async def test_siblings_are_observed_together() -> None:
    """All observations are under way before the first ends."""
    gate = asyncio.Barrier(3)

    class Slow(FakeResource):
        async def observe(self, *, full: bool) -> Observed | None:
            await gate.wait()
            return await super().observe(full=full)

    parts = [Slow("a").exists(), Slow("b", "a").exists(), Slow("c", "b").exists()]
    inventory = {part.name: part.entry() for part in parts}
    outcomes = await asyncio.wait_for(apply(*parts, inventory=inventory), timeout=5)
    assert all(outcome.ready for outcome in outcomes.values())


@pytest.mark.parametrize("call", ["observe", "create"])
async def test_defect_in_one_resource_is_contained(call: str) -> None:
    """An exception that nobody expected stops one resource and shows in its state."""
    bad, good = FakeResource("bad"), FakeResource("good")
    bad.fail[call] = KeyError("secret")
    outcomes = await apply(bad, good)
    assert state_of(outcomes["bad"]) == (State.FAILED, Reason.INTERNAL_ERROR)
    assert outcomes["bad"].entry is not None
    assert "KeyError" in outcomes["bad"].entry.message
    assert "secret" not in outcomes["bad"].entry.message
    assert outcomes["good"].ready


async def test_refused_step_is_reported_with_its_remedy() -> None:
    """A resource that refuses a step says why."""
    fake = FakeResource("a")
    fake.fail["create"] = ResourceBlocked(Reason.DELETION_BLOCKED, "do this")
    outcome = (await apply(fake))["a"]
    assert state_of(outcome) == (State.BLOCKED, Reason.DELETION_BLOCKED)
    assert outcome.entry is not None
    assert outcome.entry.message == "do this"
