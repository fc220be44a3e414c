"""Small, nasty traffic: what producers send on a bad day, remembered as it is put.

A record is one event, an array, newline-separated objects or a KPL aggregate; events come late or
from the future, sessions repeat, robots click, carts are checked out too early, and rows are broken
alone or among good ones. With session keys, a record holds one session's events, as the event
contract asks; with random keys, anything lands anywhere.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared.timestamps import instant_text

PAGES: Final = ("/home", "/products", "/product/1", "/cart")
POISON: Final = b"poison "
REFUSED_PAGE: Final = "/refused"
CHECKOUT: Final = "/checkout"
TYPES: Final = ("page_view", "page_view", "page_view", "click")
AGENT: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
ROBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1)"
#: Parameters of pages, and the channels that they tell. By time, so that a page has several.
_QUERIES: Final = (("?utm_source=mail", "Email"), ("?gclid=c1&x=1", "Paid"), ("", "Direct"))
#: One more than sensitivity High allows in a minute, and a few.
CLICKER_EVENTS: Final = 28
#: More than a sketch holds exactly.
CROWD: Final = 110
_MAGIC: Final = b"\xf3\x89\x9a\xc2"
_MORE: Final = 128


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One valid event as sent; time in UTC ms."""

    type: str
    session: str
    user: str
    time_ms: int
    page: str
    agent: str
    id: str = ""

    @property
    def is_robot(self) -> bool:
        """Return whether the agent declares itself a robot."""
        return self.agent == ROBOT

    @property
    def channel(self) -> str | None:
        """Return the channel of a page view."""
        return _QUERIES[self.time_ms % len(_QUERIES)][1] if self.type == "page_view" else None

    def document(self) -> dict[str, Any]:
        """Return what a producer writes."""
        return {
            "event_type": self.type,
            "session_id": self.session,
            "user_id": self.user,
            "timestamp": instant_text(self.time_ms),
            "page_url": f"{self.page}{_QUERIES[self.time_ms % len(_QUERIES)][0]}",
            "user_agent": self.agent,
            "ip_address": "203.0.113.9",
            **({"event_id": self.id} if self.id else {}),
        }


@dataclass(frozen=True, slots=True)
class SentRecord:
    """One record: its rows in order, each a valid event or the reason why it is none."""

    partition_key: str
    data: bytes
    rows: tuple[SentEvent | str, ...]


