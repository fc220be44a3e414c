"""Redaction of persons, accounts and secrets in documents for others. Pure.

The same value always gets the same stand-in, so that a reader can follow it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

_SECRET_NAME: Final = re.compile(
    r"secret|token|passw|credential|api.?key|access.?key|externalid|external.?id", re.IGNORECASE
)
_PATTERNS: Final = (
    ("PRIVATE-KEY", re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|$)", re.DOTALL)),
    ("TOKEN", re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")),
    ("ACCESS-KEY", re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")),
    ("EMAIL", re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")),
    ("ADDRESS", re.compile(r"(?<![\w.:-])(?:[0-9a-f]{1,4}:){3,7}:?[0-9a-f]{0,4}\b", re.IGNORECASE)),
    ("ADDRESS", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")),
    ("ACCOUNT", re.compile(r"(?<!\d)\d{12}(?!\d)")),
)
_REDACTED: Final = "REDACTED"


class Redactor:
    """Replaces persons, accounts and secrets by stand-ins, in texts and in documents."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def text(self, given: str) -> str:
        """A text without it."""
        found = given
        for kind, pattern in _PATTERNS:
            found = pattern.sub(partial(self._stand_in, kind), found)
        return found

    def document(self, given: Any, name: str = "") -> Any:
        """A document without it; a value whose name says that it is secret goes whole."""
        if isinstance(given, Mapping):
            if isinstance(given.get("name"), str) and _SECRET_NAME.search(given["name"]):
                # A variable of a container.
                return {k: v if k == "name" else _hidden(v) for k, v in given.items()}
            return {self.text(str(key)): self.document(v, str(key)) for key, v in given.items()}
        if isinstance(given, list | tuple):
            return [self.document(value, name) for value in given]
        if _SECRET_NAME.search(name) and given not in (None, "", True, False):
            return _REDACTED
        if isinstance(given, str):
            return self.text(given)
        return given

    def counts(self) -> dict[str, int]:
        """Different values that were replaced, by kind."""
        return dict(self._counts)

    def _stand_in(self, kind: str, match: re.Match[str]) -> str:
        value = match.group()
        if (kind, value) not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[kind, value] = f"{kind}-{self._counts[kind]}"
        return self._names[kind, value]


def _hidden(value: Any) -> Any:
    return _REDACTED if isinstance(value, str) and value else value
