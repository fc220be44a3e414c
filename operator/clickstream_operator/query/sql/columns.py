"""Columns of the views, which a catalogue must know before anybody asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TEXT: Final = "varchar"
_NUMBER: Final = "bigint"
_TIME: Final = "timestamp(3)"
_PLACE: Final = {"lane": _TEXT, "sequence": _TEXT, "sub": _NUMBER}
_EVENT: Final = {
    **_PLACE,
    "arrival_ms": _NUMBER,
    "time_ms": _NUMBER,
    "event_time": _TIME,
    "event_id": _TEXT,
    "event_type": _TEXT,
    "session_id": _TEXT,
    "visitor": _TEXT,
    "page": _TEXT,
    "is_view": "boolean",
    "agent_class": _TEXT,
    "channel": _TEXT,
    "document": _TEXT,
}

#: Type by column and view, in their order, by Trino's names.
VIEW_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "archived_events": _EVENT,
    "events": _EVENT,
    "page_views": {
        **{
            name: _EVENT[name]
            for name in (
                "time_ms", "event_time", "page", "session_id", "visitor", "event_id",
                "agent_class", "channel",
            )
        },
        **_PLACE,
        "document": _TEXT,
    },
    "sessions": {
        "session_id": _TEXT,
        "visitor": _TEXT,
        "agent_class": _TEXT,
        "channel": _TEXT,
        "events": _NUMBER,
        "page_views": _NUMBER,
        "first_ms": _NUMBER,
        "last_ms": _NUMBER,
        "duration_ms": _NUMBER,
        "first_activity": _TIME,
        "last_activity": _TIME,
        "entry_page": _TEXT,
        "exit_page": _TEXT,
    },
    "bad_rows": {
        **_PLACE,
        "arrival_ms": _NUMBER,
        "arrival_time": _TIME,
        "reason": _TEXT,
        "detail": _TEXT,
        "document": _TEXT,
    },
}  # fmt: skip
