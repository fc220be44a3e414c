"""Changes at AWS's requeue: they wait without failing, and hold up nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import Action, Approval, DriftPolicy, PlannedChange, Policy
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Properties,
    StepMustWait,
    Wait,
    progressing,
)
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.state import GenerationState, ReconcileState
from tests.unit.engine.fake_resource import OWN_TAGS, FakeResource

AFTER = Wait(Reason.CHANGE_TOO_SOON, "tomorrow", 86_400)
BUSY = progressing("Busy", "AWS is at work", usable=True)


class Paced(FakeResource):
    """One whose updates must wait."""

    wait = AFTER

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Not now."""
        raise StepMustWait(self.wait)


async def apply(
    *resources: FakeResource, policy: Policy | None = None, **entries: Entry
) -> Mapping[str, Outcome]:
    """One reconcile of resources that the inventory has."""
    inventory = {one.name: entries.get(one.name) or one.entry() for one in resources}
    start = ReconcileInput(inventory=inventory, policy=policy or Policy())
    return await Applier(resources, start).apply()


async def test_wait_is_no_error_and_names_its_time() -> None:
    """Updating, the reason, the message, and when to try again."""
    one = Paced("a").exists(size=9)
    outcome = (await apply(one))["a"]
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason) == (State.UPDATING, Reason.CHANGE_TOO_SOON)
    assert outcome.entry.message == "tomorrow"
    assert (outcome.next, outcome.seconds) == (Requeue.AFTER, 86_400)
    assert outcome.done == ()


async def test_change_taken_back_while_it_waited_leaves_later_drift_to_the_policy() -> None:
    """A step that was only waited for changed nothing: afterwards a difference is drift again."""
    report = Policy(drift=DriftPolicy.REPORT)
    one = FakeResource("a").exists()
    before = one.entry()
    waiting = Paced("a", want={"size": 2})
    waiting.there = one.there
    entry = (await apply(waiting, policy=report, a=before))["a"].entry
    assert entry is not None
    assert entry.state is State.UPDATING
    one.exists(size=9)
    outcome = (await apply(one, policy=report, a=entry))["a"]
    assert one.writes == []
    assert outcome.entry is not None
    assert outcome.entry.state is State.DRIFTED


