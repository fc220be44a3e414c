"""The clock of the rules: real time, as fast as a test wants it, moved forward on demand."""

from __future__ import annotations

import math
import time
from typing import Final

_TICKS: Final = 1024


class Clock:
    """Seconds since the start. `scale` virtual seconds pass in a real one; 0 stands still.

    It ticks in 1024ths of a second, which floating point adds and subtracts without error: a wait
    of exactly an hour is over after exactly an hour.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._passed = 0.0
        self._since = time.monotonic()

    @property
    def scale(self) -> float:
        """Virtual seconds in a real second."""
        return self._scale

    def now(self) -> float:
        """Virtual seconds since the start."""
        return _ticks(self._passed + (time.monotonic() - self._since) * self._scale)

    def set_scale(self, scale: float) -> None:
        """Go on at another speed."""
        self._passed, self._since = self.now(), time.monotonic()
        self._scale = scale

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._passed += math.ceil(seconds * _TICKS) / _TICKS


def _ticks(seconds: float) -> float:
    return math.floor(seconds * _TICKS) / _TICKS
