"""Memory of full comparisons with AWS, and the pace at which the status shows newer ones.

`apply` notes the comparisons of each reconcile; `status_writer` asks whether to show them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.status.result import ReconcileResult, timestamp
from clickstream_operator.status.verification import oldest, refresh_due

#: Seconds between two writes that only show newer times, over all pipelines of the process.
_SPACING: Final = 0.5


@dataclass(slots=True)
class Verification:
    """Times at which this process compared the resources of one pipeline with AWS in full."""

    first: str = ""
    """Of the first comparison; in place of a time in a status that shows none."""
    _times: dict[str, str] = field(default_factory=dict)
    _without_tags: dict[str, str] = field(default_factory=dict)
    """Of comparisons whose tags the next resync reads."""

    def note(self, applier: Applier, start: ReconcileInput, *, now: datetime) -> None:
        """Remember the comparisons of one reconcile."""
        moment = timestamp(now)
        for name in start.untagged_in_index & self._without_tags.keys():
            compared = self._without_tags.pop(name)
            if name not in applier.unobserved:
                self._times[name] = compared
        for name in applier.compared:
            later = name in applier.untagged_in_index
            (self._without_tags if later else self._times)[name] = moment
        if self._times:
            self.first = self.first or moment

    def times(self, names: Iterable[str], inventory: Mapping[str, Entry]) -> Mapping[str, str]:
        """The last time of each resource, from the status where this process has none; or empty."""
        recorded = {name: entry.last_verified for name, entry in inventory.items()}
        return {name: self._times.get(name) or recorded.get(name, "") for name in names}


class VerificationRefresh:
    """Decides when a status is written only to show newer times."""

    def __init__(self, *, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._clock = clock
        self._now = now
        self._next = 0.0

    def is_due(self, shown: str, result: ReconcileResult, *, uid: str) -> bool:
        """Whether to write now; a yes holds back other pipelines for a moment."""
        base = shown or result.first_verified
        if not base or oldest(result.verified) <= shown:
            return False
        if self._now() < refresh_due(base, uid=uid) or self._clock() < self._next:
            return False
        self._next = self._clock() + _SPACING
        return True
