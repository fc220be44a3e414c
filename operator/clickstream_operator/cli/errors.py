"""Exit codes of the command line, and the error that a person reads in one line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, which scripts may rely on."""

    OK = 0
    """Done; nothing differs, everything is healthy."""
    ERROR = 1
    """It could not be done; standard error says why, and what to do."""
    FOUND = 2
    """Done, and it found what the command is asked about: changes, or a pipeline not healthy."""
    USAGE = 3
    """Wrong options or arguments; nothing was done."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""


class CliError(Exception):
    """A failure as one line: `what` happened, and what to do about it (`remedy`)."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}; {remedy}" if remedy else what)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word nearest to a mistyped one; empty when none is near."""
    names = sorted(known)
    by_lower = {name.lower(): name for name in names}
    found = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""
