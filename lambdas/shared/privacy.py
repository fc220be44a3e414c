"""Removal of personal data, before anything is stored, counted by name, or logged.

The named fields (user, IP, page, referrer, dropped ones) follow their setting. Because people also
turn up in fields that no setting names, every other text is searched: with `userId` Hash or Drop
for e-mail addresses and for the event's own user id, with `ipAddress` Truncate or Drop for IP
addresses.
"""

from __future__ import annotations

import fnmatch
import hashlib
import ipaddress
import re
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.config import Fields, Privacy

DEEPEST = 64
SHORTEST_SOUGHT_ID = 6
"""Shorter user ids are hidden in their own field only: sought everywhere, `7` would eat prices."""
_REDACTED = "[redacted]"

_AT = r"(?:@|%(?:25)*40|\\u0040)"
_LOCAL = r"[A-Za-z0-9.!#$%*+^_`|~\-\u00a1-\uffff]"
# The look-behind starts a match only where a run of such characters starts: linear time.
_EMAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}+{_AT}"
    r"[A-Za-z0-9\u00a1-\uffff](?:[A-Za-z0-9.\-\u00a1-\uffff]{0,253}[A-Za-z0-9\u00a1-\uffff])?"
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
_IPV4 = re.compile(rf"(?<![0-9])(?<![0-9]\.)(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f:]{2,}+(?:[0-9.]+)?(?![0-9A-Za-z])")
_LONGEST_IPV6 = 64
_MOST_IDS_SOUGHT = 20
_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?")
_ORIGIN = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)([^/]*)(.*)", re.DOTALL)
_QUERY_IN_TEXT = re.compile(r"\?([^\s\"'<>#]*)")


class TooDeepError(ValueError):
    """The document nests deeper than `DEEPEST` levels."""


