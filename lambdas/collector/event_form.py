"""The members that the collector writes into events, named as the pipeline reads them. Pure.

An event's member may have a whole path as its name, and is found by it (`shared.paths`), so that
events of the collector have one form under any `events.fields` and preset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.addresses import truncate_addresses
from shared.paths import first_names, is_dropped, parts_of, places
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.config import Config

PAGE_VIEW: Final = "page_view"
_SITE, _HINTS, _RECEIVED = "site", "client_hints", "received_at"


class EventForm:
    """Names of the members of one pipeline's events, and what may be kept in them."""

    def __init__(self, config: Config) -> None:
        fields = config.fields
        self.fields = fields
        self.site = config.site_field or _SITE
        self.hints = config.robots.client_hints_field or _HINTS
        self.received = fields.sent_at or _RECEIVED
        """Member of the arrival: the time of sending where the pipeline reads one, which would make
        it believe a wrong clock."""
        self.visitor = fields.anonymous_id or fields.user
        views = config.page_view_types
        self._view = PAGE_VIEW if PAGE_VIEW in views or not views else min(views)
        self._privacy = config.privacy
        own = (*fields.paths(), self.site, self.hints, self.received, *config.unwrap)
        verdict = config.robots.verdict_field
        self._reserved = frozenset(
            name
            for path in (*own, *((verdict,) if verdict else ()))
            for part in (path, *parts_of(path))
            for name in (part, *first_names(part))
        )

    def is_reserved(self, name: str) -> bool:
        """Return whether a page's own data may not have a member of this name."""
        return name in self._reserved or name.startswith("_")

    def type_of(self, name: str) -> str:
        """Return the pipeline's type for a page's event."""
        return self._view if name == PAGE_VIEW else name

    def finish(self, event: dict[str, Any], arrival_ms: int) -> dict[str, Any]:
        """Return an event as it may lie in the stream, with its arrival.

        Addresses follow `privacy.ipAddress` and users are left out with `userId: Drop`, so that
        nothing raw is kept for the stream's retention. Users are hashed by the processor, which
        does so for every producer: hashed twice they would be others.
        """
        kept = {
            name: value
            for name, value in event.items()
            if value is not None and not is_dropped(name, self._privacy.drop_fields)
        }
        kept[self.received] = instant_text(arrival_ms)
        if self._privacy.user_id == "Drop":
            for path in (self.fields.user, self.fields.anonymous_id):
                _replace(kept, path, lambda _user: None)
        if self._privacy.ip_address == "Truncate":
            _replace(kept, self.fields.ip, _network)
        elif self._privacy.ip_address == "Drop":
            _replace(kept, self.fields.ip, lambda _address: None)
        return kept


def _network(address: Any) -> str | None:
    return truncate_addresses(address) if isinstance(address, str) else None


def _replace(event: dict[str, Any], path: str, kept_of: Callable[[Any], Any]) -> None:
    """Put what is kept of a value in its place, wherever a path leads; None stays of nothing."""
    for part in (path, *parts_of(path)) if path else ():
        for container, key in [*places(event, part)]:
            container[key] = kept_of(container[key])
