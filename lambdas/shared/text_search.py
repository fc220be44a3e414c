"""The search of text for what the settings hide, as it stands and in each encoding it may have.

Time is linear in the text: what is decoded counts against an allowance in proportion to its length.
Text that is nested more than that, which only somebody who hides something writes, is not kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared import encoded_runs, encodings
from shared.addresses import hide_addresses
from shared.emails import hide_emails
from shared.packed import UnreadablePackedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shared.named_values import NamedValues
    from shared.urls import UrlFilter
    from shared.user_ids import UserSearch

DEEPEST: Final = 64
_DEEPEST_ENCODING: Final = 12
_ALLOWANCE: Final = 4_096
_ALLOWANCE_PER_SIGN: Final = 24
_LONG_FRAGMENT: Final = 16
"""Readable parts of binary data from which on text may be encoded within them."""
_LONGEST_CACHED: Final = 512
_MOST_CACHED: Final = 4_096
_VERSION: Final = re.compile(r"v?[0-9]+(?:\.[0-9]+){3}(?:[+\-][\w.+\-]*)?", re.IGNORECASE)
_OF_VERSIONS: Final = re.compile(r"version|build|release|firmware", re.IGNORECASE)
_OF_QUERIES: Final = re.compile(r"quer|search|param|fragment", re.IGNORECASE)
PLAIN, _FOR_VERSION, _FOR_QUERY, _FRAGMENT = range(4)
"""Kinds of text: of most members, of versions, of query strings, readable parts of binary data."""
UNSEARCHED: Final = "[unsearched]"
_OPENING: Final = ("{", "[", '"')


class TooDeepError(ValueError):
    """The document nests deeper than `DEEPEST` levels."""


class LongKeyError(ValueError):
    """The document is counted by a text that is longer than any key."""


class _NotSearchedError(Exception):
    """A text nests more encodings than the search may undo."""


@dataclass(slots=True)
class SearchRules:
    """Rules of a search, and the short texts that were searched before."""

    urls: UrlFilter
    names: NamedValues
    email: Callable[[str], str] | None
    """Makes the stand-in of an e-mail address; None where they are kept."""
    addresses: bool
    """Whether IP addresses are hidden."""
    address: str | None
    """Their stand-in; None where they are cut to their network."""
    encoded: Callable[[str], str]
    """Makes the stand-in of encoded text that holds what is hidden."""
    kinds: dict[str, int] = field(default_factory=dict)
    """By name of member, the kind of its text."""
    harmless: dict[str, bool] = field(default_factory=dict)
    """Names of members that nothing is hidden in, but perhaps a user id."""
    searched: tuple[dict[str, tuple[str, bool]], ...] = field(
        default_factory=lambda: ({}, {}, {}, {})
    )
    """By kind, of short texts: what `strip` made of it, and whether more may stand in it."""

    @property
    def hides(self) -> bool:
        """Whether anything of a person is hidden."""
        return bool(self.names.any or self.email or self.addresses)

    def kind_of(self, name: str) -> int:
        """Return the kind of a member by its name."""
        kind = self.kinds.get(name)
        if kind is None:
            kind = PLAIN
            if _OF_VERSIONS.search(name):
                kind = _FOR_VERSION
            elif _OF_QUERIES.search(name):
                kind = _FOR_QUERY
            _remember(self.kinds, name, kind)
        return kind

    def look_up(self, text: str, kind: int) -> tuple[str, bool]:
        """Return what `strip` makes of a text, and whether it may hold encoded text."""
        known = self.searched[kind].get(text)
        if known is None:
            known = self.strip(text, kind), self.hides and encodings.may_hold_text(text)
            if len(text) <= _LONGEST_CACHED:
                _remember(self.searched[kind], text, known)
        return known

    def strip(self, text: str, kind: int) -> str:
        """Return a text as it stands without what names somebody, but for user ids."""
        if not text.isascii():
            text = repair(text)
        if kind == _FOR_QUERY:
            text = self.urls.strip_query(text)
        if kind != _FRAGMENT:
            text = self.urls.strip_in(text)
        if self.names.occur_in(text):
            text = self.names.redact(text)
        if self.email is not None:
            text = hide_emails(text, self.email)
        if self.addresses and not (kind == _FOR_VERSION and _VERSION.fullmatch(text)):
            text = hide_addresses(text, self.address)
        return text


def _remember(cache: dict[str, Any], key: str, value: Any) -> None:
    if len(cache) >= _MOST_CACHED:
        cache.clear()
    cache[key] = value


class TextSearch:
    """Hides in the texts of one document what the rules say, and the document's user ids."""

    def __init__(
        self,
        rules: SearchRules,
        users: UserSearch,
        walk: Callable[[Any, TextSearch, int], Any],
        take: Callable[[str], bool] | None = None,
    ) -> None:
        """Args: `walk` scrubs a JSON value of some depth, because text may be JSON.

        `take` says whether one more text may be searched; all may without it.
        """
        self._rules = rules
        self._users = users
        self._walk = walk
        self._take = take
        self._allowance: int | None = None
        self.marks: dict[tuple[int, Any], tuple[Any, Any]] = {}
        """By container and key, the roles of members that were found by their path."""

    def mark(self, places: Iterable[tuple[Any, Any, Any]]) -> None:
        """Remember the roles of members by container and key; of two roles the lesser."""
        for container, key, role in places:
            known = self.marks.get((id(container), key))
            if known is None or role < known[1]:
                # With the container, so that its id stays its own.
                self.marks[id(container), key] = (container, role)

    def role_of(self, container: Any, key: Any) -> Any:
        """Return the role that a member was marked with; None without one."""
        marked = self.marks.get((id(container), key))
        return None if marked is None else marked[1]

    def hide(self, text: str, kind: int = PLAIN, depth: int = 1) -> str:
        """Return a text that stands `depth` levels deep as it may be stored."""
        if self._take is not None and self._allowance is None and not self._take(text):
            return UNSEARCHED
        stripped, holds_text = self._rules.look_up(text, kind)
        if holds_text:
            return self._search_all(text, kind, depth)
        return self._as_it_stands(text, kind) if self._users.occur_in(text) else stripped

    def hide_numbers(self, numbers: Sequence[int], depth: int) -> str | None:
        """Return the stand-in of numbers that spell something to hide; None for all others."""
        if not self._rules.hides:
            return None
        outermost = self._allowance is None
        if self._take is not None and outermost and not self._take(" ".join(map(str, numbers))):
            return UNSEARCHED
        if outermost:
            self._allowance = _ALLOWANCE + _ALLOWANCE_PER_SIGN * len(numbers)
        try:
            secret = self._hold_secret(encoded_runs.bytes_of_list(numbers), depth, 0)
        except (_NotSearchedError, RecursionError, TooDeepError):
            if not outermost:
                raise
            secret = True
        finally:
            if outermost:
                self._allowance = None
        return self._rules.encoded(" ".join(map(str, numbers))) if secret else None

    def hide_name(self, name: str) -> str:
        """Return the name of a member as it may be stored."""
        if name in self._rules.harmless and not self._users.occur_in(name):
            return name
        hidden = self.hide(name)
        if hidden == name:
            _remember(self._rules.harmless, name, True)
        return hidden

    def names_user(self, text: str) -> bool:
        """Return whether a user id stands anywhere in a text."""
        return self._users.occur_in(text)

    def _search_all(self, text: str, kind: int, depth: int) -> str:
        if self._allowance is not None:  # Within another text, whose allowance it uses.
            return self._search(text, kind, depth, 0)
        self._allowance = _ALLOWANCE + _ALLOWANCE_PER_SIGN * len(text)
        try:
            return self._search(text, kind, depth, 0)
        except (_NotSearchedError, RecursionError, TooDeepError):
            return self._rules.encoded(text)
        finally:
            self._allowance = None

    def _search(self, text: str, kind: int, depth: int, level: int) -> str:
        found = self._search_view(text, kind, depth, level)
        for decoded in encodings.decodings(found):
            hidden = self._search_view(decoded, kind, depth, level)
            if hidden != decoded:
                return self._search(hidden, kind, depth, level + 1)
        return found

    def _search_view(self, text: str, kind: int, depth: int, level: int) -> str:
        """Return text with what is hidden where it stands, is JSON, or a run of digits."""
        self._spend(len(text), level)
        value = parse_container(text)
        if value is not None:
            scrubbed = self._walk(value, self, depth + 1)
            return text if scrubbed == value else json.dumps(scrubbed, ensure_ascii=False)
        if encoded_runs.has_whole_runs(text):
            text = self._hide_runs(text, encoded_runs.WHOLE_RUNS, depth, level)
        text = self._as_it_stands(text, kind)
        if encoded_runs.has_runs(text):
            text = self._hide_runs(text, encoded_runs.RUNS, depth, level)
        return text

    def _hide_runs(
        self, text: str, runs: Iterable[encoded_runs.Run], depth: int, level: int
    ) -> str:
        for pattern, bytes_of in runs:

            def hide(
                match: re.Match[str], bytes_of: Callable[[str], Iterator[bytes]] = bytes_of
            ) -> str:
                run = match[0]
                holds = self._hold_secret(bytes_of(run), depth, level)
                return self._rules.encoded(run) if holds else run

            text = pattern.sub(hide, text)
        return text

    def _hold_secret(self, pieces: Iterator[bytes], depth: int, level: int) -> bool:
        """Return whether bytes hold anything to hide, or what can't be searched."""
        try:
            for inner, whole in encoded_runs.texts_of(pieces):
                self._spend(len(inner), level)
                if whole or len(inner) >= _LONG_FRAGMENT:
                    kind = PLAIN if whole else _FRAGMENT
                    hides = self._reveals(inner, kind, depth, level + 1)
                else:
                    hides = self._as_it_stands(inner, _FRAGMENT) != inner
                if hides or (not whole and self._rules.names.stand_in(inner)):
                    return True
        except UnreadablePackedError:
            return True
        return False

    def _reveals(self, text: str, kind: int, depth: int, level: int) -> bool:
        """Return whether a text, as it stands or decoded, holds anything to hide."""
        return self._search_view(text, kind, depth, level) != text or any(
            self._search_view(decoded, kind, depth, level) != decoded
            for decoded in encodings.decodings(text)
        )

    def _as_it_stands(self, text: str, kind: int) -> str:
        return self._rules.strip(self._users.replace(text), kind)

    def _spend(self, size: int, level: int) -> None:
        if self._allowance is None or self._allowance < size or level > _DEEPEST_ENCODING:
            raise _NotSearchedError
        self._allowance -= size


def parse_container(text: str) -> Any:
    """Return the array, object or text that JSON stands for; None for all else."""
    if text.lstrip()[:1] not in _OPENING:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def repair(text: str) -> str:
    """Return text with each lone surrogate, which UTF-8 cannot carry, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
