"""Truth of the stores after a run, computed from the records that were put, by no handler.

Every item is predicted whole, attribute by attribute, so that a right sum with a wrong watermark or
a wrong expiry is an error too. Detection is predicted lane by lane, as the detector's rules say.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from simulator.alerting import Alerting, minute_of
from simulator.traffic import SentEvent

if TYPE_CHECKING:
    from simulator.judge import Judge

_WATERMARK_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """One row and where it was put; `arrival_ms` is the record's."""

    sequence: int
    sub: int
    arrival_ms: int
    row: SentEvent | str


@dataclass(frozen=True, slots=True)
class PlacedLane:
    """A lane with its rows in order, and the sequence number of its last record."""

    epoch: str
    shard: str
    rows: tuple[PlacedRow, ...]
    last: int
    parents: tuple[str, ...] = ()
    """Names of the shards that it came from by a reshard."""

    @property
    def code(self) -> str:
        """Return the lane's code in keys and attribute names."""
        digest = hashlib.sha256(f"{self.epoch}/{self.shard}".encode()).digest()
        return base64.b32encode(digest).decode()[:8].lower()


@dataclass(slots=True)
class PageTruth:
    """One page item; `hours` as in `CounterTruth`."""

    views: int = 0
    visitors: set[bytes] = field(default_factory=set)
    watermark: bytes = b""
    last_updated: int = 0
    hours: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class CounterTruth:
    """One counter item; `hours`: its events by the hour since 1970 in which they arrived."""

    events: int = 0
    watermark: bytes = b""
    hours: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class SessionTruth:
    """One session item. Keys of views are (time in ms, sequence, sub); `hours` as above."""

    events: int = 0
    lanes: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    first_ms: int = 1 << 62
    last_ms: int = 0
    entry: tuple[tuple[int, int, int], str] | None = None
    exit: tuple[tuple[int, int, int], str] | None = None
    hours: Counter[int] = field(default_factory=Counter)
    channel: tuple[tuple[int, int, int], str] | None = None
    robot_events: int = 0


@dataclass(slots=True)
class Truth:
    """All that must stand, by table key; rows of the archive by (lane, sequence, sub)."""

    pages: dict[tuple[str, str], PageTruth] = field(default_factory=dict)
    sessions: dict[str, SessionTruth] = field(default_factory=dict)
    counters: dict[tuple[str, str], CounterTruth] = field(default_factory=dict)
    channels: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """By counter, its page views by channel."""
    raw: set[tuple[str, int, int]] = field(default_factory=set)
    bad: dict[tuple[str, int, int], str] = field(default_factory=dict)
    lanes: dict[str, bytes] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Keys of page items that can't be written; a bad row stands for each."""
    alerting: Alerting = field(default_factory=Alerting)


def watermark(sequence: int) -> bytes:
    """Return a sequence number as items hold it."""
    return sequence.to_bytes(_WATERMARK_BYTES, "big")


def tell(
    lanes: Iterable[PlacedLane],
    visitor: Callable[[SentEvent], bytes],
    *,
    rate: int,
    ceiling: int,
    judge: Judge | None = None,
    refused: str = "",
    deduplicate_seconds: int = 0,
) -> Truth:
    """Return the truth about lanes, given with parents before children.

    Args:
        lanes: all that was put.
        visitor: the hash under which an event's user is counted.
        rate: events of a session in a minute that are still not too many.
        ceiling: incidents of one rule and lane that may begin in a minute.
        judge: tells what budgets cut, if they may.
        refused: the page whose items can't be written.
        deduplicate_seconds: the window within which events of one id count once.
    """
    truth = Truth()
    repeats = _Repeats(deduplicate_seconds * 1000)
    for given in lanes:
        lane = given if judge is None else _judged(given, judge)
        repeats.begin(lane)
        if lane.last >= 0:
            truth.lanes[lane.code] = watermark(lane.last)
        for placed in lane.rows:
            place = (lane.code, placed.sequence, placed.sub)
            if isinstance(placed.row, str):
                truth.bad[place] = placed.row
                continue
            truth.raw.add(place)
            if repeats.note(lane, placed, placed.row):
                continue
            _add(truth, lane.code, placed, placed.row, visitor)
        rows = [(placed.arrival_ms, placed.row) for placed in lane.rows]
        truth.alerting.add(rows, rate=rate, ceiling=ceiling)
    truth.refused = {key for key in truth.pages if key[0] == refused}
    return truth


class _Repeats:
    """Which events were seen before in their lane or those that it came from."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._seen: dict[str, list[tuple[int, str]]] = {}

    def begin(self, lane: PlacedLane) -> None:
        """Begin with a lane, whose parents are whole by now, by what they have seen."""
        self._seen[lane.shard] = sorted(
            one for name in lane.parents for one in self._seen.get(name, ())
        )

    def note(self, lane: PlacedLane, placed: PlacedRow, event: SentEvent) -> bool:
        """Note an event of a lane, given in order; returns whether it is a repeat."""
        if not self._span_ms or not event.id:
            return False
        own = self._seen[lane.shard]
        clock = max([placed.arrival_ms, *(seen for seen, _ in own)])
        repeated = any(
            seen >= clock - self._span_ms and identity == event.id for seen, identity in own
        )
        own.append((clock, event.id))
        return repeated


def _judged(lane: PlacedLane, judge: Judge) -> PlacedLane:
    rows: list[PlacedRow] = []
    for sequence, group in groupby(lane.rows, key=lambda placed: placed.sequence):
        record = list(group)
        judged = judge.rows(lane.code, sequence, [placed.row for placed in record])
        rows += [replace(one, row=row) for one, row in zip(record, judged, strict=True)]
    return replace(lane, rows=tuple(rows))


def _add(
    truth: Truth,
    lane: str,
    placed: PlacedRow,
    event: SentEvent,
    visitor: Callable[[SentEvent], bytes],
) -> None:
    mark = watermark(placed.sequence)
    mine = "robot_" if event.is_robot else ""
    counter = (f"{mine}events_per_minute_{event.type}", f"{minute_of(event.time_ms)}#{lane}")
    count = truth.counters.setdefault(counter, CounterTruth())
    count.events += 1
    count.watermark = mark
    hour = placed.arrival_ms // 3_600_000
    count.hours[hour] += 1
    session = truth.sessions.setdefault(event.session, SessionTruth())
    session.events += 1
    session.hours[hour] += 1
    session.lanes[lane] = (session.lanes.get(lane, (0, b""))[0] + 1, mark)
    session.first_ms = min(session.first_ms, event.time_ms)
    session.last_ms = max(session.last_ms, event.time_ms)
    session.robot_events += event.is_robot
    if event.type != "page_view":
        return
    view = ((event.time_ms, placed.sequence, placed.sub), event.page)
    session.entry = view if session.entry is None else min(session.entry, view)
    session.exit = view if session.exit is None else max(session.exit, view)
    channel = str(event.channel)
    truth.channels.setdefault(counter, Counter())[channel] += 1
    if channel != "Direct":
        came = view[0], channel
        session.channel = came if session.channel is None else max(session.channel, came)
    name = f"Robot {event.page}" if event.is_robot else event.page
    key = (name, f"{minute_of(event.time_ms)[:13]}#{lane}")
    page = truth.pages.setdefault(key, PageTruth())
    page.hours[hour] += 1
    page.views += 1
    page.visitors.add(visitor(event))
    page.watermark = mark
    page.last_updated = max(page.last_updated, placed.arrival_ms)


def instant_of(time_ms: int) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.mmmZ`."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ms // 1000))
    return f"{seconds}.{time_ms % 1000:03d}Z"
