"""When to look at a pipeline again, and what one pass leaves for the next.

Losing a memory costs a few reads, never correctness: everything that must survive a restart is in
the status or in AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from clickstream_operator.engine.outcome import Next, Outcome
from clickstream_operator.reconcile.polling import POLL_SECONDS
from clickstream_operator.reconcile.state import Memory

#: Work of ours that goes on leaves a moment for other pipelines.
_AGAIN_SECONDS: Final = 0.1
_BACKOFF_FIRST: Final = 2.0
_BACKOFF_MOST: Final = 900.0
_DOUBLINGS: Final = 9
#: A resync looks at everything, not only at what changes often, this many times less often.
FULL_EVERY: Final = 3
_JITTER: Final = 0.2


class Pace:
    """Delays with jitter. `clock` is monotonic seconds, `jitter` a number in [0, 1)."""

    def __init__(self, *, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter

    def is_resync(self, memory: Memory) -> bool:
        """Whether the pipeline is due for a look at all of it."""
        return self._clock() >= memory.resync_due

    def plan_resync(self, memory: Memory, interval_seconds: int) -> None:
        """Set the next resync, never later than the interval."""
        memory.resyncs += 1
        memory.resync_due = self._clock() + self._jittered(interval_seconds)

    def failed_looks(self, memory: Memory, interval_seconds: int) -> int:
        """Resyncs in a row in which the pipeline could not be seen; retries between don't count."""
        now = self._clock()
        if memory.unseen_since is None:
            memory.unseen_since = now
        return 1 + int((now - memory.unseen_since) / interval_seconds)

    def after(
        self, memory: Memory, outcomes: Mapping[str, Outcome], *, resync: bool = True
    ) -> float:
        """Seconds until the next pass: poll what AWS works on, back off from errors, resync."""
        wishes = {outcome.next for outcome in outcomes.values()}
        delays = [_AGAIN_SECONDS] if Next.AGAIN in wishes else []
        if resync:
            delays.append(max(0.0, memory.resync_due - self._clock()))
        memory.polls.plan(outcomes, now=self._clock())
        poll = memory.polls.seconds_left(self._clock())
        # What merely waits for a thing that fails must not have it tried again at each poll.
        paced = {Next.AGAIN, Next.LATER, Next.BACKOFF} & wishes
        idle = Next.POLL in wishes and poll is None and not paced
        if poll is not None:
            delays.append(poll)
        elif idle:
            delays.append(POLL_SECONDS[min(memory.idle_polls, len(POLL_SECONDS) - 1)])
        memory.idle_polls = memory.idle_polls + 1 if idle else 0
        delays += [one.seconds for one in outcomes.values() if one.next is Next.LATER]
        if Next.BACKOFF in wishes:
            delays.append(self.backoff(memory))
        else:
            memory.failures = 0
        return min(delays, default=POLL_SECONDS[0])

    def backoff(self, memory: Memory) -> float:
        """Seconds until the next try after a failure: 2 s to 15 min, doubling."""
        delay = min(_BACKOFF_FIRST * 2.0**memory.failures, _BACKOFF_MOST)
        memory.failures = min(memory.failures + 1, _DOUBLINGS)
        return self._jittered(delay)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - _JITTER * self._jitter())
