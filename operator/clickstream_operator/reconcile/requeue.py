"""Requeue policy: when a pipeline is reconciled again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.reconcile.polling import POLL_SECONDS
from clickstream_operator.reconcile.state import ReconcileState

#: Work of ours that goes on leaves a moment for other pipelines.
_AGAIN_SECONDS: Final = 0.1
_BACKOFF_FIRST: Final = 2.0
_BACKOFF_MOST: Final = 900.0
_DOUBLINGS: Final = 9
#: One resync of so many is a full observation, not only of properties that change often.
FULL_EVERY: Final = 3
_JITTER: Final = 0.2


class RequeuePolicy:
    """Delays with jitter. `clock` is monotonic seconds, `jitter` a number in [0, 1)."""

    def __init__(self, *, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter

    def is_resync(self, state: ReconcileState) -> bool:
        """Whether a resync of the pipeline is due."""
        return self._clock() >= state.generation.resync_due

    def plan_resync(self, state: ReconcileState, interval_seconds: int) -> None:
        """Set the next resync, never later than the interval."""
        state.object.resyncs += 1
        state.generation.resync_due = self._clock() + self._jittered(interval_seconds)

    def failed_observations(self, state: ReconcileState, interval_seconds: int) -> int:
        """Resyncs in a row in which the pipeline could not be seen; retries between don't count."""
        now = self._clock()
        if state.generation.unobservable_since is None:
            state.generation.unobservable_since = now
        return 1 + int((now - state.generation.unobservable_since) / interval_seconds)

    def requeue_after(
        self, state: ReconcileState, outcomes: Mapping[str, Outcome], *, resync: bool = True
    ) -> float:
        """Seconds until the next reconcile: poll AWS's work, back off from errors, resync."""
        wishes = {outcome.next for outcome in outcomes.values()}
        delays = [_AGAIN_SECONDS] if Requeue.NOW in wishes else []
        if resync:
            delays.append(max(0.0, state.generation.resync_due - self._clock()))
        state.generation.polls.plan(outcomes, now=self._clock())
        poll = state.generation.polls.seconds_left(self._clock())
        # What merely waits for a thing that fails must not have it tried again at each poll.
        paced = {Requeue.NOW, Requeue.AFTER, Requeue.BACKOFF} & wishes
        idle = Requeue.POLL in wishes and poll is None and not paced
        if poll is not None:
            delays.append(poll)
        elif idle:
            delays.append(POLL_SECONDS[min(state.generation.idle_polls, len(POLL_SECONDS) - 1)])
        state.generation.idle_polls = state.generation.idle_polls + 1 if idle else 0
        delays += [one.seconds for one in outcomes.values() if one.next is Requeue.AFTER]
        if Requeue.BACKOFF in wishes:
            delays.append(self.backoff(state))
        else:
            state.generation.failures = 0
        return min(delays, default=POLL_SECONDS[0])

    def backoff(self, state: ReconcileState) -> float:
        """Seconds until the next try after a failure: 2 s to 15 min, doubling."""
        delay = min(_BACKOFF_FIRST * 2.0**state.generation.failures, _BACKOFF_MOST)
        state.generation.failures = min(state.generation.failures + 1, _DOUBLINGS)
        return self._jittered(delay)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - _JITTER * self._jitter())
