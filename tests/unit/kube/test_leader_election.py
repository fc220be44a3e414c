"""Who leads: the rules, a candidate on a virtual clock, and the fence that ends its writes."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clickstream_operator.kube.leader_election import LeaderElector
from clickstream_operator.kube.lease import (
    Lease,
    LeaseAction,
    LeaseObservation,
    Timing,
    held,
    micro_time,
    next_action,
    released,
)
from tests.unit.kube.candidates import START, TIMING, Board, Operator


def lease(holder: str = "a", **values: Any) -> Lease:
    """A lease of fifteen seconds."""
    return replace(Lease("system", "operator", holder, 15.0, "", "", 0, "7"), **values)


@pytest.mark.parametrize(
    ("sight", "move"),
    [
        (None, LeaseAction.CREATE),
        (LeaseObservation(lease("b"), 100.0), LeaseAction.RENEW),
        (LeaseObservation(lease("b"), 0.0), LeaseAction.RENEW),
        (LeaseObservation(lease("a"), 100.0), LeaseAction.WAIT),
        (LeaseObservation(lease("a"), 85.1), LeaseAction.WAIT),
        (LeaseObservation(lease("a"), 85.0), LeaseAction.TAKE),
        (LeaseObservation(lease(""), 100.0), LeaseAction.TAKE),
        (LeaseObservation(lease("a", duration=1.0), 99.0), LeaseAction.TAKE),
    ],
)
def test_what_a_candidate_does(sight: LeaseObservation | None, move: LeaseAction) -> None:
    """Create, renew what is its own, take what was released or stood still, else wait."""
    assert next_action(sight, "b", now=100.0) is move


def test_a_lease_is_watched_on_the_own_clock() -> None:
    """A renewal starts the count anew, however wrong the clock of the other machine is."""
    old = lease("a", renewed=micro_time(datetime(1999, 1, 1, tzinfo=UTC)))
    first = LeaseObservation.of(old, None, now=10.0)
    assert LeaseObservation.of(old, first, now=24.0).unchanged_for(24.0) == 14.0
    renewed = LeaseObservation.of(replace(old, version="8"), first, now=24.0)
    assert renewed.unchanged_for(24.0) == 0.0


def test_what_is_written_reads_back() -> None:
    """Kubernetes' field names, six digits of a second, and a count of the changes of leader."""
    mine = held(None, namespace="n", name="l", holder="a", timing=TIMING, now=START)
    assert mine.body()["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "leaseTransitions": 0,
    }
    stored = {**mine.body(), "metadata": {**mine.body()["metadata"], "resourceVersion": "3"}}
    known = Lease.parse(stored)
    later = START + timedelta(seconds=2)
    again = held(known, namespace="n", name="l", holder="a", timing=TIMING, now=later)
    assert (again.acquired, again.transitions, again.version) == (known.acquired, 0, "3")
    assert again.renewed == "2026-01-01T00:00:02.000000Z"
    other = held(known, namespace="n", name="l", holder="b", timing=TIMING, now=later)
    assert (other.holder, other.transitions, other.acquired) == ("b", 1, other.renewed)
    assert released(known, now=later).body()["spec"]["holderIdentity"] == ""


def test_the_proportions_are_kept() -> None:
    """Who shortens the lease shortens everything."""
    assert Timing.of(15) == Timing(15.0, 10.0, 2.0)
    short = Timing.of(6)
    assert short.duration == 6
    assert short.deadline == pytest.approx(4.0)
    assert short.retry == pytest.approx(0.8)


def test_one_leads_and_the_other_stands_by() -> None:
    """The second waits as long as the first renews, and knows who leads."""
    board = Board()
    first, second = Operator(board, "a"), Operator(board, "b")
    for _ in range(20):
        first.candidate.step()
        second.candidate.step()
        board.time += 2
    assert (first.happened, second.happened) == (["elected"], [])
    assert first.ensure_leader()
    assert not second.ensure_leader()
    assert second.candidate.leader == "a"


def test_a_silent_leader_is_replaced_after_its_writes_ended() -> None:
    """Between the last write of the one and the first of the other lie five seconds."""
    board = Board()
    first, second = Operator(board, "a"), Operator(board, "b")
    first.candidate.step()
    fenced_at = taken_at = 0.0
    while not second.happened:
        second.candidate.step()
        board.time += 0.5
        if not fenced_at and not first.ensure_leader():
            fenced_at = board.time
        taken_at = board.time
    assert fenced_at == 1010.0
    assert 1015.0 <= taken_at <= 1017.0
    first.candidate.step()
    assert first.happened == ["elected", "lost"]
    assert not first.ensure_leader()
    assert board.lease is not None
    assert (board.lease.holder, board.lease.transitions) == ("b", 1)


def test_a_leader_without_an_api_server_stops_in_time() -> None:
    """Ten seconds after its last renewal it ends; no request may outlast them by much."""
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    board.trouble = "no answer"
    while "lost" not in leader.happened:
        board.time += TIMING.retry
        leader.candidate.step()
        assert board.time < 1013.0
    assert board.time >= 1010.0
    assert max(board.timeouts) == 5.0


def test_a_leader_does_not_outlive_what_it_does_not_know() -> None:
    """Anything may be raised, a token file that is empty for example: it counts as no answer.

    A thread that ended of it would lead for ever, without a lease and without a write.
    """
    board = Board()
    operator = Operator(board, "a")
    operator.candidate.step()
    board.defect = AttributeError("no such thing")
    began = board.time
    while "lost" not in operator.happened:
        operator.candidate.step()
        assert "AttributeError" in operator.candidate.problem
        board.time += TIMING.retry
        assert board.time - began < TIMING.duration
    assert not operator.ensure_leader()


