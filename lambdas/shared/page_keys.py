"""Keys of pages: the path of a page's URL in one form, so that one page is one key. Pure.

Always, as RFC 3986 has it (6.2.2): escapes of unreserved characters are decoded, the others are in
upper case, `.` and `..` are resolved. As RFC 3987 has it (5.3.2): letters beyond ASCII stand for
themselves, in Unicode's form NFC. Slashes at the begin are one, since a page's `location.pathname`
begins with two where a link doubled them.

Settings say what else is one page: `PageSettings`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from shared.paths import find
from shared.urls import URL_PARTS
from shared.user_ids import identifier

if TYPE_CHECKING:
    from shared.config import Config, PageSettings

_USUAL: Final = re.compile(r"(?:/[A-Za-z0-9_~\-][A-Za-z0-9_~.\-]*)*/?", re.ASCII)
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_STRAY: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(r"%[0-9a-f]{2}")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ASCII_END: Final = "\x80"
_REPLACEMENT: Final = "\ufffd"
_ROUTE: Final = re.compile(r"!?/")
_PORT: Final = re.compile(r":(?:80|443)?\Z")


class PageKeys:
    """The keys of one pipeline's pages."""

    def __init__(self, config: Config) -> None:
        self._settings = config.pages
        self._site = config.site_field
        self._path = lru_cache(maxsize=8192)(self._path_key)

    def key(self, url: Any, document: dict[str, Any]) -> str | None:
        """Return the key of a page; None where a member holds no URL.

        Args:
            url: the member's value, without its parameters (`UrlFilter.strip_page`).
            document: the event, for its site.
        """
        if not isinstance(url, str) or not url:
            return None
        key = self._path(url)
        site = identifier(find(document, self._site)) if self._site else None
        if site is None:
            return key
        # A slash in its name would make the begin of another site's path of it.
        return f"{site.replace('%', '%25').replace('/', '%2F')}{'' if key[:1] == '/' else '/'}{key}"

    def _path_key(self, url: str) -> str:
        rest, _, fragment = url.partition("#")
        rest = rest.partition("?")[0]
        origin = URL_PARTS.fullmatch(rest)
        host = origin[2] if origin else ""
        path = normal_path(origin[3] if origin else rest, self._settings) or "/"
        if self._settings.hash_routes == "Keep" and _ROUTE.match(fragment):
            route = fragment.partition("?")[0]
            mark, _, route = route.partition("/")
            path += f"#{mark}{normal_path(f'/{route}', self._settings)}"
        if host and self._settings.domain == "Keep":
            path = normal_host(host) + ("" if path[:1] == "/" else "/") + path
        return path


def normal_path(path: str, settings: PageSettings) -> str:
    """Return a path in the one form that stands for it."""
    if _USUAL.fullmatch(path) is None:
        path = _ESCAPES.sub(_decode, _STRAY.sub("%25", path)).replace(" ", "%20")
        if not path.isascii():
            signs = unicodedata.normalize("NFC", path)
            path = "".join(sign if _is_kept(sign) else _escape(sign) for sign in signs)
        path = _without_dots(path)
    if settings.trailing_slash == "Remove" and len(path) > 1:
        path = path.rstrip("/") or "/"
    if settings.case == "Lower":
        path = _ESCAPE.sub(lambda match: match[0].upper(), path.lower())
    return path


def normal_host(host: str) -> str:
    """Return a host in lower case, without the port of its scheme; a name in its ASCII form."""
    name = _PORT.sub("", host.lower()).rstrip(".")
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def _decode(match: re.Match[str]) -> str:
    """Return a run of escapes with the characters that need none as themselves."""
    data = bytes.fromhex(match[0].replace("%", ""))
    return "".join(
        sign if _stands_for_itself(sign) else _escape(sign)
        for sign in data.decode("utf-8", "surrogateescape")
    )


def _stands_for_itself(sign: str) -> bool:
    return sign in _UNRESERVED if sign < _ASCII_END else _is_kept(sign)


def _is_kept(sign: str) -> bool:
    """Return whether a key shows a character; of ASCII the event contract judges."""
    return sign < _ASCII_END or (sign.isprintable() and sign != _REPLACEMENT)


def _escape(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode("utf-8", "surrogateescape"))


def _without_dots(path: str) -> str:
    """Return a path with `.` and `..` resolved (RFC 3986, 5.2.4) and one slash at the begin."""
    if path[:1] != "/":
        return path
    parts: list[str] = []
    segments = path.lstrip("/").split("/")
    for segment in segments:
        if segment == "..":
            del parts[-1:]
        elif segment != ".":
            parts.append(segment)
    if segments[-1] in (".", "..") and parts and parts[-1]:
        parts.append("")
    return "/" + "/".join(parts)
