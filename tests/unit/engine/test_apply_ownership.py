"""Ownership: conflicts, adoption, tags that are read or written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Origin, State
from clickstream_operator.engine.outcome import Requeue
from clickstream_operator.engine.plan import AdoptionPolicy, Approval, DriftPolicy, Policy
from clickstream_operator.engine.resource import Observed
from tests.unit.engine.fake_resource import (
    OTHER_TAGS,
    OWN_TAGS,
    CreateFirst,
    FakeResource,
)
from tests.unit.engine.one_reconcile import ADOPT, apply, inventory_of, state_of, tags_of


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
    assert {"update", "set_tags", "remove_tags"}.isdisjoint(fake.calls)
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
    """A kind whose observations bring no tags is still not taken from its owner."""
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
    """Also where observations bring no tags: a lost status would lose the resource."""
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
    outcomes = await apply(FakeResource("a").exists(tags=tags_of(fake)), policy=policy)
    entry = outcomes["a"].entry
    assert entry is not None
    assert (entry.origin, entry.state) == (Origin.ADOPTED, State.READY)


async def test_taken_over_while_suspended_is_tagged_afterwards() -> None:
    """A suspended reconcile writes nothing to AWS; the tags come with the next one."""
    fake = FakeResource("a").exists(tags={})
    fake.tags_in_observation = False
    quiet = await apply(fake, policy=replace(ADOPT, read_only=True))
    assert not fake.writes
    outcomes = await apply(fake, policy=ADOPT, inventory=inventory_of(quiet))
    assert outcomes["a"].ready
    assert ownership.is_adopted(tags_of(fake))


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
    """A change of another field costs no call for the tags of one that this process knows."""
    before = FakeResource("a", tags={**OWN_TAGS, "team": "web"}).exists()
    entry = before.entry()
    fake = FakeResource("a", want=want, tags={**OWN_TAGS, "team": team})
    fake.exists(tags=before.tags, size=1)
    fake.tags_in_observation = False
    outcomes = await apply(fake, inventory={"a": entry}, proven={"a": fake.arn})
    assert outcomes["a"].ready
    assert ("read_tags" in fake.calls) is read
    assert fake.writes == (["set_tags"] if read else ["update"])


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(approval=Approval()),
        Policy(drift=DriftPolicy.REPORT),
        Policy(read_only=True),
    ],
    ids=["correct", "approval", "report", "suspended"],
)
@pytest.mark.parametrize("created", [False, True])
async def test_nothing_is_made_to_point_at_a_foreign_resource(
    policy: Policy, *, created: bool
) -> None:
    """Neither written nor planned nor reported as drift: what needs its outputs waits for it."""
    foreign = FakeResource("a").exists(tags=OTHER_TAGS)
    reader = FakeResource("b", "a", wants_output_of=["a"])
    inventory = {}
    if created:
        reader.exists(a="arn:fake:ours")
        inventory = {"b": reader.entry()}
    outcome = (await apply(foreign, reader, inventory=inventory, policy=policy))["b"]
    assert not reader.writes
    assert all(line.new != foreign.arn for line in outcome.withheld)
    assert outcome.entry is not None
    assert outcome.entry.drift == ()
    if created or policy.approval is None:
        assert (outcome.entry.reason, outcome.entry.message) == (
            Reason.WAITING_FOR_DEPENDENCY,
            "waiting for a",
        )


async def test_what_does_not_fit_is_not_adopted() -> None:
    """The kind says why, before anything is written; what is ours already is not asked."""

    class Misfit(FakeResource):
        def misfit(self, observed: Observed) -> str:
            return f"{self.physical_name} does not fit; change it"

    foreign = Misfit("a").exists(tags={}, size=9)
    outcome = (await apply(foreign, policy=ADOPT))["a"]
    assert state_of(outcome) == (State.BLOCKED, Reason.OWNERSHIP_CONFLICT)
    assert outcome.entry is not None
    assert "does not fit; change it" in outcome.entry.message
    assert not foreign.writes
    own = Misfit("a").exists(tags=OWN_TAGS, size=9)
    await apply(own, policy=ADOPT)
    assert own.writes