class Scrubber:
    """The privacy rules of one pipeline with its hash key."""

    def __init__(self, privacy: Privacy, fields: Fields, key: bytes) -> None:
        self._privacy = privacy
        self._fields = fields
        self._key = hashlib.sha256(key).digest()
        self._hide_user = privacy.user_id != "Keep"
        self._hide_ip = privacy.ip_address != "Keep"
        globs = [fnmatch.translate(glob) for glob in privacy.query_parameters]
        self._allowed = re.compile("|".join(globs)) if globs else re.compile(r"(?!)")
        hidden = {*privacy.drop_fields}
        hidden |= {fields.user} if self._hide_user else set()
        hidden |= {fields.ip} if self._hide_ip else set()
        names = "|".join(re.escape(name) for name in sorted(hidden)) or r"(?!)"
        self._assignment = re.compile(
            rf"(?P<name>(?P<quote>[\"']?)\b(?:{names})(?P=quote)\s*[:=]\s*)"
            r"(?P<value>\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[\[{][^\]}]*[\]}]?|[^,;&}\]\s]+)"
        )
        self._user_assignment = re.compile(
            rf"[\"']?\b{re.escape(fields.user)}[\"']?\s*[:=]\s*[\"']?(?P<id>[^\"',;&}}\]\s]+)"
        )

    @property
    def keeps_everything(self) -> bool:
        """Whether the settings leave every byte of a payload as it came."""
        return not (self._hide_user or self._hide_ip or self._privacy.drop_fields)

    def visitor(self, document: dict[str, Any]) -> bytes:
        """Return the 8-byte keyed hash of the user id, or of the session id where none may count.

        With `userId: Drop` nothing derived from the user id is kept either: sessions are counted.
        """
        user = _identifier(document.get(self._fields.user))
        if user is None or self._privacy.user_id == "Drop":
            user = _identifier(document.get(self._fields.session)) or ""
        return self._digest(user, b"visitor", 8)

    def scrub(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of an event as it may be stored.

        Raises:
            TooDeepError: the event nests too deeply to be searched.
        """
        fields, privacy = self._fields, self._privacy
        kept: str | None
        hide = self._hider(_identifier(document.get(fields.user)))
        result: dict[str, Any] = {}
        for name, value in document.items():
            if name in privacy.drop_fields:
                continue
            if name == fields.user and self._hide_user:
                kept = self._user(value)
            elif name == fields.ip and self._hide_ip:
                kept = self._address(value)
            elif name == fields.session and (session := _identifier(value)) is not None:
                kept = self._session(session, hide)
            elif name in (fields.page, fields.referrer) and isinstance(value, str):
                kept = hide(self._strip_url(value))
            else:
                result[hide(name)] = self._walk(value, hide, 1)
                continue
            if kept is not None:
                result[name] = kept
        return result

    def _user(self, value: Any) -> str | None:
        identifier = _identifier(value)
        if identifier is None or self._privacy.user_id == "Drop":
            return None
        return self.pseudonym(identifier)

    def _address(self, value: Any) -> str | None:
        if not isinstance(value, str) or self._privacy.ip_address == "Drop":
            return None
        return truncate_addresses(value)

    def users_of(self, documents: Iterable[Any]) -> list[str]:
        """Return the user ids of the events among some JSON values, a few at most."""
        users = (
            _identifier(document.get(self._fields.user))
            for document in documents
            if isinstance(document, dict)
        )
        return list(islice(dict.fromkeys(user for user in users if user), _MOST_IDS_SOUGHT))

    def scrub_value(self, value: Any, users: Sequence[str]) -> Any:
        """Return JSON that is not an object as it may be stored; text as in `redact_text`.

        Raises:
            TooDeepError: as in `scrub`.
        """
        if isinstance(value, str):
            return self.redact_text(value, users)
        for user in users:
            value = self._walk(value, self._hider(user), 0)
        return self._walk(value, self._hider(None), 0)

    def redact_text(self, text: str, users: Sequence[str] = ()) -> str:
        """Return text that could not be parsed, without what can be recognised in it.

        That is: values that follow the name of a hidden or dropped field; the user ids found that
        way, and the given ones, wherever they stand; query parameters that are not allowed; e-mail
        and IP addresses.
        """
        if self.keeps_everything:
            return _repair(text)
        named = (match["id"] for match in self._user_assignment.finditer(text))
        found = dict.fromkeys([*users, *islice(named, _MOST_IDS_SOUGHT)])
        text = self._assignment.sub(rf'\g<name>"{_REDACTED}"', text)
        text = _QUERY_IN_TEXT.sub(lambda match: self._strip_query(match[1]), text)
        for user in found:
            text = self._hider(user)(text)
        return self._hider(None)(text)

    def pseudonym(self, identifier: str) -> str:
        """Return the keyed hash that stands for a user id: the same in every event and hour."""
        return f"u_{self._digest(identifier, b'user', 12).hex()}"

    def _digest(self, text: str, purpose: bytes, size: int) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=size, key=self._key, person=purpose).digest()

    def _hider(self, user: str | None) -> Callable[[str], str]:
        """Return the function that searches one text for what the settings hide."""
        seek = user if self._hide_user and user and len(user) >= SHORTEST_SOUGHT_ID else None
        whole = re.compile(rf"(?<![0-9]){seek}(?![0-9])") if seek and seek.isdecimal() else None
        hide_user, hide_ip = self._hide_user, self._hide_ip
        stand_in = self.pseudonym(seek) if seek and self._privacy.user_id == "Hash" else "[user]"

        def hide(text: str) -> str:
            if not text.isascii():
                text = _repair(text)
            if seek is not None and seek in text:
                text = whole.sub(stand_in, text) if whole else text.replace(seek, stand_in)
            if hide_user and ("@" in text or "40" in text):
                text = _EMAIL.sub(self._email, text)
            if hide_ip:
                if text.count(".") >= 3:  # noqa: PLR2004 - dots of an IPv4 address
                    text = _IPV4.sub(self._ipv4, text)
                if text.count(":") >= 2:  # noqa: PLR2004 - colons of the shortest IPv6 address
                    text = _IPV6.sub(self._ipv6, text)
            return text

        return hide

    def _session(self, session: str, hide: Callable[[str], str]) -> str:
        """Return a session id that names no one and still differs from every other session's."""
        hidden = hide(session)
        if hidden == session or hidden == _repair(session):
            return hidden
        return f"s_{self._digest(session, b'session', 12).hex()}"

    def _walk(self, value: Any, hide: Callable[[str], str], depth: int) -> Any:
        if isinstance(value, str):
            return hide(value)
        if isinstance(value, dict | list):
            if depth >= DEEPEST:
                raise TooDeepError(f"nested deeper than {DEEPEST} levels")
            if isinstance(value, list):
                return [self._walk(item, hide, depth + 1) for item in value]
            dropped = self._privacy.drop_fields
            return {
                hide(name): self._walk(item, hide, depth + 1)
                for name, item in value.items()
                if name not in dropped
            }
        if isinstance(value, int) and not isinstance(value, bool) and value > 10**5:
            text = hide(str(value)) if value < 10**40 else None
            return text if text is not None and text != str(value) else value
        return value

    def _email(self, match: re.Match[str]) -> str:
        if self._privacy.user_id == "Drop":
            return "[email]"
        return f"[email {self._digest(match[0], b'email', 6).hex()}]"

    def _ipv4(self, match: re.Match[str]) -> str:
        if self._privacy.ip_address == "Drop":
            return "[ip]"
        return f"{match[0].rpartition('.')[0]}.0"

    def _ipv6(self, match: re.Match[str]) -> str:
        candidate = match[0]
        if len(candidate) > _LONGEST_IPV6 or candidate.count(":") < 2:  # noqa: PLR2004 - as in hide
            return candidate
        for cut in (candidate, candidate.rstrip("."), candidate.strip(":.")):
            shortened = _truncate(cut)
            if shortened is not None:
                return "[ip]" if self._privacy.ip_address == "Drop" else shortened
        return candidate

    def _strip_url(self, url: str) -> str:
        """Return a URL without credentials, fragment and query parameters that are not allowed."""
        rest, _, _ = url.partition("#")
        rest, mark, query = rest.partition("?")
        origin = _ORIGIN.fullmatch(rest)
        if origin is not None and "@" in origin[2]:
            rest = f"{origin[1]}{origin[2].rpartition('@')[2]}{origin[3]}"
        return rest + self._strip_query(query) if mark else rest

    def _strip_query(self, query: str) -> str:
        kept = [
            part
            for part in re.split("[&;]", query)
            if part and self._allowed.match(unquote(part.partition("=")[0]))
        ]
        return f"?{'&'.join(kept)}" if kept else ""


def page_path(url: str) -> str:
    """Return the path of a URL or path reference, `/` when it has none."""
    rest = url.partition("#")[0].partition("?")[0]
    origin = _ORIGIN.fullmatch(rest)
    return (origin[3] if origin else rest) or "/"


def truncate_addresses(value: str) -> str | None:
    """Return IPv4 addresses as their /24 and IPv6 ones as their /48; None if one is neither.

    A comma-separated list, as in X-Forwarded-For, and ports are understood.
    """
    shortened = []
    for part in value.split(","):
        bare = part.strip()
        port = _PORT.fullmatch(bare)
        network = _truncate((port[1] or port[2]) if port else bare)
        if network is None:
            return None
        shortened.append(network)
    return ", ".join(shortened)


def _truncate(address: str) -> str | None:
    if _IPV4.fullmatch(address):
        return f"{address.rpartition('.')[0]}.0"
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"{str(parsed.ipv4_mapped).rpartition('.')[0]}.0"
        return str(ipaddress.IPv6Address(int(parsed) >> 80 << 80))
    return f"{address.rpartition('.')[0]}.0"


def _identifier(value: Any) -> str | None:
    """Return an id as text; None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _repair(text: str) -> str:
    """Return text with each lone surrogate, which UTF-8 cannot carry, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
