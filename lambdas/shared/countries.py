"""Countries as members of events name them. Pure."""

from __future__ import annotations

from typing import Any, Final

from shared.field_match import member_text

_UNKNOWN: Final = frozenset(
    {
        "", "-", "--", "?", "??", "0", "A1", "A2", "AP", "EU", "N/A", "NA/NA", "NAN", "NIL", "NONE",
        "NOT SET", "NULL", "O1", "OTHER", "QQ", "RESERVED", "T1", "UN", "UNDEFINED", "UNKNOWN",
        "UNSET", "XX", "XXX", "ZZ", "ZZZ",
    }
)  # fmt: skip
"""Texts that name no country.

XX, ZZ and QQ are assigned to none (ISO 3166-1, user-assigned codes); T1 stands for Tor, A1, A2 and
O1 for proxies, satellites and others, AP and EU for continents, in lists of addresses.
"""


def country_of(value: Any) -> str | None:
    """Return a country in upper case; None where the value names none."""
    text = member_text(value)
    if text is None:
        return None
    country = text.strip().strip("()[]<>").replace("_", " ").strip().upper()
    return None if country in _UNKNOWN else country
