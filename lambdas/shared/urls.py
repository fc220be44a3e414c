"""URLs without what they carry of a person: credentials, parameters, fragment (but for a route).

Parameters stand behind `?`, behind `&` where the `?` is missing, and behind `;` in a segment of the
path (RFC 3986, 3.3), as `;jsessionid=` does.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

URL_PARTS: Final = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.\-]*:)?//)([^/]*)(.*)", re.DOTALL)
"""Scheme and slashes, host, path."""
_NO_HOST: Final = re.compile(r"//(?!localhost\b)(?=[^/.:@\[\]?#;&]*(?:[/?#;&]|$))")
_ROUTE: Final = re.compile(r"!?/")
_BARE_QUERY: Final = re.compile(r"&(?=[^/&=;]+=)")
_PATH_PARAMETER: Final = re.compile(r";([^/;=]+)=[^/;]*")
_MARKS: Final = re.compile(r"[?#&;]|//[^/\s]*@")
_IN_TEXT: Final = re.compile(
    r"(?:(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{0,31}:)?//[^\s\"'<>]+"
    r"|(?<![^\s\"'<(=,\[])/[^\s\"'<>]*"
)
_QUERY_IN_TEXT: Final = re.compile(r"([?#])(?=[^\s\"'<>?#&=]{1,64}=)([^\s\"'<>#]*)")
_SESSION_IN_TEXT: Final = re.compile(
    r";(jsessionid|phpsessid|aspsessionid\w*|sessionid|session_id|sid|access_token|token)"
    r"=[^\s\"'<>;/?&#]*",
    re.IGNORECASE,
)
_QUERY_STRING: Final = re.compile(
    r"[A-Za-z_$%\[][^\s\"'<>&=?#/:]*=[^\s\"'<>&=][^\s\"'<>&]*(?:&[^\s\"'<>&]*)*"
)


class UrlFilter:
    """Removes from URLs the parameters that match none of some globs."""

    def __init__(self, kept: Iterable[str]) -> None:
        globs = [fnmatch.translate(glob) for glob in kept]
        self._kept = re.compile("|".join(globs)) if globs else re.compile(r"(?!)")

    def strip(self, url: str) -> str:
        """Return a URL without credentials, fragment and parameters that are not kept.

        A `//` without a host behind it, which `location.pathname` begins with where a path is
        doubled, is a path. A fragment that is a route (`#/cart`, `#!/cart`) is a path as well.
        """
        rest, _, fragment = url.partition("#")
        rest, mark, query = rest.partition("?")
        bare = _BARE_QUERY.search(rest)
        if bare is not None:
            query = f"{rest[bare.end() :]}&{query}"
            rest, mark = rest[: bare.start()], "?"
        if ";" in rest:
            rest = _PATH_PARAMETER.sub(self._parameter, rest)
        origin = URL_PARTS.fullmatch(rest)
        if origin is not None and "@" in origin[2]:
            rest = f"{origin[1]}{origin[2].rpartition('@')[2]}{origin[3]}"
        kept = rest + self._strip_query(query) if mark else rest
        return kept + self._strip_route(fragment) if fragment else kept

    def _strip_route(self, fragment: str) -> str:
        if _ROUTE.match(fragment) is None:
            return ""
        route = self.strip(fragment.partition("#")[0])
        # With a value in its path it is an answer to a login, as `#/access_token=...` is.
        return "" if "=" in route.partition("?")[0] else f"#{route}"

    def strip_page(self, url: str) -> str:
        """Return the URL of a page as `strip` does; `//` without a host begins a path."""
        return self.strip(_NO_HOST.sub("/", url) if url.startswith("//") else url)

    def strip_in(self, text: str) -> str:
        """Return text in which each URL is stripped, and each query or fragment of `name=value`.

        Text that as a whole is a query string of several parameters is stripped as one.
        """
        if _MARKS.search(text) is None:
            return text
        if "&" in text and _QUERY_STRING.fullmatch(text):
            return self.strip_query(text)
        text = _IN_TEXT.sub(lambda match: self.strip(match[0]), text)
        text = _QUERY_IN_TEXT.sub(self._part, text)
        return _SESSION_IN_TEXT.sub(self._parameter, text) if ";" in text else text

    def strip_query(self, text: str) -> str:
        """Return text that is a query string as a whole with the parameters that are kept."""
        bare = text.lstrip("?#")
        if _QUERY_STRING.fullmatch(bare) is None and (bare == text or len(text.split()) > 1):
            return text
        kept = self._strip_query(bare).removeprefix("?")
        return kept and text[: len(text) - len(bare)] + kept

    def _part(self, match: re.Match[str]) -> str:
        return self._strip_query(match[2]) if match[1] == "?" else ""

    def _parameter(self, match: re.Match[str]) -> str:
        return match[0] if self._kept.match(unquote(match[1])) else ""

    def _strip_query(self, query: str) -> str:
        parts = [
            part
            for part in re.split("[&;]", query)
            if part and self._kept.match(unquote(part.partition("=")[0]))
        ]
        return f"?{'&'.join(parts)}" if parts else ""
