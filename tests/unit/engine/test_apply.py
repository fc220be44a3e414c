"""One pass: observe, decide, write in dependency order, and report each resource."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import MAX_STEPS, Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Drift, Origin, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import Action, AdoptionPolicy, DriftPolicy, Policy
from clickstream_operator.engine.resource import (
    Observed,
    ResourceBlocked,
    deleting,
    failed,
    fingerprint,
    progressing,
)
from tests.unit.engine.fake_resource import (
    OTHER_TAGS,
    OWN_TAGS,
    Acknowledging,
    CreateFirst,
    FakeResource,
    LateLook,
    Slow,
    Unindexed,
    Untagged,
    aws_error,
)

INTENT = datetime(2026, 11, 1, tzinfo=UTC)
ADOPT = Policy(adoption=AdoptionPolicy.ALWAYS, adopt_without_owner=True)


async def apply(*resources: FakeResource, **start: Any) -> dict[str, Outcome]:
    """One pass over the resources; without an inventory unless one is given."""
    start.setdefault("inventory", {})
    return dict(await Applier(resources, ReconcileInput(**start)).apply())


def inventory_of(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """The inventory that a pass leaves."""
    return {name: one.entry for name, one in outcomes.items() if one.entry}


def state_of(outcome: Outcome) -> tuple[State, str]:
    """State and reason of an outcome."""
    assert outcome.entry is not None
    return outcome.entry.state, outcome.entry.reason


# -- creation --------------------------------------------------------------------------------------


async def test_look_comes_before_creation() -> None:
    """Where AWS would return or replace what exists, the engine looks first, and reads back."""
    fake = FakeResource("a")
    outcome = (await apply(fake))["a"]
    assert fake.calls == ["observe-full", "create", "observe-full"]
    assert state_of(outcome) == (State.READY, "")
    assert outcome.entry is not None
    assert outcome.entry.applied_hash == fingerprint(fake.want, fake.tags)
    assert (outcome.entry.arn, outcome.entry.origin) == (fake.arn, Origin.CREATED)
    assert outcome.done == (Action.CREATE,)
    assert outcome.outputs == {"arn": fake.arn}


async def test_create_first_does_not_look() -> None:
    """Where AWS refuses a second one, the first creation needs no look before it."""
    fake = CreateFirst("a")
    outcome = (await apply(fake))["a"]
    assert fake.calls == ["create", "observe-full"]
    assert outcome.ready


async def test_create_first_looks_when_something_was_written() -> None:
    """With an ARN on record it exists as a rule."""
    fake = CreateFirst("a").exists()
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert fake.calls == ["observe"]
    assert outcome.ready


async def test_create_first_looks_while_suspended() -> None:
    """A pass that may not write looks."""
    fake = CreateFirst("a")
    outcome = (await apply(fake, policy=Policy(read_only=True)))["a"]
    assert fake.calls == ["observe-full"]
    assert state_of(outcome) == (State.BLOCKED, Reason.SUSPENDED)
    assert outcome.next is Requeue.RESYNC


async def test_lost_answer_of_a_creation_is_found_again() -> None:
    """AlreadyExists on what carries our tags: it is ours, nothing is made twice."""
    fake = CreateFirst("a").exists()
    outcome = (await apply(fake))["a"]
    assert fake.calls == ["create", "observe-full"]
    assert outcome.ready
    assert outcome.done == ()


async def test_lost_answer_without_tags_is_found_by_its_intent() -> None:
    """Created after the intent and without owner: ours, and its tags are set."""
    fake = CreateFirst("a").exists(tags={}, created_at=INTENT + timedelta(seconds=5))
    outcome = (await apply(fake, intended_since=INTENT))["a"]
    assert fake.calls == ["create", "observe-full", "update", "observe-full"]
    assert outcome.ready
    assert outcome.entry is not None
    assert outcome.entry.origin is Origin.CREATED


async def test_chosen_name_is_no_intent() -> None:
    """Anybody may own a name that a person chose: age proves nothing there."""
    fake = CreateFirst("a").exists(tags={}, created_at=INTENT + timedelta(seconds=5))
    outcomes = await apply(fake, intended_since=INTENT, chosen_names=frozenset({"a"}))
    assert state_of(outcomes["a"]) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)


async def test_already_exists_that_is_not_seen_is_an_error() -> None:
    """AWS says that it exists and does not show it: try again later."""
    fake = CreateFirst("a").exists()
    fake.lag = 1
    outcome = (await apply(fake))["a"]
    assert state_of(outcome) == (State.FAILED, Reason.CONFLICT)
    assert outcome.next is Requeue.BACKOFF


async def test_created_and_not_seen_yet() -> None:
    """A read that lags the creation is asked again soon."""
    fake = FakeResource("a")
    fake.lag = 2
    outcome = (await apply(fake))["a"]
    assert state_of(outcome) == (State.CREATING, Reason.WAITING_FOR_AWS)
    assert outcome.next is Requeue.POLL
    assert outcome.done == (Action.CREATE,)


async def test_created_and_not_ready_yet() -> None:
    """AWS is at work: no further step in this pass, a poll soon."""
    fake = FakeResource("a")
    fake.after_create = progressing("Busy", "the thing is CREATING")
    outcome = (await apply(fake))["a"]
    assert fake.writes == ["create"]
    assert state_of(outcome) == (State.CREATING, Reason.WAITING_FOR_AWS)
    assert outcome.entry is not None
    assert outcome.entry.message == "the thing is CREATING"
    assert outcome.entry.arn == fake.arn
    assert not outcome.entry.applied_hash


# -- ownership -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FakeResource, CreateFirst])
@pytest.mark.parametrize("tags", [OTHER_TAGS, {}])
async def test_conflict_never_writes(kind: type[FakeResource], tags: dict[str, str]) -> None:
    """What is not ours is not touched, also when it differs."""
    fake = kind("a").exists(tags=tags, size=9)
    before = fake.there
    outcome = (await apply(fake))["a"]
    assert state_of(outcome) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    assert outcome.entry is not None
    assert outcome.entry.arn == ""
    assert "update" not in fake.calls
    assert fake.there is before
    assert outcome.next is Requeue.BACKOFF


async def test_tags_are_read_only_when_nothing_else_tells() -> None:
    """The recorded ARN saves the call that reads tags."""
    fake = FakeResource("a").exists()
    fake.tags_in_observation = False
    await apply(fake, inventory={"a": fake.entry()})
    assert "read_tags" not in fake.calls
    fake.log.clear()
    await apply(fake, inventory={"a": fake.entry(applied=False)})
    assert "read_tags" in fake.calls


async def test_tags_that_must_be_read_decide() -> None:
    """A kind whose looks bring no tags is still not taken from its owner."""
    fake = FakeResource("a").exists(tags=OTHER_TAGS, size=9)
    fake.tags_in_observation = False
    outcomes = await apply(fake)
    assert state_of(outcomes["a"]) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    assert not fake.writes


async def test_adopted_one_is_recorded_as_adopted() -> None:
    """What was taken over stays marked, although it carries our tags once they are written."""
    fake = FakeResource("a").exists(tags={"team": "web"}, size=2)
    outcomes = await apply(fake, policy=ADOPT)
    entry = outcomes["a"].entry
    assert outcomes["a"].ready
    assert entry is not None
    assert entry.origin is Origin.ADOPTED
    again = await apply(fake, policy=ADOPT, inventory=inventory_of(outcomes))
    assert again["a"].entry == entry


@pytest.mark.parametrize("tags_in_observation", [True, False])
async def test_what_was_taken_over_gets_our_tags(*, tags_in_observation: bool) -> None:
    """Also where a look brings no tags: without them a lost status would lose the resource."""
    fake = FakeResource("a").exists(tags={"team": "web"})
    fake.tags_in_observation = tags_in_observation
    await apply(fake, policy=ADOPT)
    assert fake.there is not None
    assert fake.there.tags == {**OWN_TAGS, "team": "web", ownership.ORIGIN: ownership.ADOPTED}


@pytest.mark.parametrize("policy", [ADOPT, Policy()])
async def test_taken_over_and_forgotten_is_still_adopted(policy: Policy) -> None:
    """A crash between the first write and the status, or a lost status, changes no origin."""
    fake = FakeResource("a").exists(tags={}, size=2)
    await apply(fake, policy=ADOPT)
    outcomes = await apply(FakeResource("a").exists(tags=_tags(fake)), policy=policy)
    entry = outcomes["a"].entry
    assert entry is not None
    assert (entry.origin, entry.state) == (Origin.ADOPTED, State.READY)


async def test_taken_over_while_suspended_is_tagged_afterwards() -> None:
    """A suspended pass writes nothing to AWS, so the tags come when it ends."""
    fake = FakeResource("a").exists(tags={})
    fake.tags_in_observation = False
    quiet = await apply(fake, policy=replace(ADOPT, read_only=True))
    assert not fake.writes
    outcomes = await apply(fake, policy=ADOPT, inventory=inventory_of(quiet))
    assert outcomes["a"].ready
    assert ownership.is_adopted(_tags(fake))


def _tags(fake: FakeResource) -> dict[str, str]:
    assert fake.there is not None
    return dict(fake.there.tags or {})


async def test_conflict_names_the_other_pipeline() -> None:
    """What carries another pipeline's tags says whose it is."""
    entry = (await apply(FakeResource("a").exists(tags=OTHER_TAGS)))["a"].entry
    assert entry is not None
    assert "belongs to pipeline shop/other of cluster cluster-1" in entry.message


