"""The fence: writes end when the lease may have gone to another operator.

A process that was frozen wakes with requests queued in its threads and runs them before anything
could tell it that it is no longer the leader. So each write asks here right before it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Goes on while the machine sleeps, unlike CLOCK_MONOTONIC; Linux has it.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Fenced(Exception):
    """A write was not sent: the lease was not renewed in time, so another operator may lead."""


def seconds_since_boot() -> float:
    """Seconds on a clock that a frozen process or a sleeping machine does not stop."""
    return time.clock_gettime(_CLOCK)


class WriteFence:
    """Open for `deadline` seconds after each renewal of the lease."""

    def __init__(self, deadline: float, *, clock: Callable[[], float] = seconds_since_boot) -> None:
        self._deadline = deadline
        self._clock = clock
        self._open_until = float("-inf")

    def renewed(self, asked_at: float) -> None:
        """The lease was renewed by a request that was begun at `asked_at`, seconds since boot."""
        self._open_until = asked_at + self._deadline

    def close(self) -> None:
        """No write from now on."""
        self._open_until = float("-inf")

    def remaining(self) -> float:
        """Seconds for which writes may go out; 0 or less when they may not."""
        return self._open_until - self._clock()

    def check(self) -> None:
        """Pass, or refuse.

        Raises:
            Fenced: the last renewal is too long ago.
        """
        if self.remaining() <= 0:
            raise Fenced("not sent: the lease was not renewed in time, another operator may lead")


def no_fence() -> None:
    """The check where no lease is held: tests, and an operator without leader election."""
