"""Creation: observed before or after, and found again when its answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.desired import fingerprint
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Origin, State
from clickstream_operator.engine.outcome import Requeue
from clickstream_operator.engine.plan import Action, Policy
from clickstream_operator.engine.resource import (
    progressing,
)
from tests.unit.engine.fake_resource import (
    Acknowledging,
    CreateFirst,
    FakeResource,
    Slow,
    aws_error,
)
from tests.unit.engine.one_reconcile import INTENT, apply, inventory_of, state_of


async def test_observation_comes_before_creation() -> None:
    """Where AWS would return or replace an existing one, observe, create, observe."""
    fake = FakeResource("a")
    outcome = (await apply(fake))["a"]
    assert fake.calls == ["observe-full", "create", "observe-full"]
    assert state_of(outcome) == (State.READY, "")
    assert outcome.entry is not None
    assert outcome.entry.applied_hash == fingerprint(fake.want, fake.tags)
    assert (outcome.entry.arn, outcome.entry.origin) == (fake.arn, Origin.CREATED)
    assert outcome.done == (Action.CREATE,)
    assert outcome.outputs == {"arn": fake.arn}


async def test_create_first_does_not_observe() -> None:
    """Where AWS refuses a second one, no observation comes before the creation."""
    fake = CreateFirst("a")
    outcome = (await apply(fake))["a"]
    assert fake.calls == ["create", "observe-full"]
    assert outcome.ready


async def test_create_first_observes_when_something_was_written() -> None:
    """With an ARN on record it exists as a rule."""
    fake = CreateFirst("a").exists()
    outcome = (await apply(fake, inventory={"a": fake.entry()}))["a"]
    assert fake.calls == ["observe"]
    assert outcome.ready


async def test_create_first_observes_while_suspended() -> None:
    """A reconcile that may not write observes."""
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
    assert fake.calls == ["create", "observe-full", "set_tags", "observe-full"]
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
    """AWS is at work: no further step in this reconcile, a poll soon."""
    fake = FakeResource("a")
    fake.after_create = progressing("Busy", "the thing is CREATING")
    outcome = (await apply(fake))["a"]
    assert fake.writes == ["create"]
    assert state_of(outcome) == (State.CREATING, Reason.WAITING_FOR_AWS)
    assert outcome.entry is not None
    assert outcome.entry.message == "the thing is CREATING"
    assert outcome.entry.arn == fake.arn
    assert not outcome.entry.applied_hash


async def test_what_a_new_thing_began_with_need_not_be_read() -> None:
    """AWS applied it before it answered: a fast observation is enough when it is ready."""
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


class CreatedFirst(Acknowledging):
    """As a table: created without reading first."""

    create_first = True


async def test_a_creation_sent_twice_keeps_what_its_first_answer_said() -> None:
    """Its outcome was not recorded: the second one is refused, and what AWS shows then is less."""
    fake = CreatedFirst("a", want={"size": 1, "ttl": "on"})
    fake.after_create = progressing("Busy", "busy")
    await Applier([fake], ReconcileInput(inventory={})).apply()
    assert fake.there is not None
    began = {"a": replace(fake.there, properties={"size": 1, "ttl": ""})}
    fake.there = replace(fake.there, properties={"size": 1})
    second = Applier([fake], ReconcileInput(inventory={}, creating=began))
    entries = inventory_of(dict(await second.apply()))
    assert fake.writes == ["create", "create"]
    assert second.creating["a"].properties == {"size": 1, "ttl": ""}
    fake.exists()
    fake.there = replace(fake.there, properties={"size": 1})
    third = Applier([fake], ReconcileInput(inventory=entries, creating=second.creating))
    await third.apply()
    assert fake.writes == ["create", "create", "update"]


async def test_what_aws_took_its_time_to_create_is_busy_after_each_change() -> None:
    """Where the kind says so, the change is polled without an observation."""
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