class HalfPaced(FakeResource):
    """One that takes ``colour`` now and the rest later."""

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Write the colour where it differs."""
        written = frozenset({"colour"}) & diff.fields.keys()
        if written:
            await super().update(desired, observed, diff.only(written))
        raise StepMustWait(AFTER, written=written)


@pytest.mark.parametrize(
    ("want", "tags", "fields"),
    [
        ({"colour": "red", "size": 2}, OWN_TAGS, ("colour",)),
        ({"colour": "blue", "size": 2}, {**OWN_TAGS, "team": "web"}, ("tags",)),
        ({"colour": "red", "size": 2}, {**OWN_TAGS, "team": "web"}, ("colour", "tags")),
    ],
)
async def test_change_of_which_a_part_was_written_is_put_back_when_it_is_taken_back(
    want: Properties, tags: Mapping[str, str], fields: tuple[str, ...]
) -> None:
    """The part that was written is told, and is no drift when the rest was only waited for."""
    report = Policy(drift=DriftPolicy.REPORT)
    one = FakeResource("a", want={"colour": "blue", "size": 1}).exists()
    one.obsolete_tags = frozenset({"team"})
    before, started_from = one.entry(), one.there
    waiting = HalfPaced("a", want=want, tags=tags)
    waiting.there = started_from
    outcome = (await apply(waiting, policy=report, a=before))["a"]
    assert (outcome.done, outcome.fields) == ((Action.UPDATE,), fields)
    assert (outcome.next, outcome.seconds) == (Requeue.AFTER, 86_400)
    assert outcome.entry is not None
    one.there = waiting.there
    outcome = (await apply(one, policy=report, a=outcome.entry))["a"]
    assert one.there == started_from
    assert outcome.ready
    assert not outcome.corrected_drift


async def test_later_step_that_waits_does_not_forget_the_one_before() -> None:
    """A first step was written in the same reconcile: the change has begun."""

    class Second(FakeResource):
        async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
            if diff.paths == ("size",):
                raise StepMustWait(AFTER)
            await super().update(desired, observed, diff)

    one = Second("a", want={"colour": "red", "size": 2}).exists(colour="blue", size=1)
    outcome = (await apply(one, a=one.entry(applied_hash="of-before")))["a"]
    assert one.writes == ["update"]
    assert (outcome.done, outcome.next) == ((Action.UPDATE,), Requeue.AFTER)
    assert outcome.entry is not None
    assert outcome.entry.partially_applied


async def test_wait_without_a_time_is_polled() -> None:
    """The next step follows soon."""
    one = Paced("a")
    one.exists(size=9)
    one.wait = Wait(Reason.SCALING_IN_STEPS, "in steps")
    assert (await apply(one))["a"].next is Requeue.POLL


async def test_what_depends_on_a_waiting_thing_goes_on() -> None:
    """What was there before serves while its change waits."""
    one = Paced("a").exists(size=9)
    needs_it = FakeResource("b", "a").exists(size=9)
    outcomes = await apply(one, needs_it)
    assert outcomes["b"].ready
    assert needs_it.writes == ["update"]


async def test_new_thing_that_waits_holds_its_dependents() -> None:
    """What was never as desired does not serve yet."""
    one = Paced("a").exists(size=9)
    needs_it = FakeResource("b", "a")
    outcomes = await apply(
        one, needs_it, a=one.entry(applied=False, arn=one.arn), b=needs_it.entry(applied=False)
    )
    assert outcomes["b"].entry is not None
    assert outcomes["b"].entry.reason == Reason.WAITING_FOR_DEPENDENCY


async def test_busy_and_usable_thing_as_desired_stays_ready() -> None:
    """Somebody resizes it: it serves; it is polled, and not taken for settled."""
    one = FakeResource("a").exists(readiness=BUSY)
    applier = Applier([one], ReconcileInput(inventory={"a": one.entry()}))
    outcome = (await applier.apply())["a"]
    assert outcome.ready
    assert outcome.next is Requeue.POLL
    assert applier.observations == {}


@pytest.mark.parametrize("readiness", [BUSY, progressing("Busy", "AWS is at work")])
async def test_busy_thing_with_a_new_spec_is_not_ready(readiness: Any) -> None:
    """Until AWS has finished the change is not there, whatever it shows."""
    one = FakeResource("a").exists(readiness=readiness)
    outcome = (await apply(one, a=one.entry(applied_hash="of-before")))["a"]
    assert outcome.entry is not None
    assert outcome.entry.state is State.UPDATING


async def test_busy_thing_that_differs_is_not_ready() -> None:
    """It serves, and is not as desired: the difference is drift, and stays on record."""
    one = FakeResource("a").exists(readiness=BUSY, size=9)
    outcome = (await apply(one))["a"]
    assert one.writes == []
    assert not outcome.ready
    assert outcome.entry is not None
    assert outcome.entry.state is State.UPDATING
    assert [line.field for line in outcome.entry.drift] == ["size"]


def test_later_counts_among_the_delays() -> None:
    """The nearest of resync and the promised time."""
    requeue = RequeuePolicy(clock=lambda: 100.0, jitter=lambda: 0.0)
    state = ReconcileState("u", GenerationState(1, resync_due=400.0))
    entry = Entry("a", "Fake", "base-a", state=State.UPDATING)
    soon = {"a": Outcome("a", entry, Requeue.AFTER, seconds=60)}
    assert requeue.requeue_after(state, soon) == 60
    late = {"a": Outcome("a", entry, Requeue.AFTER, seconds=86_400)}
    assert requeue.requeue_after(state, late) == 300


def test_approved_value_covers_the_steps_to_it() -> None:
    """The same resource, field and end; neither another end nor another action."""
    approval = Approval(frozenset({PlannedChange(Action.UPDATE, "stream", "shards", "2", "16")}))
    assert approval.covers(
        [PlannedChange(Action.UPDATE, "stream", "shards", "4", "16")], being_created=False
    )
    for other in (
        PlannedChange(Action.UPDATE, "stream", "shards", "16", "2"),
        PlannedChange(Action.UPDATE, "stream", "retentionHours", "4", "16"),
        PlannedChange(Action.UPDATE, "other", "shards", "4", "16"),
        PlannedChange(Action.DELETE, "stream", "shards", "4", "16"),
    ):
        assert not approval.covers([other], being_created=False)
