"""Polling schedule of the resources that AWS is at work on.

Each has its own time. A reconcile that comes earlier, because of another resource, reuses the last
outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from clickstream_operator.engine.outcome import Outcome, Requeue

#: Seconds between two observations of a resource.
POLL_SECONDS: Final = (2.0, 4.0, 8.0, 15.0, 30.0)
#: Clocks are added and subtracted: a rounding must not put off an observation that is due.
_ROUNDING: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Poll:
    """Next observation of a resource."""

    outcome: Outcome
    """Of the last observation."""
    observations: int
    """Since AWS began."""
    due: float
    """In monotonic seconds."""


@dataclass(slots=True)
class PollingSchedule:
    """Observations that are planned, by resource."""

    _planned: dict[str, _Poll] = field(default_factory=dict)

    @property
    def names(self) -> Collection[str]:
        """Resources that AWS was at work on when they were last observed."""
        return self._planned.keys()

    def not_due(self, now: float) -> Mapping[str, Outcome]:
        """Last outcome of each resource that need not be observed yet."""
        return {
            name: poll.outcome
            for name, poll in self._planned.items()
            if poll.due - now > _ROUNDING and not poll.outcome.observation_failed
        }

    def plan(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Plan the next observation of each resource from the outcomes of a reconcile.

        A resource that was written to, or was not waited for before, is observed when its kind may
        be ready; then with doubling pauses.
        """
        planned = {}
        for name, one in outcomes.items():
            if one.next is not Requeue.POLL or one.waits:
                continue
            known = self._planned.get(name)
            if known is not None and one is known.outcome:
                planned[name] = known
                continue
            observations = 0 if known is None or one.done else known.observations + 1
            seconds = POLL_SECONDS[min(observations, len(POLL_SECONDS) - 1)]
            if one.seconds:
                rarer = min(one.seconds * 2**observations, POLL_SECONDS[-1])
                seconds = one.seconds if observations == 0 else max(seconds, rarer)
            # Told once: it is no news in the reconciles that reuse the outcome.
            told = replace(one, done=(), fields=(), corrected_drift=False, lost="", resent=False)
            planned[name] = _Poll(told, observations, now + seconds)
        self._planned = planned

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the first observation is due; None when none is planned."""
        if not self._planned:
            return None
        return max(0.0, min(poll.due for poll in self._planned.values()) - now)