@dataclass(slots=True)
class TrafficMaker:
    """Makes the records of one run.

    Args:
        source: of randomness.
        start_ms: when the first record arrives, UTC ms.
        session_keys: whether the session id is the partition key.
        visit: what the names of its sessions begin with.
        repeats: whether events have ids, and some are sent again.
    """

    source: random.Random
    start_ms: int
    session_keys: bool = True
    visit: str = ""
    repeats: bool = False
    _agents: dict[str, str] = field(default_factory=dict)
    _sent: dict[str, list[SentEvent]] = field(default_factory=dict)

    def records(self, count: int, *, span_ms: int, crowd: bool = False) -> list[SentRecord]:
        """Return about `count` records that arrive within `span_ms`."""
        source = self.source
        sessions = [f"{self.visit}session_{number}" for number in range(max(2, count // 6))]
        clickers = (
            [f"{self.visit}clicker_0"] if self.session_keys and source.random() < 1 / 3 else []
        )
        made = []
        for index in range(count):
            now = self.start_ms + span_ms * index // count
            if source.random() < 1 / 12:
                made.append(self._broken(now))
                continue
            made.append(self._record(source.choice(sessions), now))
        for session in clickers:
            made += self._clicks(session)
            source.shuffle(made)
        if crowd:
            made += self._crowd()
            source.shuffle(made)
        return made

    def crawl(self, count: int, span_ms: int) -> list[SentRecord]:
        """Return page views of a robot that keeps no cookies, each of a session of its own."""
        events = [
            SentEvent(
                "page_view",
                f"{self.visit}crawl_{number}",
                f"user_{number % 5}",
                self.start_ms + span_ms * number // count,
                CHECKOUT if self.source.random() < 1 / 3 else f"/large/{number % 7}",
                ROBOT,
            )
            for number in range(count)
        ]
        return [
            SentRecord(self._key(one.session), self._encode([one.document()]), (one,))
            for one in events
        ]

    def deadly(self, mark: bytes, count: int) -> list[SentRecord]:
        """Return records that are no JSON, with a mark."""
        return [
            SentRecord(self._key(f"deadly_{n}"), mark + b"%d" % n, ("not_json",))
            for n in range(count)
        ]

    def hazards(self, poison: bytes, refused: str) -> list[SentRecord]:
        """Return records that end or delay the work on them: poison, many items, a refused page."""
        source = self.source
        made = [self._large(number) for number in range(source.randint(1, 3))]
        if poison:
            key = self._key("poison")
            made += [SentRecord(key, poison + b"%d" % n, ("quarantined",)) for n in range(2)]
        if refused:
            events = [
                SentEvent("page_view", f"{self.visit}refused_{n}", "user_0", self.start_ms, refused,
                          AGENT)
                for n in range(source.randint(1, 3))
            ]  # fmt: skip
            made += [
                SentRecord(self._key(one.session), json.dumps(one.document()).encode(), (one,))
                for one in events
            ]
        return made

    def _large(self, number: int) -> SentRecord:
        """Return a record of one session that changes many items, broken rows among its events."""
        source = self.source
        rows: list[SentEvent | str] = []
        values: list[Any] = []
        for index in range(source.randint(4, 24)):
            if source.random() < 1 / 10:
                rows.append("missing_field:session_id")
                values.append({"event_type": "click"})
                continue
            event = SentEvent(
                source.choice(TYPES), f"{self.visit}large_{number}", "user_0",
                self.start_ms - 60_000 * source.randrange(5), f"/large/{source.randrange(30)}",
                AGENT,
            )  # fmt: skip
            rows.append(event)
            values.append(event.document() | {"place": index})
        return SentRecord(self._key(f"large_{number}"), self._encode(values), tuple(rows))

    def _record(self, session: str, now: int) -> SentRecord:
        source = self.source
        rows: list[SentEvent | str] = []
        values: list[Any] = []
        for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
            if source.random() < 1 / 15:
                rows.append("missing_field:session_id")
                values.append({"event_type": "click", "timestamp": instant_text(now)})
                continue
            name = session
            if not self.session_keys:
                name = source.choice((session, "session_0", "session_1"))
            event = self._event(name, now)
            if self.repeats:
                event = self._again(event)
            rows.append(event)
            values.append(event.document())
        return SentRecord(self._key(session), self._encode(values), tuple(rows))

    def _again(self, event: SentEvent) -> SentEvent:
        """Return an event with an id, or one of its session that was sent before; few have none."""
        sent = self._sent.setdefault(event.session, [])
        if sent and self.source.random() < 1 / 3:
            return self.source.choice(sent)
        if self.source.random() < 1 / 8:
            return event
        sent.append(replace(event, id=f"{event.session}/{len(sent)}"))
        return sent[-1]

    def _event(self, session: str, now: int) -> SentEvent:
        source = self.source
        shift = source.choice((0, 0, 0, -1, -50, -61_000, -3_600_000, -20 * 3_600_000, 59_000))
        agent = self._agents.setdefault(session, ROBOT if source.random() < 1 / 8 else AGENT)
        page = CHECKOUT if source.random() < 1 / 8 else source.choice(PAGES)
        return SentEvent(
            type=source.choice(TYPES),
            session=session,
            user=f"user_{source.randrange(12)}",
            # Equal times are met as well: the place in the stream decides.
            time_ms=now + shift if source.random() < 1 / 2 else (now + shift) // 1000 * 1000,
            page=page,
            agent=agent,
        )

    def _clicks(self, session: str) -> list[SentRecord]:
        """Return a session with too many events in one minute, several in each record."""
        events = [
            SentEvent("click", session, "user_0", self.start_ms + 10 * index, "/cart", AGENT)
            for index in range(CLICKER_EVENTS)
        ]
        parts = [tuple(events[first : first + 4]) for first in range(0, CLICKER_EVENTS, 4)]
        return [
            SentRecord(session, self._encode([each.document() for each in part]), part)
            for part in parts
        ]

    def _crowd(self) -> list[SentRecord]:
        """Return one page's view by more visitors than a sketch holds exactly."""
        events = [
            SentEvent("page_view", f"guest_{n % 9}", f"visitor_{n}", self.start_ms, "/sale", AGENT)
            for n in range(CROWD)
        ]
        parts = [
            tuple(each for each in events if each.session == f"guest_{number}")
            for number in range(9)
        ]
        return [
            SentRecord(part[0].session, self._encode([each.document() for each in part]), part)
            for part in parts
        ]

    def _broken(self, now: int) -> SentRecord:
        good = self._event("session_0", now).document()
        reason, data = self.source.choice(
            (
                ("not_json", b'{"event_type": "page_'),
                ("not_an_object", b'"page_view"'),
                ("bad_timestamp", json.dumps(good | {"timestamp": "yesterday"}).encode()),
                ("bad_key", json.dumps(good | {"session_id": "a\u0000b"}).encode()),
                ("timestamp_out_of_range", json.dumps(good | {"timestamp": 1}).encode()),
            )
        )
        return SentRecord(self._key("broken"), data, (reason,))

    def _key(self, session: str) -> str:
        return session if self.session_keys else f"key_{self.source.randrange(1000)}"

    def _encode(self, values: list[Any]) -> bytes:
        if len(values) == 1:
            return json.dumps(values[0]).encode()
        form = self.source.randrange(3)
        if form == 0:
            return json.dumps(values).encode()
        lines = [json.dumps(value).encode() for value in values]
        return b"\n".join(lines) if form == 1 else aggregate(lines)


def aggregate(parts: list[bytes]) -> bytes:
    """Return a KPL aggregate of user records ("KPL Aggregated Record Format")."""
    message = b"".join(_field(3, _field(3, part)) for part in parts)
    return _MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def _field(number: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while size >= _MORE:
        length += bytes([size % _MORE | _MORE])
        size //= _MORE
    return bytes([number << 3 | 2]) + length + bytes([size]) + body
