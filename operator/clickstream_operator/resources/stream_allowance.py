"""What AWS takes of a stream only so often a day, and what to say when it does not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.resource import Wait
from clickstream_operator.resources.shard_steps import (
    RESIZES_A_DAY,
    SWITCHES_A_DAY,
    Budget,
    to_the_minute,
)


@dataclass(frozen=True, slots=True)
class Allowance:
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


RESIZES: Final = Allowance(Reason.RESIZE_BUDGET_EXHAUSTED, f"{RESIZES_A_DAY} resizes of a stream")
SWITCHES: Final = Allowance(Reason.CHANGE_TOO_SOON, f"{SWITCHES_A_DAY} switches of a stream's mode")
