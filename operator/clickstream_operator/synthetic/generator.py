"""Traffic whose outcome is known: records for the stream and the exact truth about them.

Deterministic by its arguments. Sessions are those of a shop's visitors (Zipf-distributed pages,
90 % page views, 10 % clicks); a bot session trips `high_frequency_clicks`, once, and nothing else
trips a rule: no suspicious user agents, no checkout before three earlier events, at most ten events
a session. Over a long span sessions begin as `season` has it, by the time of day. All times lie
within the accepted window around the time of sending, which over a short span is `start`.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from clickstream_operator.synthetic.season import season

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = (
    "/home", "/products", "/product/123", "/product/456", "/cart", "/about", "/contact",
    "/search", "/product/789", "/help", "/account", "/offers",
)  # fmt: skip
CHECKOUT = "/checkout"
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) AppleWebKit/537.36 Chrome/126.0 Mobile",
)
HIGH_FREQUENCY = "high_frequency_clicks"
BOT_EVENTS = 60
BROKEN_REASONS = (
    "not_json",
    "missing_field:session_id",
    "bad_timestamp",
    "not_an_object",
    "timestamp_out_of_range",
    "bad_key",
)
_MINUTE_MS = 60_000
#: Within less the curve of a day is flat.
_SEASON_MINUTES = 60
_LONGEST_SESSION = 10
_CHECKOUT_FROM = 4
_CHECKOUT_SHARE = 0.3
_CLICK_SHARE = 0.1
_LATE_MS = 6 * 3_600_000
_FUTURE_MS = 120_000
_OUT_OF_RANGE_MS = 3 * 86_400_000


@dataclass(frozen=True, slots=True)
class Record:
    """One record to put: `PutRecords` takes the first two members as they are.

    `sent_ms`: when a producer sends it, in milliseconds since the epoch.
    """

    partition_key: str
    data: bytes
    sent_ms: int


@dataclass(frozen=True, slots=True)
class SessionTruth:
    """Truth of a session item; times are ISO 8601 in UTC with milliseconds."""

    event_count: int
    first_activity: str
    last_activity: str
    entry_page: str | None
    exit_page: str | None


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth of the stores once all records are processed.

    `counters` by event type and minute (`YYYY-MM-DDTHH:MM`); `page_views` and `visitors` by page
    and hour (`YYYY-MM-DDTHH`); `bad_rows` by reason; `incidents` as (rule, session id), sorted.
    """

    counters: dict[str, dict[str, int]]
    page_views: dict[str, dict[str, int]]
    visitors: dict[str, dict[str, int]]
    sessions: dict[str, SessionTruth]
    bad_rows: dict[str, int]
    archived_events: int
    incidents: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Records in the order to put them, that of `sent_ms`, and their truth."""

    records: list[Record]
    truth: Truth


@dataclass(frozen=True, slots=True)
class _Event:
    time_ms: int
    sent_ms: int
    session: str
    user: str
    type: str
    page: str
    agent: str
    address: str

    def encode(self, identity: int) -> bytes:
        """Return the event as a producer sends it."""
        document: dict[str, Any] = {
            "event_id": f"event-{identity:08d}",
            "event_type": self.type,
            "session_id": self.session,
            "user_id": self.user,
            "timestamp": _instant(self.time_ms),
            "page_url": f"{self.page}?utm_source=newsletter&token=secret",
            "user_agent": self.agent,
            "ip_address": self.address,
            "referrer": "https://search.example.com/?q=shoes" if identity % 2 else None,
        }
        return json.dumps(document).encode()


class _Visitors:
    """Draws sessions from one random source."""

    def __init__(self, source: random.Random, now_ms: int, minutes: int, label: str) -> None:
        self._source = source
        self._name = f"{label}-" if label else ""
        self._folder = f"/{label}" if label else ""
        self._now_ms = now_ms
        # A session takes less than the minute that is left at the end.
        self._minutes = minutes - 1
        self._first_ms = now_ms - minutes * _MINUTE_MS
        self._pages = list(accumulate(1 / rank for rank in range(1, len(PAGES) + 1)))
        first = self._first_ms // _MINUTE_MS
        self._season = (
            list(accumulate(season(first + minute) for minute in range(self._minutes)))
            if minutes >= _SEASON_MINUTES
            else []
        )

    def session(self, number: int, most: int) -> Iterator[_Event]:
        """Yield one session's events, each later than the one before."""
        source = self._source
        now = self._begin()
        session = f"{self._name}session_{number:06d}"
        user = f"user_{source.randrange(100_000):06d}"
        agent = source.choice(AGENTS)
        address = f"203.0.113.{source.randrange(1, 255)}"
        for index in range(min(most, source.randint(1, _LONGEST_SESSION))):
            page = source.choices(PAGES, cum_weights=self._pages)[0]
            if index >= _CHECKOUT_FROM and source.random() < _CHECKOUT_SHARE:
                page = CHECKOUT
            kind = "click" if source.random() < _CLICK_SHARE else "page_view"
            yield _Event(
                now, self._sent(now), session, user, kind, f"{self._folder}{page}", agent, address
            )
            now += source.randint(100, 5000)

    def bot(self, number: int) -> Iterator[_Event]:
        """Yield more than 50 events within one minute, without a season the last full one."""
        session, user = f"{self._name}bot_{number:03d}", f"user_{900_000 + number}"
        began = self._begin() if self._season else self._now_ms - _MINUTE_MS
        minute_ms = began // _MINUTE_MS * _MINUTE_MS
        for index in range(BOT_EVENTS):
            page = f"{self._folder}{PAGES[index % len(PAGES)]}"
            now = minute_ms + 500 + index * (58_000 // BOT_EVENTS)
            sent = self._sent(now)
            yield _Event(now, sent, session, user, "page_view", page, AGENTS[0], "198.51.100.7")

    def _begin(self) -> int:
        """Draw when a session begins."""
        source, minute = self._source, _MINUTE_MS
        if not self._season:
            return self._first_ms + source.randrange(self._minutes * minute)
        (number,) = source.choices(range(self._minutes), cum_weights=self._season)
        return self._first_ms + number * minute + source.randrange(minute)

    def _sent(self, time_ms: int) -> int:
        return time_ms if self._season else self._now_ms


def generate(
    seed: int,
    events: int,
    start: float,
    *,
    label: str = "",
    broken: int = 3,
    bots: int = 1,
    duplicates: int = 0,
    late: int = 0,
    future: int = 0,
    minutes: int = 4,
) -> Traffic:
    """Return traffic of `events` valid events and `broken` records that are no events.

    Args:
        seed: same arguments, same traffic.
        events: valid events, duplicates and the bots' included; at least 60 for each bot.
        start: now in epoch seconds, the end of the span.
        label: begins every session id, and every path as a folder of its own, so that traffic can
            be told from other traffic in the same stream.
        broken: records that must end as bad rows, their reasons in turn.
        bots: sessions with 60 events within one minute: of a short span the last full one.
        duplicates: events sent twice, as a producer's retry does: both count.
        late: sessions whose events are sent six hours after their time.
        future: sessions whose events are sent two minutes before their time.
        minutes: the span in which sessions begin. Below an hour they do so evenly, and all records
            are to be put within a minute or so of `start`; from there on they begin as `season`
            has it, and each record is to be put at its `sent_ms`.

    Raises:
        ValueError: `events` is too small for what is asked, or `minutes` below two.
    """
    source = random.Random(seed)  # noqa: S311 - reproducible, not secret
    now_ms = round(start * 1000)
    free = events - bots * BOT_EVENTS - duplicates
    if free < max(late + future, 1 if duplicates else 0) or free < 0:
        raise ValueError(f"{events} events are too few for {bots} bots and the options asked for")
    if minutes < 2:  # noqa: PLR2004 - the last one is for the sessions that are under way
        raise ValueError(f"minutes must be at least 2, not {minutes}")
    visitors = _Visitors(source, now_ms, minutes, label)
    valid: list[_Event] = []
    number = 0
    while len(valid) < free:
        # Late and future sessions come first and are kept to one event each when events are few.
        shift = -_LATE_MS if number < late else _FUTURE_MS if number < late + future else 0
        reserved = max(0, late + future - number - 1)
        most = max(1, free - len(valid) - reserved)
        valid += [
            replace(each, time_ms=each.time_ms + shift) for each in visitors.session(number, most)
        ]
        number += 1
    valid += source.sample(valid, min(duplicates, len(valid)))
    for bot in range(bots):
        valid += visitors.bot(bot)
    valid.sort(key=lambda event: (event.sent_ms, event.time_ms))
    records = [
        Record(event.session, event.encode(index), event.sent_ms)
        for index, event in enumerate(valid)
    ]
    reasons = [BROKEN_REASONS[index % len(BROKEN_REASONS)] for index in range(broken)]
    for index, reason in enumerate(reasons):
        place = source.randrange(len(records) + 1)
        sent_ms = records[place].sent_ms if place < len(records) else now_ms
        records.insert(place, Record(f"broken-{index}", _broken(reason, sent_ms, label), sent_ms))
    prefix = f"{label}-" if label else ""
    incidents = sorted((HIGH_FREQUENCY, f"{prefix}bot_{bot:03d}") for bot in range(bots))
    return Traffic(records, _tell(valid, dict(sorted(Counter(reasons).items())), incidents))


def _broken(reason: str, sent_ms: int, label: str) -> bytes:
    """Return a record that ends as a bad row with the given reason."""
    good = {
        "event_type": "page_view",
        "session_id": "session_broken",
        "timestamp": _instant(sent_ms),
        "page_url": f"/{label}/home" if label else "/home",
    }
    if reason == "not_json":
        return f'{{"event_type": "page_view", "session_id": "{label}session_bro'.encode()
    if reason == "not_an_object":
        return json.dumps(f"{label}page_view").encode()
    changes: dict[str, dict[str, str]] = {
        "missing_field:session_id": {"session_id": ""},
        "bad_timestamp": {"timestamp": "yesterday"},
        "timestamp_out_of_range": {"timestamp": _instant(sent_ms - _OUT_OF_RANGE_MS)},
        "bad_key": {"session_id": "session\u0000broken"},
    }
    return json.dumps(good | changes[reason]).encode()


def _tell(
    events: list[_Event], bad_rows: dict[str, int], incidents: list[tuple[str, str]]
) -> Truth:
    counters: dict[str, dict[str, int]] = {}
    page_views: dict[str, dict[str, int]] = {}
    visitors: dict[str, dict[str, set[str]]] = {}
    sessions: dict[str, list[_Event]] = {}
    for event in events:
        moment = _instant(event.time_ms)
        _increase(counters.setdefault(event.type, {}), moment[:16])
        sessions.setdefault(event.session, []).append(event)
        if event.type == "page_view":
            _increase(page_views.setdefault(event.page, {}), moment[:13])
            visitors.setdefault(event.page, {}).setdefault(moment[:13], set()).add(event.user)
    return Truth(
        counters=counters,
        page_views=page_views,
        visitors={
            page: {hour: len(users) for hour, users in hours.items()}
            for page, hours in visitors.items()
        },
        sessions={session: _tell_session(each) for session, each in sessions.items()},
        bad_rows=bad_rows,
        archived_events=len(events),
        incidents=incidents,
    )


def _tell_session(events: list[_Event]) -> SessionTruth:
    """Return the truth of events that are sorted by time, which differ within a session."""
    views = [event for event in events if event.type == "page_view"]
    return SessionTruth(
        event_count=len(events),
        first_activity=_instant(events[0].time_ms),
        last_activity=_instant(events[-1].time_ms),
        entry_page=views[0].page if views else None,
        exit_page=views[-1].page if views else None,
    )


def _increase(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _instant(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"
