"""Events of pages: the script's requests, and the picture for pages without script. Pure.

A request of the script is one session's::

    {"session": "<22 to 64 of A-Z a-z 0-9 _ ->", "sent": <ms>, "user": "...", "consent": {...},
     "events": [{"id": "...", "type": "page_view", "time": <ms>, "url": "https://...",
                 "referrer": "https://...", "data": {...}}]}

Times are those of the page's clock; only the time between event and sending counts, so that a
clock may be wrong by any amount. All else that a visitor could claim, the collector adds itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from collector import limits
from collector.answers import RefusedError, bad
from collector.event_form import PAGE_VIEW
from collector.origins import origin_of
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from collector.event_form import EventForm
    from collector.origins import Origins
    from collector.visitors import Client, Visitors
    from shared.config import CollectorSettings

SESSION_PREFIX: Final = "web-"
"""Sessions of pages begin with it, so that none is one that a server names."""
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/ -]{0,99}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.$-]{0,63}")
_MOST_MEMBERS, _DEEPEST, _LONGEST_TEXT = 50, 5, 2_000
_LATEST_MS: Final = 253_402_300_799_000
"""The end of the year 9999."""

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a request, and when it arrived in UTC milliseconds."""

    client: Client
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class _Visit:
    """Members that all events of a request have; `sent` is by the page's clock."""

    session: str
    user: str | None = None
    sent: int | None = None

    def age_ms(self, happened: int | None) -> int:
        """Return how long before its sending an event was; 0 where one of the times is missing."""
        return max(0, self.sent - happened) if self.sent and happened is not None else 0


