"""Observations: fast or full, known, deferred, failed."""

from __future__ import annotations

import pytest

from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.resource import (
    progressing,
)
from tests.unit.engine.fake_resource import (
    FakeResource,
    LateObservation,
    aws_error,
)
from tests.unit.engine.one_reconcile import apply


async def test_known_observation_is_not_read_again() -> None:
    """A poll reads only what was not ready."""
    fake = FakeResource("a").exists()
    assert fake.there is not None
    outcomes = await apply(fake, inventory={"a": fake.entry()}, known={"a": fake.there})
    assert fake.calls == []
    assert outcomes["a"].ready


async def test_known_late_observation_is_not_read_again() -> None:
    """It stands while the desired state is the same."""
    fake = LateObservation("a").exists()
    assert fake.there is not None
    known = {"a": fake.there}
    await apply(fake, inventory={"a": fake.entry()}, known=known)
    assert fake.calls == []
    await apply(fake, inventory={"a": fake.entry(applied_hash="0")}, known=known)
    assert fake.calls == ["observe-full"]


async def test_observations_are_of_what_is_ready() -> None:
    """A poll may skip the ready ones, as they are after their writes."""
    ready, busy = FakeResource("ready"), FakeResource("busy")
    busy.after_create = progressing("Busy", "busy")
    applier = Applier([ready, busy], ReconcileInput(inventory={}))
    await applier.apply()
    assert applier.observations == {"ready": ready.there}


async def test_deferred_resource_is_not_observed() -> None:
    """Its last outcome stands, and its outputs serve what needs them."""
    slow = FakeResource("slow").exists(readiness=progressing("Busy", "busy"))
    user = FakeResource("user", wants_output_of=["slow"])
    deferred = Outcome("slow", slow.entry(), Requeue.POLL, outputs={"arn": slow.arn})
    outcomes = await apply(slow, user, inventory={}, deferred={"slow": deferred})
    assert slow.calls == []
    assert outcomes["slow"] is deferred
    assert outcomes["user"].ready


@pytest.mark.parametrize(("full", "call"), [(True, "observe-full"), (False, "observe")])
async def test_observation_is_as_full_as_asked(*, full: bool, call: str) -> None:
    """A fast observation leaves out the properties that only a full one reads."""
    fake = FakeResource("a").exists()
    await apply(fake, inventory={"a": fake.entry()}, full=full)
    assert fake.calls == [call]


async def test_changed_desire_observes_in_full() -> None:
    """A fast observation may lack the field that changed."""
    fake = FakeResource("a").exists()
    await apply(fake, inventory={"a": fake.entry(applied_hash="0" * 16)})
    assert fake.calls == ["observe", "observe-full"]


async def test_failed_observation_says_nothing_about_the_resource() -> None:
    """It is marked, keeps the inventory's facts and writes nothing."""
    fake = FakeResource("a").exists()
    fake.fail["observe"] = aws_error(Category.THROTTLED)
    entry = fake.entry()
    outcome = (await apply(fake, inventory={"a": entry}))["a"]
    assert outcome.observation_failed
    assert outcome.next is Requeue.BACKOFF
    assert outcome.entry is not None
    assert (outcome.entry.arn, outcome.entry.applied_hash) == (entry.arn, entry.applied_hash)
    assert not fake.writes


async def test_a_run_knows_its_resources_from_the_start() -> None:
    """A status that is written meanwhile tells those without an outcome as pending."""
    first, second = FakeResource("first"), FakeResource("second", "first")
    applier = Applier([first, second], ReconcileInput(inventory={}))
    assert applier.names == {"first", "second"}
    seen: list[frozenset[str]] = []
    second.on_observe = lambda: seen.append(applier.names - applier.outcomes.keys())
    await applier.apply()
    assert applier.names == {"first", "second"} == applier.outcomes.keys()
    assert frozenset({"first", "second"}) in seen


async def test_compared_is_what_was_seen_in_full_or_created() -> None:
    """Not what a fast observation left out, what AWS is at work on, and what it did not show."""

    async def compared(*resources: FakeResource, full: bool, known: bool = True) -> frozenset[str]:
        inventory = {one.name: one.entry() for one in resources} if known else {}
        applier = Applier(resources, ReconcileInput(inventory=inventory, full=full))
        await applier.apply()
        return applier.compared

    there = FakeResource("there").exists()
    busy = FakeResource("busy").exists(readiness=progressing("Busy", "busy"))
    unseen = FakeResource("unseen").exists()
    unseen.fail["observe"] = aws_error(Category.THROTTLED)
    assert await compared(there, busy, unseen, full=True) == {"there"}
    assert await compared(there, full=False) == frozenset()
    assert await compared(FakeResource("made"), full=False, known=False) == {"made"}
