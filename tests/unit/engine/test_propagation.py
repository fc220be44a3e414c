"""A change that AWS accepts and does not show."""

from __future__ import annotations

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.desired import fingerprint
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import Action, DriftPolicy, Policy
from clickstream_operator.engine.propagation import PropagationDelay
from clickstream_operator.engine.resource import Diff, Observed, Properties
from clickstream_operator.reconcile.state import GenerationState
from tests.unit.engine.fake_resource import FakeResource

CHANGE = "0" * 24


class Deaf(FakeResource):
    """Accepts every change and keeps none."""

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Say yes."""
        self._note("update")


async def live(
    fake: FakeResource, state: GenerationState, entry: Entry, *, until: int, start: int = 0
) -> list[Outcome]:
    """Reconcile every five seconds."""
    seen = []
    for moment in range(start, until, 5):
        given = ReconcileInput(
            inventory={"a": entry}, propagating=state.propagating, moment=float(moment), full=True
        )
        outcomes = await Applier([fake], given).apply()
        state.note_propagating(outcomes, now=float(moment))
        seen.append(outcomes["a"])
        entry = outcomes["a"].entry or entry
    return seen


async def test_it_is_told_once_and_sent_ever_more_rarely() -> None:
    """At 0 s, after 60 s, and twice as long each."""
    fake, state = Deaf("a").exists(size=2), GenerationState(1)
    seen = await live(fake, state, fake.entry(applied_hash=CHANGE), until=600)
    assert [one.done for one in seen if one.done] == [(Action.UPDATE,)]
    assert fake.writes == ["update"] * 4
    assert all(one.next is Requeue.POLL for one in seen)


async def test_it_fails_after_ten_minutes_and_recovers_by_itself() -> None:
    """The pipeline is stalled for a reason that names the field, until AWS shows it."""
    fake, state = Deaf("a").exists(size=2), GenerationState(1)
    seen = await live(fake, state, fake.entry(applied_hash=CHANGE), until=605)
    entry = seen[-1].entry
    assert entry is not None
    assert (entry.state, entry.reason) == (State.FAILED, Reason.RESOURCE_FAILED)
    assert "AWS accepted size more than 10 minutes ago" in entry.message
    fake.exists()
    (shown,) = await live(fake, state, entry, start=605, until=610)
    assert shown.ready
    assert state.propagating == {}


async def test_drift_that_comes_back_at_once_is_a_loop() -> None:
    """It is one correction, however often it was sent."""
    fake, state = Deaf("a").exists(size=2), GenerationState(1)
    seen = await live(fake, state, fake.entry(), until=605)
    assert [one.corrected_drift for one in seen].count(True) == 1
    assert seen[-1].entry is not None
    assert seen[-1].entry.reason == Reason.DRIFT_LOOP


async def test_another_change_is_sent_at_once() -> None:
    """What waits to be shown is that one change."""
    fake, state = Deaf("a").exists(size=2), GenerationState(1)
    entry = fake.entry(applied_hash=CHANGE)
    await live(fake, state, entry, until=10)
    fake.want = {"size": 3}
    await live(fake, state, entry, start=10, until=15)
    assert fake.writes == ["update"] * 2


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    """Never given up, as nobody else would send it."""
    sent, moment, pauses = PropagationDelay(Diff(), 0.0, 0.0), 0.0, []
    for _ in range(6):
        before = sent.last
        while not sent.is_due(moment):
            moment += 1.0
        sent = sent.resent(moment)
        pauses.append(sent.last - before)
    assert pauses == [60, 120, 240, 480, 900, 900]


async def test_a_change_taken_back_half_way_is_no_drift() -> None:
    """What is left of it is put right under every drift policy, also when its write failed."""
    for policy in (DriftPolicy.REPORT, DriftPolicy.IGNORE):
        fake = Deaf("a", want={"size": 2, "kind": "x"}).exists(kind="x", size=1)
        first = fingerprint({"size": 1, "kind": "x"}, fake.tags)
        entry = fake.entry(applied_hash=first)
        (creating,) = await live(fake, GenerationState(1), entry, until=5)
        assert creating.entry is not None
        assert creating.entry.applied_hash == first
        assert creating.entry.partially_applied
        taken_back = FakeResource("a", want={"size": 1, "kind": "x"}).exists(size=2)
        start = ReconcileInput(
            inventory={"a": creating.entry}, policy=Policy(drift=policy), full=True
        )
        outcomes = await Applier([taken_back], start).apply()
        assert taken_back.writes == ["update"]
        assert outcomes["a"].ready
        assert not outcomes["a"].corrected_drift


async def test_a_write_that_failed_may_have_changed_something() -> None:
    """An answer that was lost is no proof."""
    fake = FakeResource("a", want={"size": 2}).exists(size=1)
    fake.fail["update"] = RuntimeError("no answer")
    entry = fake.entry(applied_hash=fingerprint({"size": 1}, fake.tags))
    (broken,) = await live(fake, GenerationState(1), entry, until=5)
    assert broken.entry is not None
    assert broken.entry.applied_hash == entry.applied_hash
    assert broken.entry.partially_applied
