"""The polling schedule: when each resource that AWS works on is observed again."""

from __future__ import annotations

from dataclasses import replace

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.inventory import State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.plan import Action
from clickstream_operator.reconcile.polling import PollingSchedule
from tests.unit.engine.fake_resource import FakeResource

READY = Outcome("quick", FakeResource("quick").entry())


def busy(name: str = "a", *, seconds: float = 0.0, done: tuple[Action, ...] = ()) -> Outcome:
    """AWS is at work on it."""
    entry = FakeResource(name).entry(state=State.UPDATING)
    return Outcome(name, entry, Requeue.POLL, seconds=seconds, done=done)


def test_each_thing_has_its_own_time() -> None:
    """Observing one neither hastens nor delays the observation of another."""
    polls = PollingSchedule()
    polls.plan({"slow": busy("slow", seconds=30.0), "quick": busy("quick", seconds=1.0)}, now=0.0)
    assert polls.seconds_left(0.0) == 1.0
    deferred = polls.not_due(1.0)
    assert deferred.keys() == {"slow"}
    polls.plan({**deferred, "quick": busy("quick", seconds=1.0)}, now=1.0)
    assert polls.seconds_left(1.0) == 4.0
    polls.plan({**polls.not_due(5.0), "quick": READY}, now=5.0)
    assert polls.seconds_left(5.0) == 25.0
    assert polls.not_due(30.0) == {}


def test_observations_become_rarer() -> None:
    """When a kind is not ready in its time, the next poll comes after twice as long."""
    assert intervals(0.0) == [2, 4, 8, 15, 30, 30]
    assert intervals(1.0) == [1, 4, 8, 15, 30, 30]
    assert intervals(10.0) == [10, 20, 30, 30, 30, 30]
    assert intervals(15.0) == [15, 30, 30, 30, 30, 30]


def intervals(seconds: float) -> list[float]:
    """Seconds between the observations of a kind that asks for `seconds`."""
    polls, now, seen = PollingSchedule(), 0.0, []
    for _ in range(6):
        polls.plan({"a": busy(seconds=seconds)}, now=now)
        left = polls.seconds_left(now)
        assert left is not None
        seen.append(left)
        now += left
    return seen


def test_a_write_begins_the_wait_anew() -> None:
    """The next change of a stream takes as long as the first did."""
    polls = PollingSchedule()
    polls.plan({"a": busy(seconds=30.0)}, now=0.0)
    polls.plan({"a": busy(seconds=30.0, done=(Action.UPDATE,))}, now=30.0)
    assert polls.seconds_left(30.0) == 30.0


def test_what_was_done_is_told_once() -> None:
    """A reconcile that defers a resource reports no write of its own."""
    polls = PollingSchedule()
    polls.plan(
        {"a": replace(busy(done=(Action.UPDATE,)), fields=("size",), corrected_drift=True)}, now=0.0
    )
    (deferred,) = polls.not_due(0.0).values()
    assert (deferred.done, deferred.fields, deferred.corrected_drift) == ((), (), False)


def test_what_waits_for_another_has_no_time_of_its_own() -> None:
    """It goes on in the reconcile in which the other is ready."""
    waits = FakeResource("b").entry(state=State.PENDING, reason=Reason.WAITING_FOR_DEPENDENCY)
    polls = PollingSchedule()
    polls.plan({"b": Outcome("b", waits, Requeue.POLL)}, now=0.0)
    assert polls.seconds_left(0.0) is None
    assert not polls.names


def test_a_failed_observation_is_not_taken_over() -> None:
    """It is tried again in every reconcile, and planned like the others."""
    polls = PollingSchedule()
    polls.plan({"a": replace(busy(), observation_failed=True)}, now=0.0)
    assert polls.not_due(0.0) == {}
    assert polls.seconds_left(0.0) == 2.0


def test_rounding_puts_off_no_observation() -> None:
    """The clock of a reconcile that comes at its time may be a hair before it."""
    polls = PollingSchedule()
    polls.plan({"a": busy(seconds=0.3)}, now=0.0)
    assert polls.not_due(0.1 + 0.2 - 1e-9) == {}
