"""Changes that AWS accepted and does not show. Pure.

Reads lag writes, by seconds for most kinds and by a minute for some: what was accepted is waited
for, and sent again ever more rarely, not at every look.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from clickstream_operator.engine.resource import Diff

#: Seconds until a change is sent for the second time, then twice as long each: the longest lag that
#: AWS documents is "up to 60 seconds" (SetQueueAttributes, Amazon SQS API Reference).
_FIRST_SECONDS: Final = 60.0
_MOST_SECONDS: Final = 900.0
#: Seconds after which waiting longer is not worth it.
_PATIENCE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class PropagationDelay:
    """The difference that a change left, when it was first and last sent (monotonic seconds)."""

    diff: Diff
    first: float
    last: float
    times: int = 1

    def is_due(self, moment: float) -> bool:
        """Whether it is time to send it again."""
        return moment - self.last >= min(_FIRST_SECONDS * 2.0 ** (self.times - 1), _MOST_SECONDS)

    def has_timed_out(self, moment: float) -> bool:
        """Whether AWS has had long enough."""
        return moment - self.first >= _PATIENCE_SECONDS

    def resent(self, moment: float) -> PropagationDelay:
        """The same, after one more time."""
        return replace(self, last=moment, times=self.times + 1)
