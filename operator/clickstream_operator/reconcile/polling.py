"""When AWS is asked again about each thing that it works on.

Each has its own time. A pass that comes before it, for the sake of another, takes for granted what
the last look found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from clickstream_operator.engine.outcome import Outcome, Requeue

#: Seconds between the looks at one thing.
POLL_SECONDS: Final = (2.0, 4.0, 8.0, 15.0, 30.0)
#: Clocks are added and subtracted: a look that is due now must not be put off by a rounding.
_ROUNDING: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Poll:
    """`outcome` of the last look, `looks` since AWS began, `due` on the clock of the passes."""

    outcome: Outcome
    looks: int
    due: float


@dataclass(slots=True)
class PollingSchedule:
    """The looks that are planned."""

    _planned: dict[str, _Poll] = field(default_factory=dict)

    @property
    def names(self) -> Collection[str]:
        """What AWS was at work on at the last look."""
        return self._planned.keys()

    def not_due(self, now: float) -> Mapping[str, Outcome]:
        """The last outcome of what need not be looked at yet."""
        return {
            name: poll.outcome
            for name, poll in self._planned.items()
            if poll.due - now > _ROUNDING and not poll.outcome.observation_failed
        }

    def plan(self, outcomes: Mapping[str, Outcome], *, now: float) -> None:
        """Plan the next look at each thing, from what a pass found out.

        What was written to, and what was not waited for before, is looked at when its kind may be
        ready; then ever more rarely, and not sooner than after twice as long as the time before.
        """
        planned = {}
        for name, one in outcomes.items():
            if one.next is not Requeue.POLL or one.waits:
                continue
            known = self._planned.get(name)
            if known is not None and one is known.outcome:
                planned[name] = known
                continue
            looks = 0 if known is None or one.done else known.looks + 1
            seconds = POLL_SECONDS[min(looks, len(POLL_SECONDS) - 1)]
            if one.seconds:
                rarer = min(one.seconds * 2**looks, POLL_SECONDS[-1])
                seconds = one.seconds if looks == 0 else max(seconds, rarer)
            # Told once: what was done then is no news in the passes that take it for granted.
            told = replace(one, done=(), fields=(), corrected_drift=False, lost="", resent=False)
            planned[name] = _Poll(told, looks, now + seconds)
        self._planned = planned

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the first look is due; None when none is planned."""
        if not self._planned:
            return None
        return max(0.0, min(poll.due for poll in self._planned.values()) - now)
