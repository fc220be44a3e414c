"""Contract of a rule, which sees the calls of its services before and after the emulator."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, ClassVar

from sandbox.aws.strict.answers import Answer
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.wire import Call

Ask = Callable[[Call, str, str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""Ask the emulator for a call's account: service, operation, parameters -> data, or None."""

DAY = 24 * 3600.0
HOUR = 3600.0


class Rule:
    """One behaviour of AWS that the emulator lacks; its docstring cites the AWS page.

    `seconds` is how long its window lasts, on the virtual clock.
    """

    name: ClassVar[str]
    services: ClassVar[frozenset[str]]
    default_seconds: ClassVar[float]

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        self.clock = clock
        self.ask = ask
        self.seconds = self.default_seconds if seconds is None else seconds

    async def before(self, call: Call) -> Answer | None:
        """Answer in place of the emulator; None lets the call through.

        Raises:
            Refusal: AWS would refuse it.
        """

    async def after(self, call: Call, answer: Answer) -> None:
        """See, and change, the answer of a call that the emulator did."""


class Windows:
    """States that end by themselves, by the key of the thing that is in one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[Hashable, tuple[float, str, Any]] = {}

    def open(self, key: Hashable, state: str, seconds: float, memory: Any = None) -> None:
        """Put `key` into `state` for `seconds`, and remember something with it."""
        self._open[key] = (self._clock.now() + seconds, state, memory)

    def state(self, key: Hashable) -> str:
        """The state that `key` is in; empty when it is in none."""
        self._close()
        return self._open[key][1] if key in self._open else ""

    def memory(self, key: Hashable) -> Any:
        """Value that was stored with the present state of `key`."""
        self._close()
        return self._open[key][2] if key in self._open else None

    def left(self, key: Hashable) -> float:
        """Seconds until the state of `key` ends."""
        return max(0.0, self._open[key][0] - self._clock.now()) if key in self._open else 0.0

    def close(self, key: Hashable) -> None:
        """End the state of `key` now."""
        self._open.pop(key, None)

    def within(self, state: str) -> list[Any]:
        """The keys that are in `state`."""
        self._close()
        return [key for key, (_, one, _) in self._open.items() if one == state]

    def _close(self) -> None:
        now = self._clock.now()
        for key in [key for key, (end, _, _) in self._open.items() if end <= now]:
            del self._open[key]