async def test_never_adopts_no_earlier_life() -> None:
    """Under adoptionPolicy Never, what an earlier object of this name left is a conflict."""
    fake = CreateFirst("a").exists(tags={**OWN_TAGS, ownership.UID: "uid-0"})
    never = Policy(adoption=AdoptionPolicy.NEVER)
    outcomes = await apply(fake, policy=never, inventory={"a": fake.entry(applied=False)})
    assert state_of(outcomes["a"]) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    kept = await apply(fake, inventory={"a": fake.entry(applied=False)})
    assert kept["a"].ready


@pytest.mark.parametrize(
    ("want", "team", "read"), [({"size": 2}, "web", False), ({"size": 1}, "shop", True)]
)
async def test_tags_are_read_when_they_changed(
    *, want: dict[str, int], team: str, read: bool
) -> None:
    """A change of another field costs no look at the tags."""
    before = FakeResource("a", tags={**OWN_TAGS, "team": "web"}).exists()
    entry = before.entry()
    fake = FakeResource("a", want=want, tags={**OWN_TAGS, "team": team})
    fake.exists(tags=before.tags, size=1)
    fake.tags_in_observation = False
    outcomes = await apply(fake, inventory={"a": entry})
    assert outcomes["a"].ready
    assert ("read_tags" in fake.calls) is read
    assert fake.writes == ["update"]


