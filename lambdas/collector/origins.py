"""Origins whose pages may send events. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from collector import limits
from collector.answers import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collector.requests import Request

_ANY: Final = "://*."
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origins:
    """The allowed origins of one pipeline: exact ones, and `https://*.example.com`."""

    def __init__(self, allowed: Iterable[str]) -> None:
        named = [origin.lower() for origin in allowed]
        self._exact = frozenset(origin for origin in named if _ANY not in origin)
        self._under = tuple(
            (f"{scheme}://", f".{host}")
            for scheme, _, host in (origin.partition(_ANY) for origin in named)
            if host
        )

    def allow(self, origin: str) -> bool:
        """Return whether pages of an origin may send events."""
        return origin in self._exact or any(
            origin.startswith(scheme)
            and origin.endswith(host)
            and len(origin) > len(scheme) + len(host)
            for scheme, host in self._under
        )

    def sender(self, request: Request) -> str:
        """Return the origin of the page that sends a request.

        Browsers name it in `Origin` of a POST; of a picture, and old ones of a POST, `Referer` only
        tells.

        Raises:
            RefusedError: it is not allowed, or not told.
        """
        told = request.headers.get("origin") or request.headers.get("referer", "")
        origin = origin_of(told)
        if origin is None:
            raise RefusedError(
                403,
                "no_origin",
                "Origin",
                "send it from a page, with Origin or Referer; a server sends a token",
            )
        if not self.allow(origin):
            raise RefusedError(
                403, "other_origin", "Origin", "add this origin to spec.collector.allowedOrigins"
            )
        return origin


def origin_of(url: str) -> str | None:
    """Return scheme, host and port of a web address in lower case; None where it is none."""
    if len(url) > limits.URL_CHARACTERS or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    behind = f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    return f"{parts.scheme}://{host}{behind}"
