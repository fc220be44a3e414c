"""Propagation delay of changes that AWS accepted and does not show yet. Pure.

Reads lag writes, by seconds for most kinds and by a minute for some. Such a change is waited for
and sent again at growing intervals, not at every observation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from clickstream_operator.engine.resource import Diff

#: Seconds until a change is sent for the second time, then twice as long each: the longest lag that
#: AWS documents is "up to 60 seconds" (SetQueueAttributes, Amazon SQS API Reference).
_FIRST_SECONDS: Final = 60.0
_MOST_SECONDS: Final = 900.0
#: Seconds after the first sending until the change counts as failed.
_TIMEOUT_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class PropagationDelay:
    """A change that was sent and is not shown yet."""

    diff: Diff
    """Difference that it left."""
    first: float
    """Time at which it was first sent, in monotonic seconds."""
    last: float
    """Time at which it was last sent, in monotonic seconds."""
    times: int = 1
    """Number of times that it was sent."""

    def is_due(self, moment: float) -> bool:
        """Whether it is time to send it again."""
        return moment - self.last >= min(_FIRST_SECONDS * 2.0 ** (self.times - 1), _MOST_SECONDS)

    def has_timed_out(self, moment: float) -> bool:
        """Whether the change counts as failed."""
        return moment - self.first >= _TIMEOUT_SECONDS

    def resent(self, moment: float) -> PropagationDelay:
        """The same, sent once more."""
        return replace(self, last=moment, times=self.times + 1)
