"""Whom events of pages count for, without a cookie. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from clickstream_layout.pseudonyms import derive_key, digest
from shared.timestamps import instant_text

_DATE_LENGTH = 10
_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Client:
    """The visitor's part of a request."""

    site: str
    """Host of the page's origin, with the port where it is not the usual one."""
    address: str | None
    """IP address as it came; it never leaves the function."""
    agent: str
    hints: str
    """`Sec-CH-UA` as the browser sent it."""
    country: str
    """Two letters from the edge; empty where none told."""


class Visitors:
    """Pseudonyms of a day: a keyed hash of site, address and user agent."""

    def __init__(self, key: bytes) -> None:
        self._key = derive_key(key)

    def name(self, client: Client, time_ms: int) -> str:
        """Return the visitor of an event at some UTC milliseconds: another one on another day."""
        day = instant_text(time_ms)[:_DATE_LENGTH]
        text = "\n".join((day, client.site, client.address or "", client.agent))
        return f"v_{digest(self._key, text, b'day-visitor', _LENGTH).hex()}"
