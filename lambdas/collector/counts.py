"""Numbers of events and requests that were taken or not, as metrics without their content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.emf import Metrics
    from shared.logs import Log

TAKEN, UNWANTED, REFUSED, LOST = (
    "CollectorEvents",
    "CollectorUnwanted",
    "CollectorRefused",
    "CollectorUnavailable",
)
"""Events in the stream; requests and events without consent, or under Global Privacy Control;
requests that are wrong; requests that the stream or a secret did not serve."""
_EVERY_SECONDS: Final = 60.0


class Counts:
    """Written at the first of a container and then once a minute, so that a flood costs no log.

    What a container counted in its last minute is told when it is asked again, or never.
    """

    def __init__(self, metrics: Metrics, log: Log, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._values: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._at = float("-inf")

    def add(self, name: str, number: int = 1, reason: str = "") -> None:
        """Count; `reason` is a word of this package."""
        self._values[name] = self._values.get(name, 0) + number
        if reason:
            self._reasons[reason] = self._reasons.get(reason, 0) + number

    def write(self) -> None:
        """Write what is counted where a minute is over."""
        now = self._clock()
        if not self._values or now - self._at < _EVERY_SECONDS:
            return
        self._at = now
        self._metrics.emit({name: (value, "Count") for name, value in self._values.items()})
        if self._reasons:
            self._log.write("INFO", "not taken", **self._reasons)
        self._values, self._reasons = {}, {}