class PageEvents:
    """Makes the events of one pipeline's pages."""

    def __init__(
        self,
        settings: CollectorSettings,
        form: EventForm,
        origins: Origins,
        visitors: Visitors | None,
        make_id: Callable[[], str],
    ) -> None:
        """Keep what is the same for each request.

        Args:
            settings: the collector's.
            form: the members of events.
            origins: those whose pages may send.
            visitors: where visitors are told apart without the page's help.
            make_id: makes ids of 128 random bits.
        """
        self._settings = settings
        self._form = form
        self._origins = origins
        self._visitors = visitors
        self._make_id = make_id

    def of_script(self, body: Any, sender: Sender) -> tuple[str, list[Event]]:
        """Return session and events of a request of the script.

        Raises:
            RefusedError: a member is wrong; nothing of the request is taken.
        """
        if not isinstance(body, dict):
            raise bad("body", "send one JSON object")
        session = SESSION_PREFIX + _matching(body, "session", _SESSION, "22 to 64 of A-Za-z0-9_-")
        sent = _time(body, "sent")
        items = body.get("events")
        if not isinstance(items, list) or not items:
            raise bad("events", "send a list of events")
        if len(items) > limits.PAGE_EVENTS:
            raise RefusedError(
                413, "too_large", "events", f"send at most {limits.PAGE_EVENTS} events in a request"
            )
        visit = _Visit(session, self._user(body), sent)
        return session, [
            self._event(item, f"events[{number}]", visit, sender)
            for number, item in enumerate(items)
        ]

    def of_picture(
        self, parameters: Mapping[str, str], origin: str, sender: Sender
    ) -> tuple[str, list[Event]]:
        """Return session and event of a picture's request.

        `path` is the page's path, since browsers tell other sites no more than the origin; `type`
        the event's type, `referrer` where the visitor came from. Without a session of a page, the
        day's visitor is one; where there is none either, each picture is a session.
        """
        client = sender.client
        name = self._visitors.name(client, sender.arrival_ms) if self._visitors else self._make_id()
        session = SESSION_PREFIX + name
        item = {
            "type": parameters.get("type", PAGE_VIEW),
            "url": urljoin(f"{origin}/", parameters.get("path", "/")),
            "referrer": parameters.get("referrer", ""),
        }
        return session, [self._event(item, "query", _Visit(session), sender)]

    def consents(self, body: Any) -> bool:
        """Return whether a page says that its visitor consents, where consent is asked for."""
        wanted = self._settings.consent
        if not wanted:
            return True
        given = body.get("consent") if isinstance(body, dict) else None
        return isinstance(given, dict) and given.get(wanted) is True

    def _user(self, body: Event) -> str | None:
        """Return the user whom the page names; None where the pipeline asks for none."""
        user = body.get("user")
        if self._settings.visitor != "UserId" or user is None or user == "":
            return None
        if not isinstance(user, str) or len(user) > limits.USER_CHARACTERS:
            raise bad("user", f"write text of at most {limits.USER_CHARACTERS} characters")
        return user

    def _event(self, item: Any, at: str, visit: _Visit, sender: Sender) -> Event:
        if not isinstance(item, dict):
            raise bad(at, "write an object for each event")
        form, fields, client = self._form, self._form.fields, sender.client
        time_ms = max(0, sender.arrival_ms - visit.age_ms(_time(item, "time", at)))
        event = self._data(item, at)
        event |= {
            fields.type: form.type_of(
                _matching(item, "type", _TYPE, "at most 100 letters, digits and _.:/ -", at)
            ),
            fields.session: visit.session,
            fields.time: instant_text(time_ms),
            fields.page: self._url(item, at),
            fields.referrer: _referrer(item, at),
            fields.id: f"{visit.session}:{_event_id(item, at) or self._make_id()}",
            fields.user_agent: client.agent or None,
            fields.ip: client.address,
            fields.country: client.country or None,
            form.site: client.site,
            form.hints: client.hints or None,
        }
        if visit.user is not None:
            event[fields.user] = visit.user
        if self._visitors is not None:
            event[form.visitor] = self._visitors.name(client, time_ms)
        return form.finish(event, sender.arrival_ms)

    def _url(self, item: Event, at: str) -> str:
        url = item.get("url")
        origin = origin_of(url) if isinstance(url, str) else None
        if origin is None:
            longest = limits.URL_CHARACTERS
            raise bad(f"{at}.url", f"write the page's URL, at most {longest} characters")
        if not self._origins.allow(origin):
            raise bad(f"{at}.url", "write the URL of a page of an allowed origin", "other_origin")
        return str(url)

    def _data(self, item: Event, at: str) -> Event:
        """Return an own event's data, which become members of the event."""
        data = item.get("data")
        if data is None:
            return {}
        at = f"{at}.data"
        if not isinstance(data, dict) or len(data) > _MOST_MEMBERS:
            raise bad(at, f"write an object of at most {_MOST_MEMBERS} members")
        for name, value in data.items():
            if not _NAME.fullmatch(name):
                raise bad(at, "name members by a letter and at most 63 of A-Za-z0-9_.$-")
            if self._form.is_reserved(name):
                raise bad(at, "rename the member that is named like a field of the pipeline")
            _check_value(value, at, 1)
        if len(json.dumps(data)) > limits.PAGE_DATA_BYTES:
            raise RefusedError(
                413, "too_large", at, f"write at most {limits.PAGE_DATA_BYTES} bytes of data"
            )
        return dict(data)


def _check_value(value: Any, at: str, depth: int) -> None:
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise bad(at, f"write texts of at most {_LONGEST_TEXT} characters")
    elif isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise bad(at, "write numbers that a double can hold")
    elif isinstance(value, dict | list):
        if depth >= _DEEPEST:
            raise bad(at, f"nest at most {_DEEPEST} levels")
        for each in value.values() if isinstance(value, dict) else value:
            _check_value(each, at, depth + 1)


def _referrer(item: Event, at: str) -> str | None:
    referrer = item.get("referrer")
    if referrer is None or referrer == "":
        return None
    if not isinstance(referrer, str) or origin_of(referrer) is None:
        longest = limits.URL_CHARACTERS
        raise bad(f"{at}.referrer", f"write a web address of at most {longest} characters, or none")
    return referrer


def _event_id(item: Event, at: str) -> str | None:
    return None if item.get("id") is None else _matching(item, "id", _ID, "64 of A-Za-z0-9_.:-", at)


def _matching(
    holder: Event, name: str, pattern: re.Pattern[str], rule: str, within: str = ""
) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise bad(f"{within}.{name}" if within else name, f"write text: {rule}")
    return value


def _time(holder: Event, name: str, within: str = "") -> int | None:
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST_MS:
        raise bad(f"{within}.{name}" if within else name, "write milliseconds since 1970")
    return int(value)
