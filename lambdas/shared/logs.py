"""Log lines: one JSON object each, only the fields given here, never anything a producer sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
_ORDER: dict[Level, int] = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3}


class Log:
    """Writes lines at or above a level."""

    def __init__(self, level: Level, out: Callable[[str], None]) -> None:
        self._threshold = _ORDER[level]
        self._out = out

    def write(self, level: Level, message: str, **fields: str | float) -> None:
        """Write a line. `fields` are counts, lanes, keys and codes, never payload."""
        if _ORDER[level] >= self._threshold:
            self._out(json.dumps({"level": level, "message": message, **fields}))
