"""Removal of personal data, before anything is stored, counted by name, or logged.

The named fields (users, IP, page, referrer, dropped ones) follow their setting, at any depth.
Because people also turn up where no setting looks, every other text is searched, in each encoding
that can be undone: with `userId` Hash or Drop for e-mail addresses and for the event's own user
ids, with `ipAddress` Truncate or Drop for IP addresses, always for parameters of URLs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickstream_layout.pseudonyms import derive_key, digest, session_pseudonym, user_pseudonym
from shared.addresses import truncate_addresses
from shared.event_users import EventUsers
from shared.field_roles import DROPPED, SESSION, URL, USER, USER_SESSION, FieldRoles
from shared.named_values import MOST_USERS, REDACTED, NamedValues
from shared.paths import LABELS, STEPS, find, parts_of
from shared.text_search import (
    DEEPEST,
    PLAIN,
    LongKeyError,
    SearchRules,
    TextSearch,
    TooDeepError,
    parse_container,
    repair,
)
from shared.urls import UrlFilter
from shared.user_ids import UserSearch, identifier, user_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.config import Fields, Privacy
LONGEST_FIELD = 8_192
"""Characters of a field that are searched in any record: four times the longest key."""
_PARTIAL = (USER_SESSION, SESSION, URL)
"""Roles that a value of another type does not have; what is hidden is so in any form."""
_SMALLEST_SOUGHT = 10**5
_DIGITS_OF_TEXT = 14


class Scrubber:
    """The privacy rules of one pipeline with its hash key."""

    def __init__(self, privacy: Privacy, fields: Fields, key: bytes) -> None:
        self._privacy = privacy
        self._fields = fields
        self._key = derive_key(key)
        self._hide_user = privacy.user_id != "Keep"
        self._hide_ip = privacy.ip_address != "Keep"
        self._urls = UrlFilter(privacy.query_parameters)
        self._roles = FieldRoles(privacy, fields)
        self._hidden = self._roles.hidden
        self._has_paths = self._roles.has_paths
        self._names = NamedValues(
            users=self._roles.users_in_text,
            hidden=self._roles.hidden_in_text,
            fields=self._roles.in_text,
        )
        self._users = EventUsers(self._roles, self._names)
        self._paths = fields.paths()
        self._rules = SearchRules(
            urls=self._urls,
            names=self._names,
            email=self._email if self._hide_user else None,
            addresses=self._hide_ip,
            address="[ip]" if privacy.ip_address == "Drop" else None,
            encoded=self._encoded,
        )

    @property
    def keeps_everything(self) -> bool:
        """Whether the settings leave every byte of a payload as it came."""
        return not self._hidden

    def visitor(self, document: dict[str, Any]) -> bytes:
        """Return the 8-byte keyed hash of whom an event counts for.

        That is the anonymous id, which stays the same when somebody logs in; where there is none
        the user id; where there is neither, or none may count, the session id. With `userId: Drop`
        nothing derived from the ids of users is kept: sessions are counted.
        """
        member = self.visitor_member(document)
        name = identifier(find(document, member)) if member is not None else None
        return digest(self._key, name or "", b"visitor", 8)

    def visitor_member(self, document: dict[str, Any]) -> str | None:
        """Return the path of what a visitor is made of; None where nothing names anybody."""
        fields = self._fields
        if self._privacy.user_id != "Drop":
            for path in (fields.anonymous_id, fields.user):
                if path and user_of(find(document, path)) is not None:
                    return path
        return fields.session if identifier(find(document, fields.session)) else None

    def scrub(
        self,
        document: dict[str, Any],
        users: Sequence[str] = (),
        take: Callable[[int], bool] | None = None,
    ) -> dict[str, Any]:
        """Return a copy of an event as it may be stored.

        Args:
            document: the event.
            users: user ids of its neighbours, sought in it where it names none itself.
            take: whether so many more characters may be searched; it is not asked for the fields
                of `events.fields`. Text that may not be searched is not kept either.

        Raises:
            TooDeepError: the event nests too deeply to be searched.
        """
        users = self._users.find(document, 0) or users
        search = self._search(users, None if take is None else self._limited(document, take))
        if self._has_paths:
            search.mark(self._roles.places(document, top=True))
            search.mark(self._roles.places(document))
        roles = self._roles.top
        result: dict[str, Any] = {}
        for name, value in document.items():
            role = roles.get(name)
            if role in _PARTIAL and not ((value and isinstance(value, str)) or _fits(role, value)):
                role = self._hidden.get(name)
            if role is not None:
                kept = self._treat(role, value, search)
                if kept is not None:
                    result[name] = kept
            elif isinstance(value, str):
                result[search.hide_name(name)] = search.hide(value, self._rules.kind_of(name))
            else:
                result[search.hide_name(name)] = self._walk(value, search, 1)
        return result

    def users_of(self, documents: Iterable[Any]) -> list[str]:
        """Return the user ids of the events among some JSON values, a few at most."""
        users: dict[str, None] = {}
        for document in documents:
            if isinstance(document, dict):
                users |= dict.fromkeys(self._users.find(document, 0))
            if len(users) >= MOST_USERS:
                break
        return list(users)[:MOST_USERS]

    def scrub_value(self, value: Any, users: Sequence[str]) -> Any:
        """Return JSON that is not an object as it may be stored.

        None stands for text or a list that does not say what its values are.

        Raises:
            TooDeepError: as in `scrub`.
        """
        if isinstance(value, str):
            return self.redact_text(value, users)
        if isinstance(value, list) and not self.keeps_everything and not _names_values(value):
            return None
        return self._walk(value, self._search([*users, *self._users.find(value, 0)]), 0)

    def redact_text(self, text: str, users: Sequence[str] = ()) -> str | None:
        """Return text that could not be parsed, without what can be recognised in it.

        That is: values that follow the name of a hidden or dropped field; the user ids found that
        way, and the given ones, wherever they stand; parameters of URLs that are not allowed;
        e-mail and IP addresses. None if the text does not say what its values are, or names a
        hidden field in a way that is not understood: of a line of CSV nobody can tell.
        """
        if self.keeps_everything:
            return repair(text)
        found = self._search([*users, *self._users.find(text, 0)]).hide(text)
        return found if parse_container(text) or self._names.explain(found) else None

    def pseudonym(self, user: str) -> str:
        """Return the keyed hash that stands for a user id: the same in every event and hour."""
        return user_pseudonym(self._key, user)

    def check_keys(self, document: dict[str, Any]) -> None:
        """Refuse an event that is counted by a text longer than any key.

        Raises:
            LongKeyError: its type, session or page is.
        """
        fields = self._fields
        for path in (fields.type, fields.session, fields.page):
            for text in self._texts_of(document, path):
                if len(text) > LONGEST_FIELD and (
                    path != fields.page or len(self._urls.strip_page(text)) > LONGEST_FIELD
                ):
                    raise LongKeyError(f"{path} is longer than {LONGEST_FIELD} characters")

    def _limited(
        self, document: dict[str, Any], take: Callable[[int], bool]
    ) -> Callable[[str], bool]:
        """Return a check whether a text may be searched: each field, and others while `take` does.

        An event must be counted by the same text however much may be searched.
        """
        found = {text for path in self._paths for text in self._texts_of(document, path)}
        free = {text for text in found if len(text) <= LONGEST_FIELD}
        free |= {text for text in map(self._urls.strip_page, found) if len(text) <= LONGEST_FIELD}
        names = "\n".join([*self._paths, *STEPS])
        return lambda text: text in free or text in names or take(len(text))

    def _texts_of(self, document: dict[str, Any], path: str) -> list[str]:
        """Return the texts that a field is made from."""
        values = (find(document, part) for part in (path, *parts_of(path)))
        return [
            text
            for value in values
            if (text := value if isinstance(value, str) else identifier(value))
        ]

    def _search(
        self, users: Iterable[str], take: Callable[[str], bool] | None = None
    ) -> TextSearch:
        sought = dict.fromkeys(users) if self._hide_user else ()
        return TextSearch(self._rules, UserSearch(sought, self._stand_in), self._walk, take)

    def _stand_in(self, user: str) -> str:
        return "[user]" if self._privacy.user_id == "Drop" else self.pseudonym(user)

    def _treat(self, role: int, value: Any, search: TextSearch) -> Any:
        """Return what is kept of a member that has a role; None where it is removed."""
        if role == DROPPED:
            return None
        if role in (USER_SESSION, SESSION):
            return self._session(identifier(value) or "", role, search)
        if role == URL:
            return search.hide(self._urls.strip_page(value))
        if role == USER:
            user = user_of(value)
            return None if user is None or self._privacy.user_id == "Drop" else self.pseudonym(user)
        if not isinstance(value, str) or self._privacy.ip_address == "Drop":
            return None
        return truncate_addresses(value)

    def _session(self, session: str, role: int, search: TextSearch) -> str:
        """Return a session id that names no one and still differs from every other session's."""
        if role == USER_SESSION:
            hashed = self._privacy.user_id == "Hash" and user_of(session)
            return self.pseudonym(session) if hashed else session_pseudonym(self._key, session)
        hidden = search.hide(session)
        if hidden in (session, repair(session)) and not search.names_user(session):
            return hidden
        return session_pseudonym(self._key, session)

    def _walk(self, value: Any, search: TextSearch, depth: int) -> Any:
        if isinstance(value, str):
            return search.hide(value, PLAIN, depth)
        if isinstance(value, dict | list):
            if depth >= DEEPEST:
                raise TooDeepError(f"nested deeper than {DEEPEST} levels")
            if isinstance(value, dict):
                return self._walk_members(value, search, depth)
            return self._walk_list(value, search, depth)
        if isinstance(value, int) and value > _SMALLEST_SOUGHT:
            text = str(value)
            # Many digits may be the hexadecimal ones of a text.
            if len(text) >= _DIGITS_OF_TEXT or search.names_user(text):
                hidden = search.hide(text, PLAIN, depth)
                return value if hidden == text else hidden
        return value

    def _walk_members(
        self, members: dict[str, Any], search: TextSearch, depth: int
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if "0" in members and (numbers := _bytes_by_index(members)) is not None:
            hidden = search.hide_numbers(numbers, depth)
            if hidden is not None:
                return {"0": hidden}
        label = next((name for name in LABELS if self._is_hidden(members.get(name))), None)
        if label is not None:
            return {label: members[label]}
        if self._has_paths:
            search.mark(self._roles.places(members))
        marks = search.marks
        for name, value in members.items():
            role = self._hidden.get(name)
            if marks and (marked := search.role_of(members, name)) is not None:
                role = marked if _fits(marked, value) else role
            if role is not None:
                kept = self._treat(role, value, search)
                if kept is not None:
                    result[name] = kept
            elif isinstance(value, str):
                kind = self._rules.kind_of(name)
                result[search.hide_name(name)] = search.hide(value, kind, depth + 1)
            else:
                result[search.hide_name(name)] = self._walk(value, search, depth + 1)
        return result

    def _walk_list(self, values: list[Any], search: TextSearch, depth: int) -> list[Any]:
        """Return a list; a text that names a hidden member names the value behind it."""
        if _are_numbers(values):
            hidden = search.hide_numbers(values, depth)
            return values if hidden is None else [hidden]
        result = [self._walk(value, search, depth + 1) for value in values]
        if search.marks:
            for index, value in enumerate(values):
                role = search.role_of(values, index)
                if role is not None and _fits(role, value):
                    result[index] = self._treat(role, value, search)
        for index, value in enumerate(values[:-1]):
            if self._is_hidden(value):
                result[index + 1] = REDACTED
        return result

    def _is_hidden(self, name: Any) -> bool:
        return isinstance(name, str) and name in self._hidden

    def _email(self, address: str) -> str:
        return self._keyed("email", address)

    def _encoded(self, text: str) -> str:
        return self._keyed("encoded", text)

    def _keyed(self, kind: str, text: str) -> str:
        """Return a stand-in that tells apart what it stands for, unless nothing may be derived."""
        if self._privacy.user_id == "Drop":
            return f"[{kind}]"
        return f"[{kind} {digest(self._key, text, kind.encode(), 6).hex()}]"


def _fits(role: int, value: Any) -> bool:
    """Return whether a value has the type that its role is about."""
    if role in (USER_SESSION, SESSION):
        return identifier(value) is not None
    return role != URL or isinstance(value, str)


def _are_numbers(values: list[Any]) -> bool:
    return len(values) > 1 and all(type(value) is int for value in values)


def _bytes_by_index(members: dict[str, Any]) -> list[int] | None:
    """Return the bytes of an array that JavaScript wrote as an object; None of other objects."""
    numbers = list(members.values())
    return numbers if _are_numbers(numbers) and all(map(str.isdecimal, members)) else None


def _names_values(values: list[Any]) -> bool:
    """Return whether nothing in a list is text without a name."""
    return all(
        isinstance(value, dict)
        or (isinstance(value, list) and _names_values(value))
        or not isinstance(value, str | list)
        for value in values
    )
