"""Findings of commands that look for faults: subject, state and remedy of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import Column, print_document, print_table


class Level(StrEnum):
    """Weight of a finding."""

    OK = "ok"
    WARN = "warn"
    """It may hurt, or could not be looked at."""
    FAIL = "FAIL"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is empty when all is well."""

    level: Level
    subject: str
    says: str
    remedy: str = ""

    def document(self) -> dict[str, str]:
        """The same for a program."""
        return {
            "level": self.level.value,
            "subject": self.subject,
            "says": self.says,
            "remedy": self.remedy,
        }


_COLUMNS: Final = (Column(""), Column("SUBJECT"), Column("FINDING"))


def print_findings(findings: Sequence[Finding], form: str | None) -> int:
    """Print findings; the exit code says whether one fails."""
    if form in {"json", "yaml"}:
        print_document([one.document() for one in findings], form)
    else:
        rows: list[tuple[Any, ...]] = [
            (one.level.value, one.subject, f"{one.says}; {one.remedy}" if one.remedy else one.says)
            for one in findings
        ]
        print_table(_COLUMNS, rows)
    failed = any(one.level is Level.FAIL for one in findings)
    return ExitCode.FOUND if failed else ExitCode.OK
