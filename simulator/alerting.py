"""What the detector must say of a run: which incidents stand alone, and how many are folded.

Written anew from the rules, by none of the detector's code: of each rule so many incidents of a
lane begin in a minute as its ceiling has, half as many after each minute above it, and the rest is
counted.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from simulator.traffic import CHECKOUT, ROBOT, SentEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKOUTS: Final = "unusual_page_sequence"
"""Its verdicts wait for the processor, so which of them are folded is a matter of time."""
_MINUTE: Final = 60_000
_GRACE: Final = 2 * _MINUTE

Incident = tuple[str, str, str]
"""Rule, session, minute (`YYYY-MM-DDTHH:MM`)."""
Row = tuple[int, SentEvent | str]
"""Arrival of its record in UTC ms, and the event, or the reason why it is none."""


@dataclass(slots=True)
class Alerting:
    """All incidents that hold, `told` those that stand alone, `folded` by rule the others.

    Of `CHECKOUTS` no incident is in `told`; `verdicts` counts them lane by lane.
    """

    incidents: set[Incident] = field(default_factory=set)
    told: set[Incident] = field(default_factory=set)
    folded: Counter[str] = field(default_factory=Counter)
    verdicts: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    """Events of each session in the lanes so far, parents before children."""

    def add(self, rows: Iterable[Row], *, rate: int, ceiling: int) -> None:
        """Add the rows of a lane.

        Args:
            rows: in their order.
            rate: events of a session in a minute that are still not too many.
            ceiling: incidents of one rule that may begin in a minute.
        """
        _LaneAlerting(self, ceiling).judge(rows, rate)


@dataclass(slots=True)
class _Storm:
    minute: int
    allowed: int
    fired: int = 0


class _LaneAlerting:
    def __init__(self, truth: Alerting, ceiling: int) -> None:
        self._truth = truth
        self._ceiling = ceiling
        self._clock = 0
        self._known: set[tuple[str, str]] = set()
        self._storms: dict[str, _Storm] = {}

    def judge(self, rows: Iterable[Row], rate: int) -> None:
        counts: Counter[tuple[str, int]] = Counter()
        seen = self._truth.seen
        for arrival_ms, event in rows:
            if isinstance(event, str):
                continue
            self._clock = max(self._clock, arrival_ms)
            checkout = event.type == "page_view" and event.page == CHECKOUT
            if checkout and seen[event.session] < 3:  # noqa: PLR2004 - the rule's
                self._hold(CHECKOUTS, event)
            minute = event.time_ms // _MINUTE
            if (minute + 1) * _MINUTE + _GRACE > self._clock:
                counts[event.session, minute] += 1
                if counts[event.session, minute] == rate + 1:
                    self._hold("high_frequency_clicks", event)
            if event.agent == ROBOT:
                self._hold("suspicious_user_agent", event)
            seen[event.session] += 1

    def _hold(self, rule: str, event: SentEvent) -> None:
        """Note that a rule holds for a session; the first time makes an incident, or is folded."""
        if (rule, event.session) in self._known:
            return
        self._known.add((rule, event.session))
        incident = rule, event.session, minute_of(event.time_ms)
        self._truth.incidents.add(incident)
        if rule == CHECKOUTS:
            self._truth.verdicts += 1
        elif self._admits(rule):
            self._truth.told.add(incident)
        else:
            self._truth.folded[rule] += 1

    def _admits(self, rule: str) -> bool:
        now = self._clock // _MINUTE
        storm = self._storms.setdefault(rule, _Storm(now, self._ceiling))
        while storm.minute < now:
            storm.allowed = storm.allowed // 2 if storm.fired > self._ceiling else self._ceiling
            storm.minute, storm.fired = storm.minute + 1, 0
        storm.fired += 1
        return storm.fired <= storm.allowed


def minute_of(time_ms: int) -> str:
    """Return `YYYY-MM-DDTHH:MM`."""
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time_ms // 1000))
