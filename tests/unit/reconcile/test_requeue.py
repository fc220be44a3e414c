"""The requeue policy: when a pipeline is reconciled and observed again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import Action
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.state import GenerationState, ReconcileState
from tests.clock import Clock
from tests.unit.engine.fake_resource import FakeResource


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock(1000.0)


@pytest.fixture
def requeue(clock: Clock) -> RequeuePolicy:
    """A pace without jitter."""
    return RequeuePolicy(clock=clock, jitter=lambda: 0.0)


def reconcile_state() -> ReconcileState:
    """A new memory."""
    return ReconcileState("uid", GenerationState(1))


def outcome(name: str = "a", later: Requeue = Requeue.RESYNC) -> dict[str, Outcome]:
    """One outcome with a wish."""
    return {name: Outcome(name, FakeResource(name).entry(), later)}


def test_first_observation_is_a_resync(requeue: RequeuePolicy) -> None:
    """Nothing is known: a full observation."""
    assert requeue.is_resync(reconcile_state())


def test_resync_comes_after_its_interval(requeue: RequeuePolicy, clock: Clock) -> None:
    """Not before, and then."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    assert not requeue.is_resync(known)
    assert requeue.requeue_after(known, outcome()) == 300
    clock.now += 300
    assert requeue.is_resync(known)
    assert requeue.requeue_after(known, outcome()) == 0


@given(st.floats(0, 1, exclude_max=True), st.integers(30, 86400))
def test_resync_is_never_late(jitter: float, interval: int) -> None:
    """Jitter only ever shortens: between 80 and 100 percent of the interval."""
    requeue, known = RequeuePolicy(clock=lambda: 0.0, jitter=lambda: jitter), reconcile_state()
    requeue.plan_resync(known, interval)
    assert 0.8 * interval <= known.generation.resync_due <= interval


def test_polls_slow_down(requeue: RequeuePolicy) -> None:
    """2, 4, 8, 15 and then 30 seconds while AWS works on the same things."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    delays = [requeue.requeue_after(known, outcome(later=Requeue.POLL)) for _ in range(7)]
    assert delays == [2, 4, 8, 15, 30, 30, 30]


def test_progress_quickens_the_polls(requeue: RequeuePolicy) -> None:
    """When another set of things is waited for, the first poll is soon again."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    for _ in range(3):
        requeue.requeue_after(known, outcome("a", Requeue.POLL))
    assert requeue.requeue_after(known, outcome("b", Requeue.POLL)) == 2


def test_failures_back_off(requeue: RequeuePolicy) -> None:
    """Doubling from 2 seconds to 15 minutes, never given up."""
    known = reconcile_state()
    delays = [requeue.backoff(known) for _ in range(14)]
    assert delays[:5] == [2, 4, 8, 16, 32]
    assert max(delays) == delays[-1] == 900


def test_success_resets_the_backoff(requeue: RequeuePolicy) -> None:
    """A reconcile without failure starts over."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    for _ in range(4):
        requeue.requeue_after(known, outcome(later=Requeue.BACKOFF))
    requeue.requeue_after(known, outcome())
    assert requeue.requeue_after(known, outcome(later=Requeue.BACKOFF)) == 2


def test_earliest_wish_wins(requeue: RequeuePolicy) -> None:
    """A failing resource does not slow down the polls of another."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    for _ in range(6):
        requeue.backoff(known)
    assert (
        requeue.requeue_after(known, outcome("a", Requeue.POLL) | outcome("b", Requeue.BACKOFF))
        == 2
    )


def test_resync_is_not_put_off_by_failures(requeue: RequeuePolicy, clock: Clock) -> None:
    """However long the backoff, the resync comes at its interval."""
    known = reconcile_state()
    for _ in range(20):
        requeue.backoff(known)
    requeue.plan_resync(known, 60)
    assert requeue.requeue_after(known, outcome(later=Requeue.BACKOFF)) == 60


def test_removal_has_no_resync(requeue: RequeuePolicy) -> None:
    """A deletion polls until it is done."""
    known = reconcile_state()
    assert requeue.requeue_after(known, outcome(later=Requeue.POLL), resync=False) == 2
    assert requeue.requeue_after(known, {}, resync=False) == 2


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 30))
def test_backoff_is_bounded(jitter: float, failures: int) -> None:
    """With any jitter and history: between 1.6 seconds and 15 minutes."""
    requeue, known = RequeuePolicy(clock=lambda: 0.0, jitter=lambda: jitter), reconcile_state()
    for _ in range(failures):
        requeue.backoff(known)
    assert 1.6 <= requeue.backoff(known) <= 900


def test_quick_kind_is_observed_sooner_once(requeue: RequeuePolicy) -> None:
    """A kind that is ready in a second is observed then; afterwards polls are as for others."""
    known = reconcile_state()
    requeue.plan_resync(known, 300)
    quick = {"a": replace(outcome("a", Requeue.POLL)["a"], seconds=1.0)}
    assert [requeue.requeue_after(known, quick) for _ in range(3)] == [1, 4, 8]


def test_what_a_removal_did_not_find_twice_is_gone() -> None:
    """A deleted resource is gone at once; one that was never there, after two observations."""
    known = reconcile_state()
    deleted = Outcome("a", None, done=(Action.DELETE,))
    never = Outcome("b", None)
    known.deletion.note({"a": deleted, "b": never}, polled=known.generation.polls.names)
    assert known.deletion.gone == {"a"}
    known.deletion.note({"a": Outcome("a", None), "b": never}, polled=known.generation.polls.names)
    assert known.deletion.gone == {"a", "b"}


def test_what_was_seen_leaving_is_gone_at_once(requeue: RequeuePolicy) -> None:
    """One observation that does not find it is enough."""
    known = reconcile_state()
    entry = FakeResource("a").entry(state=State.DELETING)
    requeue.requeue_after(known, {"a": Outcome("a", entry, Requeue.POLL)}, resync=False)
    known.deletion.note({"a": Outcome("a", None)}, polled=known.generation.polls.names)
    assert known.deletion.gone == {"a"}


def test_resource_found_by_the_second_observation_is_not_gone() -> None:
    """A read may lag the creation: only observations in a row count."""
    known = reconcile_state()
    known.deletion.note({"b": Outcome("b", None)}, polled=known.generation.polls.names)
    known.deletion.note(outcome("b", Requeue.POLL), polled=known.generation.polls.names)
    known.deletion.note({"b": Outcome("b", None)}, polled=known.generation.polls.names)
    assert known.deletion.gone == set()