# -- order -----------------------------------------------------------------------------------------


async def test_dependent_goes_on_in_the_same_pass() -> None:
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


# -- looks -----------------------------------------------------------------------------------------


async def test_late_look_comes_after_the_dependencies() -> None:
    """What to look for follows from outputs, so the look waits for them."""
    log: list[str] = []
    first, late = FakeResource("a", log=log), LateLook("b", "a", wants_output_of=["a"], log=log)
    outcomes = await apply(late, first)
    assert log.index("a:create") < log.index("b:observe-full") < log.index("b:create")
    assert outcomes["b"].ready


async def test_known_observation_is_not_read_again() -> None:
    """A poll reads only what was not ready."""
    fake = FakeResource("a").exists()
    assert fake.there is not None
    outcomes = await apply(fake, inventory={"a": fake.entry()}, known={"a": fake.there})
    assert fake.calls == []
    assert outcomes["a"].ready


async def test_known_observation_of_a_late_look_is_not_read_again() -> None:
    """What was ready a moment ago needs no look while its desired state is the same."""
    fake = LateLook("a").exists()
    assert fake.there is not None
    known = {"a": fake.there}
    await apply(fake, inventory={"a": fake.entry()}, known=known)
    assert fake.calls == []
    await apply(fake, inventory={"a": fake.entry(applied_hash="0")}, known=known)
    assert fake.calls == ["observe-full"]


