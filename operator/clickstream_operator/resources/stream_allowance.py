"""What AWS takes of a stream only so often a day, and what to say when it does not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.resource import Wait
from clickstream_operator.resources.shard_steps import Budget, to_the_minute


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often AWS takes a kind of change, and what is left of it.

    `amount`: how much of what AWS takes in 24 hours; `step`: what is asked for now.
    """

    reason: Reason
    amount: str
    step: str
    budget: Budget

    def spent(self, now: datetime) -> Wait | None:
        """The wait when our own count says that nothing is left; None when AWS may be asked."""
        at = self.budget.next_at
        if at is None:
            return None
        message = (
            f"AWS takes {self.amount} in 24 hours, and they are used up; {self.step} is possible "
            f"from {to_the_minute(at)} on"
        )
        return Wait(self.reason, message, (at - now).total_seconds())

    def refused(self, seconds: float) -> Wait:
        """The wait when AWS says so: somebody else has used up what it takes."""
        message = (
            f"AWS refuses {self.step}: it takes {self.amount} in 24 hours, whoever asks for them; "
            "tried again every 15 minutes"
        )
        return Wait(self.reason, message, seconds)
