"""Findings of the judging: incidents that begin and incidents that are over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.timestamps import minute_text

if TYPE_CHECKING:
    from shared.config import Rule, Scope

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired: what becomes an incident. Times in UTC ms.

    `subject` is the session, page or network (empty for the site), `mark` its short form. With
    `folded`, it stands for so many subjects of which no incident of their own was made. `told` is
    what alerts call the subject, if that is something else.
    """

    rule: str
    severity: str
    scope: Scope
    subject: str
    mark: str
    time_ms: int
    arrival_ms: int
    explanation: str
    details: dict[str, str] = field(default_factory=dict)
    folded: int = 0
    told: str = ""

    @property
    def minute(self) -> int:
        """The minute that the incident belongs to, since 1970."""
        return self.time_ms // MINUTE_MS

    @property
    def identity(self) -> str:
        """Return the incident id: the same rule, subject and minute are one incident."""
        return identity(self.rule, self.mark, self.minute)


@dataclass(frozen=True, slots=True)
class Ending:
    """An incident that is over since a time in UTC ms."""

    rule: str
    mark: str
    minute: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """So many subjects of a rule were folded in the minutes from `since` to `until`, inclusive."""

    rule: str
    since: int
    until: int
    count: int


def summarize(summary: Summary, rule: Rule, place: str, subjects: str) -> Finding:
    """Return the finding that stands for the subjects of a rule that a ceiling folded.

    `place` tells this judge from others, `subjects` says in the plural what was folded.
    """
    since, until = minute_text(summary.since), minute_text(summary.until)
    return Finding(
        rule=rule.name,
        severity=rule.severity,
        scope=rule.scope,
        subject="",
        mark=f"folded {place}",
        time_ms=summary.until * MINUTE_MS,
        arrival_ms=summary.until * MINUTE_MS,
        explanation=f"{summary.count} more {subjects} from {since} to {until}, not told one by one",
        details={"since": since, "until": until, "folded": str(summary.count)},
        folded=summary.count,
    )


def identity(rule: str, mark: str, minute: int) -> str:
    """Return the incident id of a rule, a subject's mark and a minute."""
    return hashlib.sha256(f"{rule}|{minute}|{mark}".encode()).hexdigest()[:16]


def incident_key(rule: str, mark: str, minute: int) -> str:
    """Return the sort key of an incident item."""
    return f"{minute_text(minute)}#{identity(rule, mark, minute)}"
