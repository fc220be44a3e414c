"""Faults of a request or an invocation, and their moments.

The kinds are those that a client of AWS can meet: it never learns more than "answered", "refused"
or "no answer", and in the last case the request may have been done, may never be, or may be done
later (AWS Builders' Library, "Timeouts, retries, and backoff with jitter"). The SDK sends a request
again when there was no answer, which the handlers cannot see (SDKs and Tools Reference Guide,
"Retry behavior").
"""

from __future__ import annotations

import random
from collections import Counter
from enum import Enum
from typing import Final


class Fault(Enum):
    """One fault; the value is its name in reports."""

    REFUSED = "request refused"
    ANSWER_LOST = "answer lost"
    ANSWER_LOST_SENT_AGAIN = "answer lost, SDK sends again"
    LATE = "request lands late"
    LATE_SENT_AGAIN = "request lands late, SDK sends again"
    STALL = "request stalls"
    CRASH_BEFORE = "crash before a request"
    CRASH_AFTER = "crash after a request"
    CRASH_IN_FLIGHT = "crash, request lands late"
    STALE_READ = "stale read"
    NEW_CONTAINER = "container switch"
    GIVEN_UP = "overlapping invocation"
    DUPLICATE = "late duplicate invocation"
    ITEM_FAILURES = "explicit batchItemFailures"
    RE_READ = "re-read with other limits"
    RESHARD = "reshard"
    NEW_STREAM = "stream re-created"
    BISECTED = "bisected batch"
    DISCARDED = "batch given up"


OF_WRITES: Final = (
    Fault.REFUSED,
    Fault.ANSWER_LOST,
    Fault.ANSWER_LOST_SENT_AGAIN,
    Fault.LATE,
    Fault.LATE_SENT_AGAIN,
    Fault.STALL,
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
    Fault.CRASH_IN_FLIGHT,
)
OF_READS: Final = (Fault.REFUSED, Fault.STALL, Fault.CRASH_BEFORE)


class FaultPlan:
    """Draws faults until `budget` of them have happened, so that every run ends.

    Args:
        source: of randomness.
        rate: probability of a fault at each request.
        budget: faults of requests and invocations in all.
        kinds: which may happen; all when None.
    """

    def __init__(
        self,
        source: random.Random,
        *,
        rate: float,
        budget: int,
        kinds: frozenset[Fault] | None = None,
    ) -> None:
        self.happened: Counter[Fault] = Counter()
        self._source = source
        self._rate = rate
        self._budget = budget
        self._kinds = frozenset(Fault) if kinds is None else kinds
        self._of_writes = tuple(kind for kind in OF_WRITES if kind in self._kinds)
        self._of_reads = tuple(kind for kind in OF_READS if kind in self._kinds)

    def at_request(self, *, writes: bool) -> Fault | None:
        """Return the fault of the next request, if any."""
        if self._budget <= 0 or self._source.random() >= self._rate:
            return None
        kinds = self._of_writes if writes else self._of_reads
        if not kinds:
            return None
        kind = self._source.choice(kinds)
        self._count(kind)
        return kind

    def chance(self, kind: Fault, probability: float) -> bool:
        """Return whether a fault of that kind happens now."""
        if self._budget <= 0 or kind not in self._kinds or self._source.random() >= probability:
            return False
        self._count(kind)
        return True

    def note(self, kind: Fault) -> None:
        """Count something that is no fault of its own but the consequence of one, or planned."""
        self.happened[kind] += 1

    def delay(self) -> float:
        """Return how long something stalls, in seconds: mostly short, now and then a minute."""
        return self._source.choice((0.01, 0.05, 0.2, 1.0, 5.0, 20.0, 70.0)) * self._source.random()

    def stop(self) -> None:
        """Let nothing go wrong from here on."""
        self._budget = 0

    def _count(self, kind: Fault) -> None:
        self._budget -= 1
        self.happened[kind] += 1
