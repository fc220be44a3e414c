"""What may be kept of the text of one record, within its budget of searched text."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.encodings import unpack
from shared.text_search import TooDeepError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.privacy import Scrubber

_LARGEST_UNPACKED = 1_048_576


class RecordText:
    """Searches the text of one record, up to a limit; of what is beyond only a digest is kept."""

    def __init__(self, scrubber: Scrubber, most: int) -> None:
        self._scrubber = scrubber
        self._left = most
        self._unpacked = _LARGEST_UNPACKED

    def unpack(self, data: bytes) -> bytes | None:
        """Return what compressed data holds; None of other data, and beyond 1 MiB of a record."""
        unpacked = unpack(data, self._unpacked, whole=True) if self._unpacked else None
        self._unpacked -= len(unpacked or b"")
        return unpacked

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