async def look_at_tags(
    *resources: FakeResource, index: Mapping[str, Mapping[str, str]], **start: Any
) -> tuple[Applier, list[set[str]]]:
    """One pass with an index of tags; the ARNs that it was asked for."""
    asked: list[set[str]] = []

    async def tag_index(arns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        asked.append(set(arns))
        return {arn: index[arn] for arn in arns if arn in index}

    for one in resources:
        one.tags_in_observation = False
    inventory = {one.name: one.entry() for one in resources}
    start.setdefault("inventory", inventory)
    applier = Applier(resources, ReconcileInput(**start), tag_index=tag_index)
    await applier.apply()
    return applier, asked


async def test_tags_that_the_index_has_right_are_not_read() -> None:
    """One question for all, in a full look only."""
    right, other = FakeResource("right").exists(), FakeResource("other").exists()
    index = {one.arn: OWN_TAGS for one in (right, other)}
    applier, asked = await look_at_tags(right, other, index=index, full=True)
    assert asked == [{right.arn, other.arn}]
    assert right.calls == other.calls == ["observe-full"]
    assert applier.untagged_in_index == frozenset()
    _, asked = await look_at_tags(right, other, index=index)
    assert asked == []


@pytest.mark.parametrize("own", [OWN_TAGS, {}])
async def test_the_own_call_decides_over_the_index(own: dict[str, str]) -> None:
    """What the index shows to differ is read, and corrected when it does."""
    fake = FakeResource("a").exists(tags=own)
    applier, _ = await look_at_tags(fake, index={fake.arn: {}}, full=True)
    assert "read_tags" in fake.calls
    assert fake.writes == ([] if own else ["update"])
    assert applier.outcomes["a"].corrected_drift is not bool(own)


async def test_what_the_index_does_not_have_is_read_in_the_next_resync() -> None:
    """Neither silently believed nor read in the costly look."""
    absent, never = FakeResource("absent").exists(tags={}), Unindexed("never").exists(tags={})
    applier, asked = await look_at_tags(absent, never, index={}, full=True)
    assert asked == [{absent.arn}]
    assert applier.untagged_in_index == {"absent", "never"}
    assert absent.writes == never.writes == []
    await look_at_tags(absent, never, index={}, untagged_in_index=applier.untagged_in_index)
    assert absent.writes == never.writes == ["update"]


async def test_what_has_drifted_is_looked_at_in_full_until_it_has_not() -> None:
    """A hot look that leaves the field out must not take it for corrected."""
    fake = FakeResource("a").exists(tags={})
    drift = (Drift("tags", "", ""),)
    policy = Policy(drift=DriftPolicy.REPORT)
    applier, asked = await look_at_tags(
        fake, index={}, policy=policy, inventory={"a": fake.entry(drift=drift)}
    )
    assert (fake.calls, asked) == (["observe-full", "read_tags"], [])
    assert state_of(applier.outcomes["a"]) == (State.DRIFTED, "DriftDetected")


async def test_tags_that_cannot_be_read_are_a_failed_look() -> None:
    """Nothing is known of the thing then."""
    fake = FakeResource("a").exists()
    fake.fail["read_tags"] = aws_error(Category.THROTTLED)
    applier, _ = await look_at_tags(fake, index={fake.arn: {}}, full=True)
    assert applier.outcomes["a"].observation_failed


async def test_what_could_not_be_seen_in_full_is_left_unread() -> None:
    """A hot look at it would seem to be all of it, so the next look is full again."""
    full_only, tags, fine = (FakeResource(name).exists() for name in ("cold", "tags", "fine"))
    full_only.fail["observe-full"] = aws_error(Category.ACCESS_DENIED)
    tags.fail["read_tags"] = aws_error(Category.THROTTLED)
    index: dict[str, Any] = {one.arn: {} for one in (full_only, tags)} | {fine.arn: OWN_TAGS}
    first, _ = await look_at_tags(full_only, tags, fine, index=index, full=True)
    assert first.unobserved == {"cold", "tags"}
    fine.log.clear()
    second, _ = await look_at_tags(full_only, tags, fine, index=index, unobserved=first.unobserved)
    assert second.unobserved == {"cold", "tags"}
    assert fine.calls == ["observe"]
    full_only.fail = tags.fail = {}
    full_only.log.clear()
    tags.log.clear()
    third, _ = await look_at_tags(full_only, tags, fine, index=index, unobserved=second.unobserved)
    assert third.unobserved == frozenset()
    assert full_only.calls == tags.calls == ["observe-full", "read_tags"]


async def test_observations_are_of_what_is_ready() -> None:
    """What a poll may skip: ready ones, as they are after their writes."""
    ready, busy = FakeResource("ready"), FakeResource("busy")
    busy.after_create = progressing("Busy", "busy")
    applier = Applier([ready, busy], ReconcileInput(inventory={}))
    await applier.apply()
    assert applier.observations == {"ready": ready.there}


async def test_what_is_not_due_is_not_looked_at() -> None:
    """Its last outcome stands, and its outputs serve what needs them."""
    slow = FakeResource("slow").exists(readiness=progressing("Busy", "busy"))
    user = FakeResource("user", wants_output_of=["slow"])
    deferred = Outcome("slow", slow.entry(), Requeue.POLL, outputs={"arn": slow.arn})
    outcomes = await apply(slow, user, inventory={}, deferred={"slow": deferred})
    assert slow.calls == []
    assert outcomes["slow"] is deferred
    assert outcomes["user"].ready


async def test_what_a_new_thing_began_with_need_not_be_read() -> None:
    """AWS applied it before it answered: the look when it is ready is a hot one."""
    fake = Acknowledging("a", want={"size": 1, "ttl": "on"})
    fake.after_create = progressing("Busy", "busy")
    first = Applier([fake], ReconcileInput(inventory={}))
    creating = inventory_of(dict(await first.apply()))
    fake.exists(ttl="")
    assert first.creating.keys() == {"a"}
    fake.log.clear()
    seen = {"a": replace(first.creating["a"], properties={"size": 1, "ttl": ""})}
    outcomes = await apply(fake, inventory=creating, creating=seen)
    assert fake.calls == ["observe", "update", "observe"]
    assert outcomes["a"].ready
    assert fake.there is not None
    assert fake.there.properties["ttl"] == "on"


async def test_what_aws_took_its_time_to_create_is_busy_after_each_change() -> None:
    """Where the kind says so, no look tells what is known."""
    fake = Slow("a", want={"size": 2}).exists(size=1)
    assert fake.there is not None
    creating = {"a": replace(fake.there, readiness=Slow.busy_after_change)}
    entry = fake.entry(applied_hash="", state=State.CREATING)
    outcome = (await apply(fake, inventory={"a": entry}, creating=creating))["a"]
    assert fake.calls == ["observe", "update"]
    assert (outcome.next, outcome.seconds, outcome.done) == (Requeue.POLL, 30.0, (Action.UPDATE,))


async def test_what_failed_half_way_is_read_anew() -> None:
    """Which of several changes AWS took is not known then."""
    fake = Slow("a", want={"size": 2}).exists(size=1)
    fake.fail["update"] = aws_error(Category.CONFLICT)
    start = ReconcileInput(
        inventory={"a": fake.entry(applied_hash="")},
        creating={"a": fake.there} if fake.there else {},
    )
    applier = Applier([fake], start)
    await applier.apply()
    assert applier.creating == {}


@pytest.mark.parametrize(("full", "call"), [(True, "observe-full"), (False, "observe")])
async def test_look_is_as_full_as_asked(*, full: bool, call: str) -> None:
    """A hot pass leaves the cold set out."""
    fake = FakeResource("a").exists()
    await apply(fake, inventory={"a": fake.entry()}, full=full)
    assert fake.calls == [call]


async def test_changed_desire_looks_in_full() -> None:
    """A hot look may not show the field that changed."""
    fake = FakeResource("a").exists()
    await apply(fake, inventory={"a": fake.entry(applied_hash="0" * 16)})
    assert fake.calls == ["observe", "observe-full"]


async def test_failed_look_says_nothing_about_the_thing() -> None:
    """A look that fails is marked, keeps the inventory's facts and writes nothing."""
    fake = FakeResource("a").exists()
    fake.fail["observe"] = aws_error(Category.THROTTLED)
    entry = fake.entry()
    outcome = (await apply(fake, inventory={"a": entry}))["a"]
    assert outcome.observation_failed
    assert outcome.next is Requeue.BACKOFF
    assert outcome.entry is not None
    assert (outcome.entry.arn, outcome.entry.applied_hash) == (entry.arn, entry.applied_hash)
    assert not fake.writes


async def test_siblings_are_observed_together() -> None:
    """All looks are under way before the first ends."""
    gate = asyncio.Barrier(3)

    class Slow(FakeResource):
        async def observe(self, *, full: bool) -> Observed | None:
            await gate.wait()
            return await super().observe(full=full)

    parts = [Slow("a").exists(), Slow("b", "a").exists(), Slow("c", "b").exists()]
    inventory = {part.name: part.entry() for part in parts}
    outcomes = await asyncio.wait_for(apply(*parts, inventory=inventory), timeout=5)
    assert all(outcome.ready for outcome in outcomes.values())


# -- defects and refusals --------------------------------------------------------------------------


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


# -- updates ---------------------------------------------------------------------------------------


async def test_all_steps_of_a_change_in_one_pass() -> None:
    """AWS takes one field at a time; the pass goes on until all are done."""
    fake = FakeResource("a", want={"x": 1, "y": 1, "z": 1}).exists(x=0, y=0, z=0)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert fake.writes == ["update"] * 3
    assert outcome.ready
    assert outcome.fields == ("x", "y", "z")
    assert not outcome.corrected_drift


async def test_steps_stop_when_reads_lag_writes() -> None:
    """A step that does not show is not repeated: the next pass looks again."""
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
    """UPDATING ends the pass for the resource."""

    class Busy(FakeResource):
        async def update(self, *arguments: Any) -> None:
            await super().update(*arguments)
            assert self.there is not None
            self.there = replace(self.there, readiness=progressing("Busy", "UPDATING"))

    fake = Busy("a", want={"x": 1, "y": 1}).exists(x=0, y=0)
    outcome = (await apply(fake, inventory={"a": fake.entry(applied_hash="0")}))["a"]
    assert fake.writes == ["update"]
    assert state_of(outcome) == (State.UPDATING, Reason.WAITING_FOR_AWS)


async def test_steps_of_one_pass_are_bounded() -> None:
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


async def test_failed_thing_is_reported() -> None:
    """AWS gave up: the message quotes it."""
    fake = FakeResource("a").exists(readiness=failed("Broken", "the key is gone"))
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert state_of(outcome) == (State.FAILED, Reason.RESOURCE_FAILED)
    assert outcome.entry is not None
    assert outcome.entry.message == "the key is gone"


# -- drift -----------------------------------------------------------------------------------------


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


# -- laws ------------------------------------------------------------------------------------------


@st.composite
def pipelines(draw: st.DrawFn) -> list[FakeResource]:
    """Resources with dependencies, in any state that AWS may have them in."""
    parts: list[FakeResource] = []
    for index in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from([FakeResource, CreateFirst, LateLook, Untagged]))
        needs = draw(st.sets(st.sampled_from([part.name for part in parts]))) if parts else set()
        part = kind(f"r{index}", *needs, want={"x": 1, "y": 1}, wants_output_of=sorted(needs))
        if draw(st.booleans()):
            part.exists(
                tags=draw(st.sampled_from([OWN_TAGS, OTHER_TAGS, {}])),
                x=draw(st.integers(0, 1)),
            )
        parts.append(part)
    return parts


