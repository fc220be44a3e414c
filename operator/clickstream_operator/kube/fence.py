"""Write fence: no write is sent once another operator may hold the lease.

A process that was frozen wakes with requests queued in its threads, and sends them before it can
notice that it is no longer the leader. So each write checks the fence right before it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Advances while the machine sleeps, unlike CLOCK_MONOTONIC. Linux has it.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Fenced(Exception):
    """A write was not sent: the lease was not renewed in time, so another operator may lead."""


def seconds_since_boot() -> float:
    """Seconds on a clock that advances while the process is frozen or the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class WriteFence:
    """Fence that is open for `deadline` seconds after each renewal of the lease."""

    def __init__(self, deadline: float, *, clock: Callable[[], float] = seconds_since_boot) -> None:
        self._deadline = deadline
        self._clock = clock
        self._open_until = float("-inf")

    def renewed(self, asked_at: float) -> None:
        """Open the fence after a renewal that was requested at `asked_at`, seconds since boot."""
        self._open_until = asked_at + self._deadline

    def close(self) -> None:
        """Let no write through from now on."""
        self._open_until = float("-inf")

    def remaining(self) -> float:
        """Seconds for which writes may be sent; 0 or less if they may not."""
        return self._open_until - self._clock()

    def check(self) -> None:
        """Let a write through, or refuse it.

        Raises:
            Fenced: the last renewal is too long ago.
        """
        if self.remaining() <= 0:
            raise Fenced("not sent: the lease was not renewed in time, another operator may lead")


def no_fence() -> None:
    """Check of an operator without leader election, which lets every write through."""
