"""Events that a rule is about, and subjects that they count for. Pure."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from typing import TYPE_CHECKING

from shared.addresses import truncate_addresses
from shared.field_match import matches, member_text
from shared.paths import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.config import Fields, Rule
    from shared.records import Event

EVERYTHING = "*"
LONGEST_SUBJECT = 256
_LONGEST_SOUGHT = 512


class Selection:
    """The events that one rule counts, and their subjects."""

    def __init__(self, rule: Rule, fields: Fields) -> None:
        self._rule = rule
        self._fields = fields
        self._tests = rule.kind in {"Threshold", "Match"}
        self._compare = _comparison(rule)

    @property
    def code(self) -> str:
        """A short name of what is counted: rules that count the same share it."""
        rule = self._rule
        if not self._tests and not rule.match and rule.field is None:
            return EVERYTHING
        parts: list[object] = [sorted(rule.match), rule.field]
        if self._tests:
            parts += [rule.kind, rule.operator, rule.limit, rule.text]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=4).hexdigest()

    def takes(self, event: Event) -> bool:
        """Return whether an event is one of those."""
        rule, document = self._rule, event.document
        if rule.match and not matches(document, rule.match):
            return False
        if rule.field is None:
            return True
        return find(document, rule.field) is not None and self._compare(event)

    def subject(self, event: Event) -> str | None:
        """Return what the event counts for in the rule's scope; None when it has none."""
        scope = self._rule.scope
        if scope == "Session":
            return event.session
        if scope == "Page":
            return None if event.page is None else event.page[:LONGEST_SUBJECT]
        if scope == "Site":
            return ""
        return network(find(event.document, self._fields.ip))


def network(address: object) -> str | None:
    """Return the /24 or /48 of an address, the first of a list; None for what is none."""
    if not isinstance(address, str):
        return None
    first = truncate_addresses(address.split(",")[0])
    if first is None:
        return None
    return f"{first}/48" if ":" in first else f"{first}/24"


def _comparison(rule: Rule) -> Callable[[Event], bool]:
    name = rule.field or ""
    if rule.kind == "Threshold":
        limit = rule.limit

        def compare_number(event: Event) -> bool:
            value = find(event.document, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            if rule.operator == "LessThan":
                return value < limit
            return value == limit if rule.operator == "Equals" else value > limit

        return compare_number
    if rule.kind == "Match":
        text = rule.text
        # A glob, not a regular expression: its cost is bounded whatever the user writes.
        glob = re.compile(fnmatch.translate(text)) if rule.operator == "Matches" else None

        def compare_text(event: Event) -> bool:
            value = member_text(find(event.document, name))
            if value is None:
                return False
            if glob is not None:
                return glob.match(value[:_LONGEST_SOUGHT]) is not None
            return text in value if rule.operator == "Contains" else text == value

        return compare_text
    return lambda _: True
