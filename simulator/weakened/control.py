"""A weakened protocol: what it patches, and what must then be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulator.containers import Hazards

Patches = Callable[[], "list[Any]"]


@dataclass(frozen=True, slots=True)
class Control:
    """A weakened protocol, and the kinds of which at least one must then be wrong.

    `streams`: how many streams of one name a run needs for it to show; `hazards`: what its records
    must meet; `crawl`: whether a robot must come by; `repeats`: whether events must be sent again.
    """

    name: str
    kinds: tuple[str, ...]
    patches: Patches
    streams: int = 1
    hazards: Hazards | None = None
    crawl: bool = False
    repeats: bool = False

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Weaken the handlers for a while."""
        started = self.patches()
        for patch in started:
            patch.start()
        try:
            yield
        finally:
            for patch in reversed(started):
                patch.stop()


def last_value(update: Any) -> str:
    """Return the name of the value that an update got last."""
    return f":v{len(update.values) - 1}"
