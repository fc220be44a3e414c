"""Members of an event that the privacy rules treat, by name and by path.

A field that is a name is meant wherever a member has that name, a path wherever it leads from an
object on: an event may stand within another, or in a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.paths import first_names, is_nested, parts_of, places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.config import Fields, Privacy

    _Roles = list[tuple[str, int]]
    Places = Iterator[tuple[Any, Any, int]]

_OF_ANYTHING: Final = frozenset(
    {"value", "string_value", "int_value", "id", "name", "key", "text", "type"}
)
"""Last names of a path that say nothing without those before them."""


DROPPED, USER_SESSION, SESSION, USER, ADDRESS, URL = range(6)
"""Roles of a member; of several the least is its. The session of an event, or a part of it, that is
also a user id is `USER_SESSION`."""


class FieldRoles:
    """The members that have a role, by the settings of one pipeline."""

    def __init__(self, privacy: Privacy, fields: Fields) -> None:
        users = [path for path in (fields.user, fields.anonymous_id) if path]
        hides_users = privacy.user_id != "Keep"
        hidden: _Roles = [
            *((path, DROPPED) for path in privacy.drop_fields),
            *((path, USER) for path in users if hides_users),
            *((path, ADDRESS) for path in (fields.ip,) if privacy.ip_address != "Keep"),
        ]
        of_users = {part for path in users for part in parts_of(path)} if hides_users else set()
        top: _Roles = [
            *hidden,
            *(
                (part, USER_SESSION if part in of_users else SESSION)
                for part in (fields.session, *parts_of(fields.session))
            ),
            (fields.page, URL),
            (fields.referrer, URL),
        ]
        self.hidden = _names(hidden)
        """By name, the role of members that are hidden at any depth."""
        self.top = _names(top)
        """By name, the role of members of the event itself."""
        self._deep_hidden = _Deep(hidden)
        self._deep_top = _Deep(top)
        self._deep_users = _Deep([(path, USER) for path in users])
        self.has_paths = any((self._deep_hidden.paths, self._deep_top.paths))
        """Whether any member is found by its path alone."""
        self.users = tuple(_names([(path, USER) for path in users]))
        """Names of members that hold user ids, hidden or not."""
        self.users_in_text = frozenset(_text_names(users))
        """Names by which text may call users, hidden or not."""
        self.hidden_in_text = frozenset(_text_names(path for path, _ in hidden))
        self.in_text = self.hidden_in_text | {*_text_names(fields.paths())}
        """Names by which text says that it holds fields."""

    def places(self, members: dict[str, Any], *, top: bool = False) -> Places:
        """Yield container, key and role of what paths lead to from an object, or from the event."""
        return (self._deep_top if top else self._deep_hidden).places(members)

    def user_places(self, members: dict[str, Any]) -> Places:
        """Yield container, key and role of the user ids that paths lead to from an object."""
        return self._deep_users.places(members)


class _Deep:
    """Paths that lead below the top level, each with its role."""

    def __init__(self, roles: _Roles) -> None:
        self.paths = [
            (part, role) for path, role in roles for part in parts_of(path) if is_nested(part)
        ]
        self._starts = frozenset(name for part, _ in self.paths for name in first_names(part))

    def places(self, members: dict[str, Any]) -> Places:
        """Yield container, key and role of each place that a path leads to."""
        if not members.keys().isdisjoint(self._starts):
            for part, role in self.paths:
                for container, key in places(members, part):
                    yield container, key, role


def _names(roles: _Roles) -> dict[str, int]:
    """Return the names of members, also those that are written as a path."""
    names: dict[str, int] = {}
    for path, role in sorted(roles, key=lambda each: each[1]):
        for name in (path, *parts_of(path)):
            names.setdefault(name, role)
    return names


def _text_names(paths: Iterable[str]) -> Iterator[str]:
    """Yield the names by which text that is no JSON may call members."""
    for path in paths:
        yield path
        for part in parts_of(path):
            steps = [step for step in part.replace("[", ".[").split(".") if step]
            named = [step for step in steps if not step.startswith("[")]
            yield next((step for step in named[::-1] if step not in _OF_ANYTHING), part)
