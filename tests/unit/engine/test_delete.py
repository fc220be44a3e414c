"""Removal: dependents first, each as its policy says, until AWS says that it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.delete import (
    PROPAGATION_SECONDS,
    UnconfirmedAbsence,
    is_unconfirmed,
)
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import (
    Action,
    AdoptionPolicy,
    Policy,
)
from clickstream_operator.engine.resource import (
    AlreadyGone,
    DeletionPolicy,
    Observed,
    ResourceBlocked,
    deleting,
)
from tests.unit.engine.fake_resource import OTHER_TAGS, OWN_TAGS, FakeResource, Untagged, aws_error
from tests.unit.engine.one_deletion import delete, delete_unconfirmed

LONG_AGO = "2026-11-01T00:00:00Z"
JUST_NOW = "2026-11-01T00:59:57Z"


async def test_dependents_go_first() -> None:
    """The reverse of the order in which they were made."""
    log: list[str] = []
    parts = [
        FakeResource("a", log=log).exists(),
        FakeResource("b", "a", log=log).exists(),
        FakeResource("c", "b", log=log).exists(),
    ]
    outcomes = await delete(*parts)
    assert [line for line in log if line.endswith("delete")] == ["c:delete", "b:delete", "a:delete"]
    assert all(one.entry is None and one.done == (Action.DELETE,) for one in outcomes.values())


class Emptied(FakeResource):
    """One that is emptied in steps: some parts with each deletion, then it goes."""

    parts = 5

    async def delete(self, observed: Observed) -> int | None:  # type: ignore[override]
        """Delete two parts, or what has none."""
        if not self.parts:
            await super().delete(observed)
            return None
        gone = min(2, self.parts)
        self.parts -= gone
        return gone


async def test_emptying_counts_what_is_gone_from_reconcile_to_reconcile() -> None:
    """The count is on record: another process goes on with it, and an error does not reset it."""
    fake, told = Emptied("a").exists(), []
    entry: Entry | None = fake.entry()
    for _ in range(3):
        outcome = (await delete(fake, inventory={"a": entry}))["a"]
        assert outcome.entry is not None
        assert outcome.next is Requeue.NOW
        told.append((outcome.entry.removed_parts, outcome.entry.message.split(",")[0]))
        entry = replace(outcome.entry, message="another one", reason=Reason.THROTTLED)
    assert told == [(gone, f"emptying: {gone} object versions removed") for gone in (2, 4, 5)]
    assert (await delete(fake, inventory={"a": entry}))["a"].entry is None


async def test_one_that_is_wanted_again_forgets_what_was_emptied() -> None:
    """Its next deletion counts from the start."""
    fake = FakeResource("a").exists()
    start = ReconcileInput(inventory={"a": fake.entry(state=State.DELETING, removed_parts=5)})
    outcome = (await Applier([fake], start).apply())["a"]
    assert outcome.entry is not None
    assert outcome.entry.removed_parts == 0


async def test_resource_in_deletion_is_observed_when_it_usually_is_gone() -> None:
    """And not by a reconcile before that, whatever requests it."""
    fake = FakeResource("a").exists()
    assert fake.there is not None
    fake.after_delete = replace(fake.there, readiness=deleting("going", seconds=30.0))
    going = (await delete(fake))["a"]
    assert (going.next, going.seconds) == (Requeue.POLL, 30.0)
    fake.log.clear()
    outcomes = await delete(fake, inventory={"a": going.entry}, deferred={"a": going})
    assert outcomes["a"] is going
    assert fake.calls == []


async def test_resource_that_a_creation_waited_for_is_observed_by_a_deletion() -> None:
    """Only one that was observed in deletion is deferred."""
    fake = FakeResource("a").exists()
    deferred = Outcome("a", fake.entry(state=State.CREATING), Requeue.POLL)
    await delete(fake, deferred={"a": deferred})
    assert fake.writes == ["delete"]


async def test_what_is_not_there_is_gone() -> None:
    """NotFound is success, and nothing is deleted."""
    fake = FakeResource("a")
    outcomes = await delete(fake, inventory={"a": fake.entry()})
    assert outcomes["a"] == Outcome("a", None)
    assert fake.calls == ["observe"]


async def test_one_not_found_of_a_new_thing_proves_nothing() -> None:
    """Reads lag creations: a resource seconds old is observed again before it is forgotten."""
    fake = FakeResource("a").exists()
    fake.lag = 1
    unconfirmed = UnconfirmedAbsence({"a"}, now=100.0)
    outcome = (await delete_unconfirmed(fake, unconfirmed=unconfirmed))["a"]
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason) == (
        State.DELETING,
        Reason.CONFIRMING_ABSENCE,
    )
    assert (outcome.next, outcome.seconds) == (Requeue.AFTER, PROPAGATION_SECONDS)
    unconfirmed.now += PROPAGATION_SECONDS
    assert (await delete_unconfirmed(fake, unconfirmed=unconfirmed))["a"].entry is None
    assert fake.writes == ["delete"]


async def test_a_chain_of_doubts_takes_as_long_as_one() -> None:
    """Several of one reconcile are confirmed in one more."""
    parts = [FakeResource("a"), FakeResource("b", "a"), FakeResource("c", "b")]
    unconfirmed = UnconfirmedAbsence({"a", "b", "c"})
    inventory = {part.name: part.entry() for part in parts}
    outcomes = await delete_unconfirmed(*parts, unconfirmed=unconfirmed, inventory=inventory)
    assert all(one.entry for one in outcomes.values())
    unconfirmed.now = PROPAGATION_SECONDS
    outcomes = await delete_unconfirmed(*parts, unconfirmed=unconfirmed, inventory=inventory)
    assert [one.entry for one in outcomes.values()] == [None] * 3


async def test_doubt_ends_when_the_thing_shows() -> None:
    """A second disappearance is doubted from its own beginning."""
    fake = FakeResource("a").exists(readiness=deleting("going"))
    unconfirmed = UnconfirmedAbsence({"a"}, 50.0, {"a": 0.0})
    await delete_unconfirmed(fake, unconfirmed=unconfirmed)
    assert unconfirmed.missing_since == {}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"since": LONG_AGO}, False),
        ({"since": JUST_NOW}, True),
        ({"since": LONG_AGO, "arn": ""}, True),
        ({"since": ""}, True),
        ({"since": JUST_NOW, "state": State.DELETING, "reason": "WaitingForAWS"}, False),
        ({"since": JUST_NOW, "state": State.DELETING, "reason": "Deleting"}, False),
        ({"since": JUST_NOW, "state": State.DELETING, "reason": "WaitingForDependency"}, True),
        ({"since": JUST_NOW, "state": State.DELETING, "reason": "ConfirmingAbsence"}, True),
    ],
)
def test_what_is_in_doubt(entry: dict[str, Any], *, expected: bool) -> None:
    """The new and the never seen; not what was seen when its deletion was asked for."""
    now = datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert is_unconfirmed(FakeResource("a").entry(**entry), now=now) is expected


async def test_retained_one_stays_and_is_recorded() -> None:
    """Retain writes nothing and keeps the line in the inventory."""
    fake = FakeResource("a", deletion=DeletionPolicy.RETAIN).exists()
    outcome = (await delete(fake))["a"]
    assert not fake.writes
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.reason) == (State.RETAINED, Reason.RESOURCE_RETAINED)
    assert outcome.entry.arn == fake.arn


async def test_retained_before_is_not_observed() -> None:
    """What is recorded as retained is settled."""
    fake = FakeResource("a").exists()
    entry = fake.entry(state=State.RETAINED)
    outcomes = await delete(fake, inventory={"a": entry})
    assert outcomes["a"].entry == entry
    assert fake.calls == []


async def test_retained_dependent_holds_nothing_up() -> None:
    """What a retained resource depends on may go."""
    kept = FakeResource("b", "a", deletion=DeletionPolicy.RETAIN).exists()
    outcomes = await delete(FakeResource("a").exists(), kept)
    assert outcomes["a"].entry is None


@pytest.mark.parametrize("tags", [OTHER_TAGS, {}])
async def test_foreign_one_is_left_alone(tags: dict[str, str]) -> None:
    """What is not ours is not deleted, and no longer listed."""
    fake = FakeResource("a").exists(tags=tags)
    outcomes = await delete(fake, inventory={"a": fake.entry(applied=False)})
    assert outcomes["a"] == Outcome("a", None)
    assert not fake.writes
    assert fake.there is not None


async def test_adoptable_one_is_left_alone() -> None:
    """What could have been taken over and was not is not ours."""
    fake = FakeResource("a").exists(tags={})
    policy = Policy(adoption=AdoptionPolicy.ALWAYS, adoptable=("*",))
    outcomes = await delete(fake, inventory={"a": fake.entry(applied=False)}, policy=policy)
    assert outcomes["a"].entry is None
    assert not fake.writes


async def test_adopted_one_that_the_status_forgot_is_noted_first() -> None:
    """Its own deletion policy applies, and the next reconcile knows it from the inventory."""
    tags = {**OWN_TAGS, ownership.ORIGIN: ownership.ADOPTED}
    fake = FakeResource("a").exists(tags=tags)
    outcome = (await delete(fake, inventory={"a": fake.entry(applied=False)}))["a"]
    assert not fake.writes
    assert outcome.next is Requeue.NOW
    assert outcome.entry is not None
    assert outcome.entry.origin is Origin.ADOPTED
    await delete(fake, inventory={"a": outcome.entry})
    assert fake.writes == ["delete"]


async def test_leftover_that_was_never_taken_back_is_left_alone() -> None:
    """Under adoptionPolicy Never, what an earlier object left is not deleted with this one."""
    fake = FakeResource("a").exists(tags={**OWN_TAGS, ownership.UID: "uid-0"})
    policy = Policy(adoption=AdoptionPolicy.NEVER)
    await delete(fake, inventory={"a": fake.entry(applied=False)}, policy=policy)
    assert not fake.writes


async def test_owner_of_another_account_says_nothing_of_ours() -> None:
    """An observation of a foreign resource means that nothing of ours is left to delete."""
    fake = FakeResource("a").exists()
    fake.fail["observe"] = ResourceBlocked(Reason.OWNERSHIP_CONFLICT, "belongs to another account")
    assert (await delete(fake))["a"] == Outcome("a", None)
    assert not fake.writes


async def test_other_refusal_of_an_observation_is_reported() -> None:
    """Only the conflict means gone."""
    fake = FakeResource("a").exists()
    fake.fail["observe"] = ResourceBlocked(Reason.DELETION_BLOCKED, "remedy")
    outcome = (await delete(fake))["a"]
    assert outcome.entry is not None
    assert (outcome.entry.state, outcome.entry.message) == (State.BLOCKED, "remedy")


async def test_kind_without_tags_is_removed() -> None:
    """It belongs to its parent, which is ours."""
    fake = Untagged("a").exists(tags={})
    assert (await delete(fake))["a"].entry is None
    assert fake.writes == ["delete"]


async def test_one_without_arn_on_record_is_found_by_its_tags() -> None:
    """A crash between creation and status leaks nothing."""
    fake = FakeResource("a").exists()
    await delete(fake, inventory={})
    assert fake.writes == ["delete"]


async def test_slow_deletion_is_polled_and_holds_up_its_dependencies() -> None:
    """The line stays until AWS says NotFound; what it needs stays too."""
    first, second = FakeResource("a").exists(), FakeResource("b", "a").exists()
    second.after_delete = Observed(arn=second.arn, properties={}, readiness=deleting("going"))
    outcomes = await delete(first, second)
    assert outcomes["b"].entry is not None
    assert outcomes["b"].entry.state is State.DELETING
    assert (outcomes["b"].next, outcomes["b"].done) == (Requeue.POLL, (Action.DELETE,))
    assert not first.writes
    assert outcomes["a"].next is Requeue.POLL
    assert outcomes["a"].entry is not None
    assert (outcomes["a"].entry.state, outcomes["a"].entry.message) == (
        State.DELETING,
        "waiting for b",
    )


async def test_deletion_under_way_is_not_asked_for_again() -> None:
    """DELETING waits."""
    fake = FakeResource("a").exists(readiness=deleting("going"))
    outcome = (await delete(fake))["a"]
    assert not fake.writes
    assert outcome.entry is not None
    assert outcome.entry.state is State.DELETING
    assert outcome.next is Requeue.POLL


@pytest.mark.parametrize("call", ["observe", "delete"])
async def test_failure_keeps_the_line_and_its_dependencies(call: str) -> None:
    """What can't be seen or deleted is not forgotten."""
    first, second = FakeResource("a").exists(), FakeResource("b", "a").exists()
    second.fail[call] = aws_error(Category.ACCESS_DENIED)
    sibling = FakeResource("c").exists()
    outcomes = await delete(first, second, sibling)
    assert outcomes["b"].entry is not None
    assert outcomes["b"].entry.reason == Reason.ACCESS_DENIED
    assert outcomes["a"].entry is not None
    assert not first.writes
    assert outcomes["c"].entry is None


