"""Arithmetic of Kinesis' limits on resizes: legal steps, and budgets of a rolling day. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.resource import Wait

#: "Scale more than ten times per rolling 24-hour period per stream" is refused (UpdateShardCount,
#: Kinesis Data Streams API Reference).
RESIZES_A_DAY: Final = 10
#: "twice within 24 hours" (Kinesis Data Streams Developer Guide, Choose the capacity mode).
SWITCHES_A_DAY: Final = 2
DAY: Final = timedelta(hours=24)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """Quota that is left: `left` calls now; `next_at` is the time of the next if there is none."""

    left: int
    next_at: datetime | None = None


def next_step(current: int, target: int) -> int:
    """The next legal shard count on the way from `current` to `target`.

    At most double and at least half of the current count (UpdateShardCount, API reference); half
    of an odd count is rounded up: AWS documents no rounding, and more than half is always legal.
    """
    return max(min(target, current * 2), math.ceil(current / 2))


def steps_between(current: int, target: int) -> int:
    """Number of calls."""
    steps = 0
    while current != target:
        current = next_step(current, target)
        steps += 1
    return steps


def budget(calls: Iterable[datetime], now: datetime, *, most: int = RESIZES_A_DAY) -> Budget:
    """Rest of `most` calls in the 24 hours before `now`.

    A call at the very end of the day still counts. `next_at` is a full minute, rounded up.
    """
    counted = sorted(at for at in calls if now - at <= DAY)
    left = most - len(counted)
    if left > 0:
        return Budget(left)
    free = counted[-most] + DAY
    return Budget(0, free.replace(second=0, microsecond=0) + _MINUTE)


def to_the_minute(moment: datetime) -> str:
    """RFC 3339, to the minute."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


@dataclass(frozen=True, slots=True)
class Quota:
    """`amount`: how much of a kind of change AWS takes in 24 hours; `reason`: of its waits."""

    reason: Reason
    amount: str

    def spent(self, step: str, budget: Budget, now: datetime) -> Wait | None:
        """The wait when our own count says that nothing is left; None when AWS may be asked.

        `step`: what is asked for now, in words.
        """
        at = budget.next_at
        if at is None:
            return None
        message = (
            f"AWS takes {self.amount} in 24 hours, and they are used up; {step} is possible "
            f"from {to_the_minute(at)} on"
        )
        return Wait(self.reason, message, (at - now).total_seconds())

    def refused(self, step: str, seconds: float) -> Wait:
        """The wait when AWS says so: somebody else has used up what it takes."""
        message = (
            f"AWS refuses {step}: it takes {self.amount} in 24 hours, whoever asks for them; "
            "tried again every 15 minutes"
        )
        return Wait(self.reason, message, seconds)


RESIZES: Final = Quota(Reason.RESIZE_BUDGET_EXHAUSTED, f"{RESIZES_A_DAY} resizes of a stream")
SWITCHES: Final = Quota(Reason.CHANGE_TOO_SOON, f"{SWITCHES_A_DAY} switches of a stream's mode")
