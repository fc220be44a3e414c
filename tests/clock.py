"""A clock that a test moves."""

from __future__ import annotations


class Clock:
    """Seconds that pass only when a test says so, or when somebody sleeps."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.now += seconds
