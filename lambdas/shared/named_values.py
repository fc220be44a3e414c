"""Values that text names: `name=value`, `"name": "value"`, `<name>value</name>` and their like.

Text that is no JSON is kept only as far as it says what its values are. Of a list of bare values,
such as a line of CSV, nobody can tell which one is a user id.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from shared.encodings import decodings
from shared.user_ids import user_of

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_USERS: Final = 20
"""User ids sought in one text."""
_SHORTEST_NAME: Final = 4
REDACTED: Final = "[redacted]"
# Bounded, so that a run of spaces is not scanned again from each of its places. White space and
# signs may be quoted-printable or percent-encoded while the rest is as it was.
_SPACE: Final = r"(?:\s|=(?:3D){0,8}(?:20|09|\r?\n)|%(?:25){0,8}(?:20|09)|\+(?=[\"'])){0,8}"
_SIGN: Final = r"(?:=>|=(?:3D){0,8}3[AaDd]|%(?:25){0,8}3[AaDd]|[:=]|>(?!\s{0,4}<)|\r?\n\r?\n)"
_ASSIGNED: Final = _SPACE + _SIGN + _SPACE
_QUOTE: Final = r"\\{0,8}[\"']"
# A bare value ends at a mark, a line's end, or before the next `name=`; a list or an object that
# can't be parsed has no end that can be relied on.
_VALUE: Final = (
    r"(?:\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|\\+\"(?:[^\"\\])*(?:\\+\")?|\[redacted\]|[\[{].*"
    r"|[^,;&}\]\r\n<|\"\t]+?(?=[ ]{1,4}[\w.\-]{1,64}\s{0,4}[:=]|[,;&}\]\r\n<|\"\t]|\Z))"
)
_NEARLY_JSON: Final = re.compile(r"\s*(?:\[\s*)?\{")
_STOOD_FOR: Final = re.compile(r"\[(?:encoded|email|user)[^\]]*\]|u_[0-9a-f]{24}")


class NamedValues:
    """Finds the values of hidden members in text."""

    def __init__(
        self, *, users: Collection[str], hidden: Collection[str], fields: Collection[str]
    ) -> None:
        """Args: members for users, all members to hide, and all members that have a meaning."""
        self.any = any(hidden)
        self._plain = [name for name in hidden if len(name) >= _SHORTEST_NAME]
        names = _any_of(hidden)
        self._name = re.compile(rf"(?<!\w){names}(?!\w)")
        self._assignment = re.compile(
            rf"(?P<name>(?<!\w){names}(?:{_QUOTE})?{_ASSIGNED})(?P<value>{_VALUE})", re.DOTALL
        )
        self._user = re.compile(
            rf"(?<!\w){_any_of(users)}(?:{_QUOTE})?{_ASSIGNED}(?P<value>{_VALUE})", re.DOTALL
        )
        self._field = re.compile(rf"(?<!\w){_any_of(fields)}(?:{_QUOTE})?\s{{0,8}}[:=>]")
        self._redacted = re.compile(
            rf"(?<!\w){names}(?:{_QUOTE})?{_ASSIGNED}(?:{_QUOTE})?"
            r"(?:\[redacted\]|\[(?:ip|user|email|encoded)\b[^\]]*\]|[us]_[0-9a-f]{24})"
        )

    def occur_in(self, text: str) -> bool:
        """Return whether the name of a hidden member stands in a text."""
        return self.any and self._name.search(text) is not None

    def stand_in(self, data: str) -> bool:
        """Return whether a name that is no common syllable stands in readable binary data."""
        return any(name in data for name in self._plain)

    def users_in(self, text: str) -> list[str]:
        """Return the user ids that a text names, a few at most."""
        found: dict[str, None] = {}
        for reading in (text, *decodings(text)):
            for match in islice(self._user.finditer(reading), MOST_USERS):
                found[match["value"].strip("\\\"' ")] = None
        return list(islice(filter(user_of, found), MOST_USERS))

    def redact(self, text: str) -> str:
        """Return text without the values of hidden members."""
        return self._assignment.sub(_redacted, text)

    def explain(self, text: str) -> bool:
        """Return whether redacted text says what it holds, and no hidden member is left in it."""
        if not (_NEARLY_JSON.match(text) or self._field.search(text) or _STOOD_FOR.fullmatch(text)):
            return False
        return not self.any or len(self._name.findall(text)) == len(self._redacted.findall(text))


def _any_of(names: Collection[str]) -> str:
    return f"(?:{'|'.join(re.escape(name) for name in sorted(names)) or '(?!)'})"


def _redacted(match: re.Match[str]) -> str:
    value = match["value"]
    if value.strip("\\\"'") == REDACTED:
        return match[0]
    # Within JSON text the quotes are escaped as those around the value are.
    quote = re.match(r"\\*\"", value)
    sign = quote[0] if quote else '"'
    return f"{match['name']}{sign}{REDACTED}{sign}"
