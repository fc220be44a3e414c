"""Compares the stores with the truth, kind by kind, and counts what is too much or missing."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from simulator.alerting import CHECKOUTS
from simulator.expressions import Item
from simulator.stores import COUNTERS, PAGES, SESSIONS, Stores
from simulator.truth import CounterTruth, Truth, instant_of

COUNTER_ITEMS: Final = "counters"
PAGE_ITEMS: Final = "page views"
PAGE_LISTS: Final = "listed pages"
SKETCHES: Final = "visitor sketches"
CHANNELS: Final = "page views by channel"
SESSION_EVENTS: Final = "session events"
SESSION_ENDS: Final = "session ends"
RAW_ROWS: Final = "archived events"
BAD_ROWS: Final = "bad rows"
DEAD_LETTERS: Final = "dead-letter messages"
REFUSED_ITEMS: Final = "refused items"
PROGRESS: Final = "records that hold their shard"
INCIDENTS: Final = "incidents"
ALERTS: Final = "alerts"
FOLDED: Final = "folded alerts"
LEFT_OUT: Final = "records that the detector left out"
BALANCE: Final = "hourly balances"
ATTRIBUTES: Final = "other attributes"
KINDS: Final = (
    COUNTER_ITEMS,
    PAGE_ITEMS,
    PAGE_LISTS,
    SKETCHES,
    CHANNELS,
    SESSION_EVENTS,
    SESSION_ENDS,
    RAW_ROWS,
    BAD_ROWS,
    DEAD_LETTERS,
    REFUSED_ITEMS,
    PROGRESS,
    INCIDENTS,
    ALERTS,
    FOLDED,
    LEFT_OUT,
    BALANCE,
    ATTRIBUTES,
)
SUMS: Final = (COUNTER_ITEMS, PAGE_ITEMS, SESSION_EVENTS, RAW_ROWS, BAD_ROWS)
"""Kinds that are numbers of events or rows."""
_MOST_EXACT: Final = 96
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class Differences:
    """A check with its surplus (counted twice, false, outside) and its deficit.

    For sketches, session ends and attributes, where nothing can be summed, a wrong one is `over`
    if it holds more than the truth or something else, `lost` if it is absent.
    """

    checked: Counter[str] = field(default_factory=Counter)
    over: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    first: str = ""
    """The first difference in words."""

    @property
    def sums_differ(self) -> bool:
        """Whether more or fewer events or rows stand somewhere than were sent."""
        return any(self.over[kind] != self.lost[kind] for kind in SUMS)

    @property
    def none(self) -> bool:
        """Whether everything equals the truth."""
        return not self.over.total() and not self.lost.total()

    def wrong(self, kind: str) -> bool:
        """Whether anything of a kind differs."""
        return bool(self.over[kind] or self.lost[kind])

    def compare(self, kind: str, what: object, found: int, expected: int) -> None:
        """Compare two numbers of the same thing."""
        self.checked[kind] += expected
        if found > expected:
            self.over[kind] += found - expected
        elif found < expected:
            self.lost[kind] += expected - found
        if found != expected:
            self._remember(f"{kind}: {what} is {found}, not {expected}")

    def equal(self, kind: str, what: object, found: object, expected: object) -> None:
        """Compare two values that are right or wrong."""
        self.checked[kind] += 1
        if found != expected:
            (self.lost if found is None else self.over)[kind] += 1
            self._remember(f"{kind}: {what} is {found!r}, not {expected!r}")

    def merge(self, other: Differences) -> None:
        """Add another run's."""
        self.checked.update(other.checked)
        self.over.update(other.over)
        self.lost.update(other.lost)
        self._remember(other.first)

    def _remember(self, text: str) -> None:
        self.first = self.first or text


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Lifetimes of items in seconds."""

    page: int
    session: int
    counter: int


def compare(
    stores: Stores,
    truth: Truth,
    lifetimes: Lifetimes,
    *,
    detection: bool = True,
    versions: bool = False,
    deadly: int = 0,
) -> Differences:
    """Return how the stores differ from the truth. Nothing may stand there that is not foretold.

    With `versions`, an earlier version ran as well, which leaves what it does not know in lanes.
    `deadly`: records on which the detector dies.
    """
    found = Differences()
    _pages(found, stores, truth, lifetimes)
    _sessions(found, stores, truth, lifetimes)
    by_name: dict[str, list[Item]] = {}
    for item in stores.tables.items(COUNTERS):
        by_name.setdefault(item["metric_name"]["S"], []).append(item)
    lanes = {item["time_window"]["S"]: item for item in by_name.pop("lane", [])}
    _lanes(found, lanes, truth, versions=versions)
    _lists(found, by_name.pop("pages", []), truth, lifetimes)
    watching = by_name.pop("detector", [])
    for name in ("detector-site", "unsent", "balance", "balance-state"):
        by_name.pop(name, None)
    for name in [name for name in by_name if name.startswith("seen#")]:
        by_name.pop(name)
    incidents = by_name.pop("incident", [])
    _counters(found, [item for items in by_name.values() for item in items], truth, lifetimes)
    _objects(found, stores, truth)
    if detection:
        marks = {item["time_window"]["S"]: item["wm"]["B"] for item in watching}
        found.equal(ATTRIBUTES, "the detector's lanes", marks, truth.lanes)
        _incidents(found, incidents, stores, truth)
        _folded(found, incidents, watching, truth)
        left_out = sum(int(item["left_out"]["N"]) for item in watching if "left_out" in item)
        found.compare(LEFT_OUT, "all lanes", left_out, deadly)
    return found


def _pages(found: Differences, stores: Stores, truth: Truth, lifetimes: Lifetimes) -> None:
    items = {
        (item["page_url"]["S"], item["timestamp_hour"]["S"]): item
        for item in stores.tables.items(PAGES)
    }
    for key in items.keys() | truth.pages.keys():
        item, expected = items.get(key, {}), truth.pages.get(key)
        views = int(item["view_count"]["N"]) if item else 0
        wanted = expected.views if expected and key not in truth.refused else 0
        found.compare(PAGE_ITEMS, key, views, wanted)
        if expected is None or not item:
            continue
        sketch = item.get("visitors", {}).get("B")
        found.equal(SKETCHES, key, sketch, sketch_of(expected.visitors))
        hour = _epoch(f"{key[1].partition('#')[0]}:00")
        rest: Item = {
            "wm": {"B": expected.watermark},
            "last_updated": {"N": str(expected.last_updated)},
            "ttl": {"N": str(hour + lifetimes.page)},
            **_arrived(expected.hours),
        }
        _rest(found, key, item, rest)


def _lists(found: Differences, lists: list[Item], truth: Truth, lifetimes: Lifetimes) -> None:
    """Each page of each hour and lane must be listed, however often, and no other."""
    listed = set()
    for item in lists:
        hour, lane, _ = item["time_window"]["S"].split("#")
        listed |= {(page, f"{hour}#{lane}") for page in json.loads(item["pages"]["S"])}
        ttl = {"N": str(_epoch(f"{hour}:00") + lifetimes.page)}
        found.equal(ATTRIBUTES, f"ttl of a list of {hour}", item["ttl"], ttl)
    for key in listed | truth.pages.keys():
        found.compare(PAGE_LISTS, key, int(key in listed), int(key in truth.pages))


def _counters(found: Differences, items: list[Item], truth: Truth, lifetimes: Lifetimes) -> None:
    by_key = {(item["metric_name"]["S"], item["time_window"]["S"]): item for item in items}
    for key in by_key.keys() | truth.counters.keys():
        item = by_key.get(key, {})
        expected = truth.counters.get(key, CounterTruth())
        events = int(item["event_count"]["N"]) if item else 0
        found.compare(COUNTER_ITEMS, key, events, expected.events)
        if item and expected.events:
            ttl = _epoch(key[1].partition("#")[0]) + lifetimes.counter
            rest: Item = {"wm": {"B": expected.watermark}, "ttl": {"N": str(ttl)}}
            rest |= _arrived(expected.hours)
            _rest(found, key, item, rest)
            views = {
                name.removeprefix("channel#"): int(value["N"])
                for name, value in item.items()
                if name.startswith("channel#")
            }
            found.equal(CHANNELS, key, views, dict(truth.channels.get(key, {})))


def _sessions(found: Differences, stores: Stores, truth: Truth, lifetimes: Lifetimes) -> None:
    items = {item["session_id"]["S"]: item for item in stores.tables.items(SESSIONS)}
    for session in items.keys() | truth.sessions.keys():
        item, expected = items.get(session, {}), truth.sessions.get(session)
        count = int(item["event_count"]["N"]) if "event_count" in item else 0
        found.compare(SESSION_EVENTS, session, count, expected.events if expected else 0)
        if expected is None or not item:
            continue
        ends = {
            "first_activity": instant_of(expected.first_ms),
            "last_activity": instant_of(expected.last_ms),
            "entry_page": expected.entry and expected.entry[1],
            "exit_page": expected.exit and expected.exit[1],
            "channel": expected.channel and expected.channel[1],
        }
        for name, value in ends.items():
            found.equal(SESSION_ENDS, f"{name} of {session}", item.get(name, {}).get("S"), value)
        rest: Item = {"ttl": {"N": str(expected.last_ms // 1000 + lifetimes.session)}}
        rest |= _arrived(expected.hours)
        for lane, (events, mark) in expected.lanes.items():
            rest[f"n#{lane}"] = {"N": str(events)}
            rest[f"wm#{lane}"] = {"B": mark}
        robots = int(item.get("robot_events", {"N": "0"})["N"])
        found.compare(SESSION_EVENTS, f"robots of {session}", robots, expected.robot_events)
        _rest(found, session, item, rest)


def _lanes(found: Differences, lanes: dict[str, Item], truth: Truth, *, versions: bool) -> None:
    marks = {code: item.get("wm", {}).get("B") for code, item in lanes.items()}
    found.equal(ATTRIBUTES, "the processor's lanes", marks, truth.lanes)
    for code, item in lanes.items():
        for name in ("intent", *(() if versions else ("tries", "error", "progress", "budget"))):
            found.equal(ATTRIBUTES, f"{name} of {code}", item.get(name), None)


def _arrived(hours: Mapping[int, int]) -> Item:
    """Return the attributes of arrival hours, whose names are written in base 36."""
    found: Item = {}
    for hour, events in hours.items():
        name = "".join(_DIGITS[hour // 36**power % 36] for power in (3, 2, 1, 0))
        found[f"a{name}"] = {"N": str(events)}
    return found


def _rest(found: Differences, key: object, item: Item, expected: Item) -> None:
    for name, value in expected.items():
        found.equal(ATTRIBUTES, f"{name} of {key}", item.get(name), value)


def _objects(found: Differences, stores: Stores, truth: Truth) -> None:
    raw: Counter[tuple[str, int, int]] = Counter()
    bad: Counter[tuple[str, int, int]] = Counter()
    standing = set()
    refused: set[tuple[str, str]] = set()
    for key, stored in stores.bucket.objects.items():
        kind = key.partition("/")[0]
        if kind not in ("raw", "bad") or not stored.body:
            found.compare(ATTRIBUTES, key, 0 if kind in ("raw", "bad", "aws") else 1, 0)
            continue
        for line in gzip.decompress(stored.body).splitlines():
            row: dict[str, Any] = json.loads(line)
            if kind == "raw":
                raw[_place(row["_clickstream"])] += 1
            elif row["reason"] == "refused_item":
                refused.add((row["payload"]["page"], f"{row['payload']['hour']}#{row['lane']}"))
            else:
                bad[_place(row)] += 1
                reason = truth.bad.get(_place(row))
                found.equal(ATTRIBUTES, f"the reason of {_place(row)}", row["reason"], reason)
        if kind == "bad":
            standing.add(key)
    for item in refused | truth.refused:
        found.compare(REFUSED_ITEMS, item, int(item in refused), int(item in truth.refused))
    for place in raw.keys() | truth.raw:
        found.compare(RAW_ROWS, place, raw[place], int(place in truth.raw))
    for place in bad.keys() | truth.bad.keys():
        found.compare(BAD_ROWS, place, bad[place], int(place in truth.bad))
    told = {json.loads(message)["key"] for message in stores.queue.messages}
    # The rows of refused items stand again in the object of the batch that comes in its place.
    again = {key for key in standing - told if "-refused" in key}
    for key in (told | standing) - again:
        found.compare(DEAD_LETTERS, key, int(key in told), int(key in standing))


def _incidents(found: Differences, items: list[Item], stores: Stores, truth: Truth) -> None:
    minutes = {
        (item["rule"]["S"], item["session_id"]["S"], item["time_window"]["S"][:16])
        for item in items
        if "folded" not in item
    }
    single = sum("folded" not in item for item in items)
    found.compare(INCIDENTS, "items of one incident", single, len(minutes))
    found.checked[INCIDENTS] -= len(minutes)
    alerting = truth.alerting
    for incident in minutes | alerting.told:
        possible = incident in alerting.told or (
            incident[0] == CHECKOUTS and incident in alerting.incidents
        )
        found.compare(INCIDENTS, incident, int(incident in minutes), int(possible))
    told = {json.loads(each["Message"])["incident_id"] for each in stores.topic.messages}
    standing = {item["incident_id"]["S"] for item in items}
    for identity in told | standing:
        found.compare(ALERTS, identity, int(identity in told), int(identity in standing))


def _folded(found: Differences, items: list[Item], watching: list[Item], truth: Truth) -> None:
    """Every subject stands alone or is counted, by rule; the lanes' items say the same."""
    counted: Counter[str] = Counter()
    for item in items:
        if "folded" in item:
            counted[item["rule"]["S"]] += int(item["folded"]["N"])
    by_lanes = sum(int(item["folded"]["N"]) for item in watching if "folded" in item)
    found.compare(FOLDED, "in the lanes", by_lanes, counted.total())
    alerting = truth.alerting
    checkouts = counted.pop(CHECKOUTS, 0)
    for rule in counted.keys() | alerting.folded.keys():
        found.compare(FOLDED, rule, counted[rule], alerting.folded[rule])
    alone = len({item["session_id"]["S"] for item in items if _is_checkout(item)})
    possible = len({session for rule, session, _ in alerting.incidents if rule == CHECKOUTS})
    found.compare(FOLDED, "least checkouts", min(alone + checkouts, possible), possible)
    # After a failed attempt others may be folded: an incident that was put by it still stands.
    found.compare(FOLDED, "most checkouts", max(checkouts, alerting.verdicts), alerting.verdicts)


def _is_checkout(item: Item) -> bool:
    return item["rule"]["S"] == CHECKOUTS and "folded" not in item


def sketch_of(hashes: set[bytes]) -> bytes:
    """Return the bytes of a page item's `visitors` for a set of 8-byte hashes."""
    if len(hashes) <= _MOST_EXACT:
        return b"\x01" + b"".join(sorted(hashes))
    registers = [0] * 1024
    for each in hashes:
        number = int.from_bytes(each, "big")
        index, rest = number >> 54, number & (1 << 54) - 1
        registers[index] = max(registers[index], 55 - rest.bit_length())
    packed = 0
    for register in registers:
        packed = packed << 6 | register
    return b"\x02" + packed.to_bytes(768, "big")


def _place(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["lane"], int(row["sequence"]), row["sub"]


def _epoch(minute: str) -> int:
    return int(datetime.strptime(minute, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp())
