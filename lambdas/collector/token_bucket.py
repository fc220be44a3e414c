"""A token bucket: a rate in the long run, and more than it for a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """Bounds what one container takes.

    All containers together take as often as much as there may be, by the reserved concurrency.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        """Args: tokens a second; most tokens at once; seconds that never go back."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def take(self, tokens: float) -> bool:
        """Take tokens; return False, and take none, where too few are left."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if tokens > self._left:
            return False
        self._left -= tokens
        return True