@given(pipelines())
def test_second_pass_writes_nothing(parts: list[FakeResource]) -> None:
    """Whatever a pass met, those after it have nothing to write and nothing new to say."""

    async def passes() -> None:
        first = inventory_of(await apply(*parts))
        for part in parts:
            part.log.clear()
        second = inventory_of(await apply(*parts, inventory=first, full=True))
        third = inventory_of(await apply(*parts, inventory=second))
        assert [part.writes for part in parts] == [[] for _ in parts]
        assert third == second

    asyncio.run(passes())


@given(pipelines(), st.sampled_from(DriftPolicy))
def test_suspended_pass_never_writes(parts: list[FakeResource], drift: DriftPolicy) -> None:
    """Read only means read only, whatever AWS has."""
    asyncio.run(apply(*parts, policy=Policy(drift=drift, read_only=True)))
    assert [part.writes for part in parts] == [[] for _ in parts]


@given(pipelines())
def test_foreign_things_stay_as_they_are(parts: list[FakeResource]) -> None:
    """What carries another pipeline's tags is the same after any pass."""
    foreign = {
        p.name: p.there for p in parts if p.taggable and p.there and p.there.tags != OWN_TAGS
    }
    asyncio.run(apply(*parts))
    assert {part.name: part.there for part in parts if part.name in foreign} == foreign
