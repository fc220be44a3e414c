"""Who may see the page: whoever has the address that the command printed. Pure.

Other users of the machine reach the port, and so does every web page that this browser visits:
without the token they get nothing, and neither does a name that was rebound to loopback.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

COOKIE: Final = "clickstream-view"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer."""


@dataclass(slots=True)
class Access:
    """The token of the printed address, good once, and the cookie that it is exchanged for."""

    token: str
    cookie: str
    port: int
    is_spent: bool = False

    def is_addressed(self, headers: Mapping[str, str]) -> bool:
        """Whether a request names this server, and comes from no other page."""
        names = {f"127.0.0.1:{self.port}", f"localhost:{self.port}", f"[::1]:{self.port}"}
        origin = headers.get("Origin", "")
        return headers.get("Host", "") in names and (
            not origin or (origin.startswith("http://") and urlsplit(origin).netloc in names)
        )

    def exchange(self, token: str) -> bool:
        """Take the token, the first time; whether it was the right one."""
        right = not self.is_spent and _are_equal(token, self.token)
        self.is_spent = self.is_spent or right
        return right

    def knows(self, cookie: str) -> bool:
        """Whether a request has the cookie."""
        return _are_equal(cookie, self.cookie)


def _are_equal(given: str, secret: str) -> bool:
    # A header may hold bytes that are no text, which arrive as surrogates.
    return hmac.compare_digest(given.encode(errors="surrogateescape"), secret.encode())
