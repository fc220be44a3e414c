"""Events of servers: a list of them in the pipeline's own form. Pure.

A request holds a JSON array of events, one event, or one a line. The processor looks at each as it
does at those that a producer puts into the stream itself; what would certainly be a bad row there
is refused here, where its sender sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector import limits
from collector.answers import RefusedError, bad
from collector.requests import parse_json
from shared.paths import find
from shared.timestamps import instant_text
from shared.user_ids import identifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.event_form import EventForm

Event = dict[str, Any]


class ServerEvents:
    """Reads the events of one pipeline's servers."""

    def __init__(self, form: EventForm, consent: str, make_id: Callable[[], str]) -> None:
        self._form = form
        self._consent = consent
        self._make_id = make_id

    def read(self, data: bytes, arrival_ms: int) -> list[tuple[str, Event] | None]:
        """Return session and event for each in a body; None where its visitor does not consent.

        Raises:
            RefusedError: one is wrong; nothing of the request is taken.
        """
        items = _items(data)
        if len(items) > limits.SERVER_EVENTS:
            raise RefusedError(
                413,
                "too_large",
                "events",
                f"send at most {limits.SERVER_EVENTS} events in a request",
            )
        return [self._event(item, f"[{number}]", arrival_ms) for number, item in enumerate(items)]

    def _event(self, item: Any, at: str, arrival_ms: int) -> tuple[str, Event] | None:
        fields = self._form.fields
        if not isinstance(item, dict):
            raise bad(at, "write an object for each event")
        session = identifier(find(item, fields.session))
        if session is None:
            raise bad(f"{at}.{fields.session}", "write the session's id: text or an integer")
        if identifier(find(item, fields.type)) is None:
            raise bad(f"{at}.{fields.type}", "write the type of the event")
        if self._consent and find(item, self._consent) is not True:
            return None
        event = dict(item)
        if find(item, fields.time) in (None, ""):
            event[fields.time] = instant_text(arrival_ms)
        if find(item, fields.id) is None:
            event[fields.id] = self._make_id()
        return session, self._form.finish(event, arrival_ms)


def _items(data: bytes) -> list[Any]:
    lines = data.strip().splitlines()
    if not lines:
        raise bad("body", "send events: a JSON array, or one event a line")
    if len(lines) > 1 and lines[0].rstrip().endswith(b"}"):
        return [parse_json(line) for line in lines if line.strip()]
    value = parse_json(data)
    items = value if isinstance(value, list) else [value]
    if not items:
        raise bad("body", "send at least one event")
    return items
