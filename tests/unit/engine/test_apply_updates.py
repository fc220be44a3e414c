"""Updates: steps of one reconcile, waiting for AWS, failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import MAX_STEPS
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Requeue
from clickstream_operator.engine.resource import (
    Observed,
    deleting,
    failed,
    progressing,
)
from tests.unit.engine.fake_resource import (
    OWN_TAGS,
    FakeResource,
    aws_error,
)
from tests.unit.engine.one_reconcile import apply, inventory_of, state_of, tags_of


async def test_all_steps_of_a_change_in_one_reconcile() -> None:
    """AWS takes one field at a time; the reconcile goes on until all are done."""
    fake = FakeResource("a", want={"x": 1, "y": 1, "z": 1}).exists(x=0, y=0, z=0)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert fake.writes == ["update"] * 3
    assert outcome.ready
    assert outcome.fields == ("x", "y", "z")
    assert not outcome.corrected_drift


async def test_steps_stop_when_reads_lag_writes() -> None:
    """A step that does not show is not repeated: the next reconcile observes again."""
    fake = FakeResource("a", want={"x": 1, "y": 1}).exists(x=0, y=0)
    entry = fake.entry(applied_hash="0")
    writes = {"update": 0}

    class Lagging(FakeResource):
        async def update(self, *arguments: Any) -> None:
            await super().update(*arguments)
            writes["update"] += 1
            self.lag = 1

    slow = Lagging("a", want=fake.want)
    slow.there = fake.there
    outcome = (await apply(slow, inventory={"a": entry}))["a"]
    assert writes == {"update": 1}
    assert state_of(outcome) == (State.UPDATING, Reason.WAITING_FOR_AWS)
    assert outcome.next is Requeue.POLL


async def test_steps_stop_when_aws_is_at_work() -> None:
    """UPDATING ends the reconcile of the resource."""

    class Busy(FakeResource):
        async def update(self, *arguments: Any) -> None:
            await super().update(*arguments)
            assert self.there is not None
            self.there = replace(self.there, readiness=progressing("Busy", "UPDATING"))

    fake = Busy("a", want={"x": 1, "y": 1}).exists(x=0, y=0)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert fake.writes == ["update"]
    assert state_of(outcome) == (State.UPDATING, Reason.WAITING_FOR_AWS)


async def test_steps_of_one_reconcile_are_bounded() -> None:
    """A resource that never gets there does not hold the worker."""

    class Restless(FakeResource):
        async def update(self, *arguments: Any) -> None:
            self._note("update")
            assert self.there is not None
            self.there = replace(self.there, properties={"x": self.there.properties["x"] + 1})

    fake = Restless("a", want={"x": -1}).exists(x=0)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert len(fake.writes) == MAX_STEPS
    assert outcome.next is Requeue.POLL


async def test_update_that_meets_another_thing_is_an_error() -> None:
    """AlreadyExists answers a creation; of an update it is a failure like any other."""
    fake = FakeResource("a").exists(size=2)
    fake.fail["update"] = aws_error(Category.ALREADY_EXISTS)
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert fake.writes == ["update"]
    assert state_of(outcome) == (State.FAILED, Reason.CONFLICT)


async def test_nothing_is_written_to_one_that_aws_works_on() -> None:
    """A busy thing that differs is polled."""
    fake = FakeResource("a").exists(readiness=progressing("Busy", "busy"), size=2)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert not fake.writes
    assert outcome.next is Requeue.POLL


async def test_one_that_is_being_deleted_is_made_again_afterwards() -> None:
    """First wait until the name is free, then create."""
    fake = FakeResource("a").exists(readiness=deleting("going"))
    outcomes = await apply(fake, inventory={"a": fake.entry()})
    assert state_of(outcomes["a"]) == (State.BLOCKED, Reason.WAITING_FOR_AWS)
    assert outcomes["a"].next is Requeue.POLL
    fake.there = None
    outcomes = await apply(fake, inventory=inventory_of(outcomes))
    assert outcomes["a"].ready
    assert fake.writes == ["create"]


@pytest.mark.parametrize("changeable", [True, False])
async def test_failed_one_is_changed_where_a_change_can_help(*, changeable: bool) -> None:
    """A kind tells whether AWS takes changes of one that it gave up on."""
    fake = FakeResource("a").exists(
        readiness=failed("Broken", "no key"), size=2, tags={"other": "1"}
    )
    fake.changeable_when_failed = changeable  # type: ignore[misc]
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert fake.writes == (["set_tags", "update"] if changeable else [])
    assert state_of(outcome) == (State.FAILED, Reason.RESOURCE_FAILED)
    assert bool(outcome.done) is changeable


async def test_tags_are_written_before_the_rest_in_one_step() -> None:
    """Set, then removed, then the first field; one observation follows."""
    left = {**OWN_TAGS, "team": "web", "old": "1", "foreign": "x"}
    fake = FakeResource("a", tags={**OWN_TAGS, "team": "shop"}).exists(size=2, tags=left)
    fake.obsolete_tags = frozenset({"old"})
    inventory = {"a": fake.entry(applied_hash="0")}
    outcome = (await apply(fake, inventory=inventory, full=True))["a"]
    assert fake.calls == ["observe-full", "set_tags", "remove_tags", "update", "observe-full"]
    assert tags_of(fake) == {**OWN_TAGS, "team": "shop", "foreign": "x"}
    assert outcome.fields == ("size", "tags")


@pytest.mark.parametrize(
    ("tags", "calls"),
    [
        (OWN_TAGS, ["observe-full", "update"]),
        ({**OWN_TAGS, "team": "web"}, ["observe-full", "set_tags", "update", "observe-full"]),
    ],
)
async def test_answer_that_describes_the_resource_spares_an_observation(
    tags: dict[str, str], calls: list[str]
) -> None:
    """Not one that follows a write of tags: it does not show those."""

    class Answering(FakeResource):
        async def update(self, *arguments: Any) -> Observed | None:  # type: ignore[override]
            await super().update(*arguments)
            return self.there

    fake = Answering("a", tags=tags).exists(size=2, tags=OWN_TAGS)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}, full=True))["a"]
    assert fake.calls == calls
    assert outcome.ready


async def test_failed_thing_is_reported() -> None:
    """AWS gave up: the message quotes it."""
    fake = FakeResource("a").exists(readiness=failed("Broken", "the key is gone"))
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert state_of(outcome) == (State.FAILED, Reason.RESOURCE_FAILED)
    assert outcome.entry is not None
    assert outcome.entry.message == "the key is gone"


async def test_what_was_applied_last_is_on_record() -> None:
    """Each change renews the hash, by which drift is told from a change of the spec."""
    inventory: dict[str, Any] = {}
    for size in (1, 2, 3):
        fake = FakeResource("a", want={"size": size}).exists(size=size - 1)
        outcomes = await apply(fake, inventory=inventory or {"a": fake.entry(applied_hash="0")})
        entry = outcomes["a"].entry
        assert entry is not None
        assert entry.applied_hash == fake.entry().applied_hash
        assert not entry.partially_applied
        assert not outcomes["a"].corrected_drift
        inventory = inventory_of(outcomes)
    undone = FakeResource("a", want={"size": 3}).exists(size=2)
    assert (await apply(undone, inventory=inventory))["a"].corrected_drift
