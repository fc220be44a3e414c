"""Text of one record as it may be stored, within its budget of searched text."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.packed import unpack
from shared.privacy import LONGEST_FIELD
from shared.text_search import TooDeepError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.privacy import Scrubber

_LARGEST_UNPACKED = 1_048_576


class RecordText:
    """Searches the text of one record, up to a limit; of what is beyond only a digest is kept."""

    def __init__(self, scrubber: Scrubber, most: int, *, size: int, of_events: int) -> None:
        """Args: most bytes that are no JSON, the record's size, most characters of its events."""
        self._scrubber = scrubber
        self._left = most
        self._size = size
        self._most_of_events = of_events
        self._left_of_events = of_events
        self._unpacked = _LARGEST_UNPACKED

    def unpack(self, data: bytes) -> bytes | None:
        """Return what compressed data holds; None of other data, and beyond 1 MiB of a record."""
        unpacked = unpack(data, self._unpacked) if self._unpacked else None
        self._unpacked -= len(unpacked or b"")
        self._size += len(unpacked or b"")
        return unpacked

    def scrub_event(self, document: dict[str, Any], users: Sequence[str]) -> dict[str, Any]:
        """Return an event as it may be stored; beyond the limit, without what was not searched.

        Raises:
            TooDeepError: as `Scrubber.scrub`.
            LongKeyError: as `Scrubber.check_keys`.
        """
        scrubber = self._scrubber
        if scrubber.keeps_everything or self._size <= LONGEST_FIELD:
            return scrubber.scrub(document, users)
        scrubber.check_keys(document)
        beyond = self._size > self._most_of_events
        return scrubber.scrub(document, users, self._take_of_events if beyond else None)

    def redact(self, text: str, users: Sequence[str] = ()) -> Any:
        """Return text as it may be stored, or its size and digest."""
        kept = None
        if self._take(len(text)):
            with suppress(RecursionError):  # Too deep to be searched.
                kept = self._scrubber.redact_text(text, users)
        return digest_of(text.encode("utf-8", "surrogatepass")) if kept is None else kept

    def scrub(self, value: Any, users: Sequence[str]) -> Any:
        """Return JSON that is no object as it may be stored, or its size and digest.

        Raises:
            TooDeepError: it nests too deeply to be searched.
        """
        if value is None:
            return None
        try:
            text = json.dumps(value)
        except RecursionError as error:
            raise TooDeepError("nested too deeply") from error
        kept = self._scrubber.scrub_value(value, users) if self._take(len(text)) else None
        return digest_of(text.encode()) if kept is None else kept

    def _take_of_events(self, size: int) -> bool:
        self._left_of_events -= size
        return self._left_of_events >= 0

    def _take(self, size: int) -> bool:
        if self._scrubber.keeps_everything:
            return True
        if size > self._left:
            return False
        self._left -= size
        return True


def digest_of(data: bytes) -> dict[str, Any]:
    """Return what may be kept of data that was not searched: its size and digest."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def kept_whole(data: bytes) -> Any:
    """Return data of which nothing has to be hidden: text as it is, all else in base64."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
