"""The ceiling of incidents by rule and minute: what is above it is folded into summaries. Pure.

A crawler without cookies makes a session of each page view, and every one of them holds a rule. Of
each rule at most `MOST_INCIDENTS` begin in a minute; further subjects are counted. A minute above
the ceiling halves what the next one may begin, down to none, and the first minute at or below it
restores the ceiling. So a crawl that lasts for days begins some twenty incidents in all.

A summary has the count. It comes when the first minute above the ceiling ends, then ever more
rarely (after 1, 2, 4 ... 64 such minutes, then hourly), and when a minute is at the ceiling again.

The minutes are those of the judge's clock, which never goes back, not those of the events, which a
producer may spread over a day. The same events in the same order give the same summaries.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from detector.findings import MINUTE_MS, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_INCIDENTS = 10
"""Incidents of one rule in one minute of one lane (or of the site: pages and networks)."""
MOST_RECENT = 1000
"""Folded subjects that are remembered, so that one that keeps on firing is counted once."""
_HOURLY = 60


@dataclass(slots=True)
class Fold:
    """One rule at the ceiling.

    `minute` is the one that is counted, `fired` the subjects for which an incident would have begun
    in it and `allowed` how many of them may, `folded` those since the last summary, the first of
    them in the minute `since`, `storm` how many minutes in a row were above the ceiling.
    """

    minute: int
    allowed: int
    fired: int = 0
    folded: int = 0
    since: int = 0
    storm: int = 0

    def count(self) -> bool:
        """Count one more subject; return whether its incident may begin."""
        self.fired += 1
        if self.fired <= self.allowed:
            return True
        if not self.folded:
            self.since = self.minute
        self.folded += 1
        return False

    def go_on(self, rule: str, minute: int) -> Iterator[Summary]:
        """End all minutes before `minute`; yield the summaries that are due."""
        while self.minute < minute:
            if self.fired > MOST_INCIDENTS:
                self.storm += 1
                self.allowed //= 2
                due = _is_due(self.storm)
            else:
                self.storm, self.allowed = 0, MOST_INCIDENTS
                due = True
            if due and self.folded:
                yield Summary(rule, self.since, self.minute, self.folded)
                self.folded = 0
            # After one empty minute the rest are alike.
            self.minute = self.minute + 1 if self.fired else minute
            self.fired = 0

    @property
    def is_idle(self) -> bool:
        """Whether the rule stands as one that never fired."""
        return not (self.fired or self.folded or self.storm)


@dataclass(slots=True)
class Ceiling:
    """The folds of one judge by rule, and `recent`: digests of folded subjects, and until when."""

    folds: dict[str, Fold] = field(default_factory=dict)
    recent: dict[str, int] = field(default_factory=dict)

    def admits(self, rule: str, mark: str, *, clock_ms: int, cooldown: int) -> bool:
        """Return whether an incident may begin; if not it is folded. `cooldown` in seconds.

        The minutes before must have been ended by `go_on`.
        """
        key = hashlib.blake2b(f"{rule}|{mark}".encode(), digest_size=7).hexdigest()
        if clock_ms < self.recent.get(key, 0):
            return False
        minute = clock_ms // MINUTE_MS
        fold = self.folds.setdefault(rule, Fold(minute, MOST_INCIDENTS))
        if fold.count():
            return True
        self.recent.pop(key, None)
        self.recent[key] = clock_ms + cooldown * 1000
        if len(self.recent) > MOST_RECENT:
            del self.recent[next(iter(self.recent))]
        return False

    def go_on(self, clock_ms: int) -> list[Summary]:
        """End the minutes before a time; return the summaries that are due."""
        minute = clock_ms // MINUTE_MS
        due: list[Summary] = []
        for rule, fold in [*self.folds.items()]:
            due += fold.go_on(rule, minute)
            if fold.is_idle:
                del self.folds[rule]
        # Called for each event: the oldest stand first, and mostly none of them has had its time.
        while self.recent and self.recent[oldest := next(iter(self.recent))] <= clock_ms:
            del self.recent[oldest]
        return due

    def encode(self) -> bytes:
        """Return this as bytes, some 15 KB at most."""
        folds = {rule: astuple(fold) for rule, fold in self.folds.items()}
        return zlib.compress(json.dumps([folds, self.recent], separators=(",", ":")).encode())

    @classmethod
    def decode(cls, data: bytes) -> Ceiling:
        """Return what `encode` wrote."""
        folds, recent = json.loads(zlib.decompress(data))
        return cls({rule: Fold(*parts) for rule, parts in folds.items()}, recent)

    def __bool__(self) -> bool:
        """Whether there is anything to remember."""
        return bool(self.folds or self.recent)


def _is_due(storm: int) -> bool:
    """Return whether the minutes of a storm so far are summed up: ever more rarely, then hourly."""
    return storm % _HOURLY == 0 or (storm < _HOURLY and storm & (storm - 1) == 0)
