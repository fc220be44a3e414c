"""User ids: which values are none, and where one stands in text.

An id that is a word, such as `jordan`, is found as a whole segment only, so that it does not rename
`/shoes/air-jordan-1`. One that has an `@`, or digits and some length, is found anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHORTEST_SOUGHT: Final = 6
"""Shorter user ids are hidden in their own field only: sought everywhere, `7` would eat prices."""
_SHORTEST_DISTINCT: Final = 8
_LARGEST_EXACT: Final = 2.0**53
_NOBODY: Final = frozenset(
    {
        "undefined", "null", "nil", "none", "nan", "n/a", "na", "void", "false", "true",
        "anonymous", "anon", "guest", "unknown", "unidentified", "not set", "(not set)", "not_set",
        "(none)", "[object object]", "not_authenticated", "unauthenticated", "no_user", "nobody",
        "user", "user_id", "userid", "id", "distinct_id", "distinctid", "email", "-1",
    }
)  # fmt: skip
_NO_SIGN: Final = re.compile(r"[0\W_]*")


def identifier(value: Any) -> str | None:
    """Return an id as text; None for what cannot be one.

    A number with an exponent or a fraction of zero is the integer that it equals.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST_EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def user_of(value: Any) -> str | None:
    """Return a user id as text; None for what names nobody.

    Producers send such values for everybody who is not logged in: `undefined`, `0`, a UUID of
    zeros. Counted as users they would be one visitor.
    """
    text = identifier(value)
    if text is None or text.strip().lower() in _NOBODY or _NO_SIGN.fullmatch(text):
        return None
    return text


class UserSearch:
    """Finds some user ids in text, in any case, and puts a stand-in in the place of each."""

    def __init__(self, users: Iterable[str], stand_in: Callable[[str], str]) -> None:
        self._stand_in = stand_in
        self._sought = [
            (needle, user)
            for user in users
            if len(user) >= SHORTEST_SOUGHT
            for needle in _spellings(user)
        ]

    def occur_in(self, text: str) -> bool:
        """Return whether an id stands anywhere in the text, also within a word."""
        for needle, _ in self._sought:  # A loop, as this is asked for each text of each event.
            if len(needle) <= len(text) and needle in text.lower():
                return True
        return False

    def replace(self, text: str) -> str:
        """Return the text with the stand-ins."""
        lowered = text.lower()
        for needle, user in self._sought:
            if needle in lowered:
                text = _replace(text, needle, self._stand_in(user))
                lowered = text.lower()
        return text


def _spellings(user: str) -> set[str]:
    """Return an id in lower case as it came, and in the form that `decoded` gives to text."""
    if user.isascii():
        return {user.lower()}
    return {user.lower(), unicodedata.normalize("NFKC", user).lower()}


def _replace(text: str, needle: str, stand_in: str) -> str:
    lowered = text.lower()
    if len(lowered) != len(text):  # Some capitals have two letters as lower case.
        text = lowered
    distinct = "@" in needle or (
        len(needle) >= _SHORTEST_DISTINCT and any(sign.isdigit() for sign in needle)
    )
    ends = _is_distinct_end if distinct else _is_segment_end
    dots = needle.isalpha()
    parts = []
    done = 0
    start = lowered.find(needle)
    while start >= 0:
        end = start + len(needle)
        if ends(needle[0], lowered[max(0, start - 2) : start][::-1], dots) and ends(
            needle[-1], lowered[end : end + 2], dots
        ):
            parts += [text[done:start], stand_in]
            done = end
        start = lowered.find(needle, end)
    return "".join([*parts, text[done:]])


def _is_distinct_end(edge: str, beyond: str, _dots: bool) -> bool:  # noqa: FBT001 - as its sibling
    """Return whether the id ends here: digits that go on are another number."""
    return not (edge.isdigit() and beyond[:1].isdigit())


def _is_segment_end(_edge: str, beyond: str, dots: bool) -> bool:  # noqa: FBT001 - one of two
    """Return whether a segment ends here; `beyond` holds the next two characters outwards."""
    first, second = beyond[:1], beyond[1:]
    if first.isalnum() or first in ("_", "-"):
        return False
    return not (dots and first == "." and second.isalnum())
