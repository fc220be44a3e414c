"""`match` of metrics and rules: members of an event that equal given texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.paths import find

if TYPE_CHECKING:
    from collections.abc import Iterable


def member_text(value: Any) -> str | None:
    """Return a scalar as the text that a spec would give it; None for what has no such text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def matches(document: dict[str, Any], match: Iterable[tuple[str, str]]) -> bool:
    """Return whether each member is there and has the text."""
    return all(member_text(find(document, member)) == text for member, text in match)