async def test_blocked_deletion_says_why() -> None:
    """A resource that must not be deleted names the remedy."""
    fake = FakeResource("a").exists()
    fake.fail["delete"] = ResourceBlocked(Reason.DELETION_BLOCKED, "empty it")
    outcome = (await delete(fake))["a"]
    assert outcome.entry is not None
    assert (outcome.entry.reason, outcome.entry.message) == (Reason.DELETION_BLOCKED, "empty it")


async def test_defect_is_contained() -> None:
    """An unexpected exception keeps the line, and the others go on."""
    bad, good = FakeResource("bad").exists(), FakeResource("good").exists()
    bad.fail["delete"] = RuntimeError("oh")
    outcomes = await delete(bad, good)
    assert outcomes["bad"].entry is not None
    assert outcomes["bad"].entry.reason == Reason.INTERNAL_ERROR
    assert outcomes["good"].entry is None


async def test_second_reconcile_after_deletion_does_nothing() -> None:
    """Everything is gone: it only observes."""
    parts = [FakeResource("a").exists(), FakeResource("b", "a").exists()]
    await delete(*parts)
    for part in parts:
        part.log.clear()
    outcomes = await delete(*parts)
    assert all(outcome.entry is None for outcome in outcomes.values())
    assert all(not part.writes for part in parts)


async def test_answer_to_the_deletion_counts_more_than_an_observation() -> None:
    """AWS knows no such thing any more, whatever a read that lags still shows."""
    fake = FakeResource("a").exists()
    fake.fail["delete"] = AlreadyGone()
    outcomes = await delete(fake)
    assert outcomes["a"].entry is None
    assert outcomes["a"].done == (Action.DELETE,)
    assert fake.calls == ["observe", "delete"]
