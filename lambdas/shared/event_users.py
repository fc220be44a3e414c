"""User ids that an event names, at any depth, in whatever form."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.named_values import MOST_USERS
from shared.text_search import DEEPEST, parse_container
from shared.user_ids import user_of

if TYPE_CHECKING:
    from shared.field_roles import FieldRoles
    from shared.named_values import NamedValues


class EventUsers:
    """Finds the user ids in JSON values of one pipeline."""

    def __init__(self, roles: FieldRoles, names: NamedValues) -> None:
        self._roles = roles
        self._names = names

    def find(self, value: Any, depth: int) -> list[str]:
        """Return the user ids that a JSON value names at any depth, a few at most."""
        found: list[str] = []
        if depth >= DEEPEST:
            return found
        if isinstance(value, dict):
            found += self._of_members(value)
            value = value.values()
        elif isinstance(value, str):
            value = (value,)
        elif not isinstance(value, list):
            return found
        names = self._roles.users_in_text
        for member in value:
            if isinstance(member, str):
                for name in names:
                    if name in member:
                        found += self._in_text(member, depth)
                        break
            elif isinstance(member, dict | list):
                found += self.find(member, depth + 1)
        return found[:MOST_USERS]

    def _of_members(self, members: dict[str, Any]) -> list[str]:
        found: list[str] = []
        for name in self._roles.users:
            if name in members:
                found += _leaves(members[name])
        if self._roles.has_paths:
            for container, key, _ in self._roles.user_places(members):
                found += _leaves(container[key])
        return found

    def _in_text(self, text: str, depth: int) -> list[str]:
        if self._roles.has_paths:
            with suppress(RecursionError):
                inner = parse_container(text)
                if isinstance(inner, dict | list):
                    return self.find(inner, depth + 1)
        return self._names.users_in(text)


def _leaves(value: Any) -> list[str]:
    """Return the user ids that a user's member holds, itself or in the form of some database."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [user for each in inner if (user := user_of(each))]
    user = user_of(value)
    return [user] if user else []