def test_a_thread_that_ends_gives_up_the_lead() -> None:
    """Whatever it ended of: the process goes, and the other replica takes over."""
    board = Board()
    operator = Operator(board, "a")
    lost = threading.Event()

    def burst() -> None:
        raise RuntimeError("the loop is closed")

    candidate = LeaderElector(
        board,
        operator.fence,
        namespace="system",
        name="operator",
        identity="a",
        timing=TIMING,
        on_elected=burst,
        on_lost=lost.set,
        clock=lambda: board.time,
    )
    candidate.start()
    assert lost.wait(10)
    assert not operator.ensure_leader()


def test_a_short_trouble_costs_nothing() -> None:
    """The leader stays, and what it could not know it reads anew."""
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    board.trouble = "no answer"
    leader.candidate.step()
    assert leader.candidate.problem == "no answer"
    # The API server had taken an earlier renewal whose answer was lost.
    assert board.lease is not None
    board.lease = replace(board.lease, version="99")
    board.trouble = ""
    leader.candidate.step()
    assert leader.happened == ["elected"]
    assert leader.candidate.problem == ""
    assert leader.ensure_leader()
    assert board.lease.version == "100"


def test_a_release_lets_the_next_one_in_at_once() -> None:
    """Nobody waits for a lease that was given back, and nothing is written after that."""
    board = Board()
    first, second = Operator(board, "a"), Operator(board, "b")
    first.candidate.step()
    second.candidate.step()
    first.candidate.release()
    assert not first.ensure_leader()
    second.candidate.step()
    assert second.happened == ["elected"]


def test_a_standby_that_leaves_takes_nothing_along() -> None:
    """Only the holder gives the lease back."""
    board = Board()
    first, second = Operator(board, "a"), Operator(board, "b")
    first.candidate.step()
    second.candidate.step()
    second.candidate.release()
    assert board.lease is not None
    assert board.lease.holder == "a"


def test_a_released_candidate_is_done() -> None:
    """Its thread has ended, it leads no more, and it gives the lease back only once."""
    board = Board()
    operator = Operator(board, "a")
    assert operator.candidate.problem == ""
    operator.candidate.start()
    operator.elected.wait(30)
    operator.candidate.release()
    assert not operator.candidate._thread.is_alive()
    assert not operator.candidate.leads
    assert operator.happened == ["elected"]
    assert board.lease is not None
    assert board.lease.holder == ""
    requests = len(board.timeouts)
    operator.candidate.release()
    assert len(board.timeouts) == requests


class Rounds(threading.Event):
    """The end of a thread after some rounds, and how long it waited in each."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note it; the last one ends the thread."""
        self.waited.append(timeout)
        if len(self.waited) == self.most:
            self.set()
        return self.is_set()


def test_a_candidate_asks_at_its_interval_and_a_leader_once_each_time() -> None:
    """It knows its own last write, so that a renewal is one request; a standby only reads."""
    board = Board()
    leader, standby = Operator(board, "a"), Operator(board, "b")
    for operator, requests in ((leader, 2 + 1 + 1), (standby, 3)):
        board.timeouts.clear()
        rounds = operator.candidate._stopping = Rounds(3)
        operator.candidate._run()
        assert rounds.waited == [TIMING.retry] * 3
        assert len(board.timeouts) == requests


def test_two_that_start_together_elect_one() -> None:
    """The API server takes the first; the other sees that and waits."""
    board = Board()
    first, second = Operator(board, "a"), Operator(board, "b")
    first.candidate._observe()
    second.candidate._observe()
    first.candidate.step()
    second.candidate.step()
    assert (first.happened, second.happened) == (["elected"], [])


def test_the_fence_counts_from_the_request_and_not_from_its_answer() -> None:
    """The others count from the renewal that the API server wrote, which the answer comes after."""
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    board.slowness = 3.0
    asked_at = board.time = 1008.0
    leader.candidate.step()
    assert board.time == asked_at + 3.0
    assert leader.fence.remaining() == TIMING.deadline - 3.0


def test_a_leader_whose_lease_was_taken_stops_at_once() -> None:
    """By hand, or by a candidate of another duration: it does not use up what is left of its time.

    Nothing is written any more when the loss is told.
    """
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    assert board.lease is not None
    board.lease = replace(board.lease, holder="b", version="99")
    board.time += TIMING.retry
    leader.candidate.step()
    assert leader.happened == ["elected", "lost"]
    assert leader.may_write_when_lost is False
    assert board.lease.holder == "b"


def test_a_renewal_replaces_the_version_that_was_read() -> None:
    """Somebody else's write in between is seen, and not overwritten."""
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    assert board.lease is not None
    board.lease = replace(board.lease, transitions=7, version="41")
    leader.candidate.step()
    assert (board.lease.version, board.lease.transitions) == ("42", 7)
    assert leader.ensure_leader()


def test_one_request_at_a_time_fits_into_the_deadline() -> None:
    """Half of it to acquire; to renew no more than is left, and never none."""
    board = Board()
    leader = Operator(board, "a")
    leader.candidate.step()
    assert board.timeouts == [5.0, 5.0]
    for passed, expected in ((4.0, 5.0), (7.0, 3.0), (9.8, 0.5)):
        board.trouble, board.time = "", 1000.0
        leader.fence.renewed(1000.0)
        board.time += passed
        board.timeouts.clear()
        leader.candidate.step()
        assert board.timeouts[0] == pytest.approx(expected)
    assert leader.happened == ["elected"]
