"""Details of an event in an alert: no user and no address, whatever the settings keep.

The archive of a pipeline may hold them by its settings. An alert leaves the account, by mail or to
whoever subscribes, so `Keep` means `Hash` and `Truncate` here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.paths import find
from shared.privacy import Scrubber
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from shared.config import Fields, Privacy
    from shared.records import Event

_LONGEST_DETAIL = 256


class Telling:
    """Turns events into what may be told of them."""

    def __init__(self, privacy: Privacy, fields: Fields, key: bytes) -> None:
        """Take the pipeline's settings, and its hash key."""
        strict = replace(
            privacy,
            user_id="Hash" if privacy.user_id == "Keep" else privacy.user_id,
            ip_address="Truncate" if privacy.ip_address == "Keep" else privacy.ip_address,
        )
        # What the settings hide is hidden already.
        self._scrubber = None if strict == privacy else Scrubber(strict, fields, key)
        self._fields = fields
        self._shown = (
            fields.type,
            fields.page,
            fields.user_agent,
            fields.referrer,
            fields.country,
            fields.id,
        )

    def tell(self, event: Event) -> tuple[str, dict[str, str]]:
        """Return an event's session, and its members that name no person, each shortened."""
        document = self._scrub(event.document)
        details = {self._fields.time: instant_text(event.time_ms)}
        for name in self._shown:
            value = find(document, name)
            if isinstance(value, str):
                details[name] = value[:_LONGEST_DETAIL]
        if self._scrubber is None:
            return event.session, details
        return str(find(document, self._fields.session) or event.session), details

    def page(self, path: str) -> str:
        """Return a page's path."""
        return str(self._scrub({self._fields.page: path})[self._fields.page])

    def _scrub(self, document: dict[str, Any]) -> dict[str, Any]:
        return document if self._scrubber is None else self._scrubber.scrub(document)
