"""What judging yields: incidents that begin and incidents that are over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.timestamps import minute_text

if TYPE_CHECKING:
    from shared.config import Scope

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired: what becomes an incident. Times in UTC ms.

    `subject` is the session, page or network (empty for the site), `mark` its short form.
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


def identity(rule: str, mark: str, minute: int) -> str:
    """Return the incident id of a rule, a subject's mark and a minute."""
    return hashlib.sha256(f"{rule}|{minute}|{mark}".encode()).hexdigest()[:16]


def incident_key(rule: str, mark: str, minute: int) -> str:
    """Return the sort key of an incident item."""
    return f"{minute_text(minute)}#{identity(rule, mark, minute)}"
