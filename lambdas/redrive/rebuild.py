"""Page and counter items of an hour, and whole sessions, computed again from the archive.

Of each lane the contributions up to its end count: what is above it is still at work. An item is
replaced only if it is as it was when it was read, and only by one that holds at least as much: less
means that the archive lacks objects, and is reported instead.

A rebuilt item of an hour that is over equals the live one in every attribute, unless a failed batch
was added, because each attribute is a function of the lane's contributions alone. (A session's
`user_agent` is not, and stays.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from clickstream_layout.tables import (
    AGENT_EVENTS,
    COUNT_PREFIX,
    WATERMARK_PREFIX,
    counter_key,
    page_key,
    session_key,
)
from processor.aggregate import (
    HOUR_MS,
    Activity,
    aggregate,
    by_arrival,
    by_channel,
    hour_key,
    merge_activities,
    minute_key,
)
from processor.page_items import PageCopy, grow
from processor.page_lists import PageLists
from processor.session_items import LONGEST_AGENT, UNKNOWN_AGENT
from redrive.objects import Snapshot
from redrive.settled_lanes import LaneEnds
from shared.conditional_write import REFUSED_ITEM, error_code
from shared.lanes import NOTHING, decode_watermark, encode_watermark
from shared.timestamps import hour_text, instant_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from processor.aggregate import AnyContribution, Count, Views
    from shared.config import Config
    from shared.records import Event

Item = dict[str, dict[str, Any]]
_MOST_ATTEMPTS = 5
_DAY_HOURS = 24
_MINUTES = 60


class MovedError(Exception):
    """A function changed the item meanwhile."""


@dataclass(slots=True)
class Rebuilt:
    """Numbers of items that were replaced, were right already, and are past their lifetime.

    `incomplete`: items that hold more than the archive; `refused`: those that DynamoDB refuses;
    `absent`: sessions that have no item, and no event in the archive within their lifetime.
    """

    replaced: int = 0
    equal: int = 0
    expired: int = 0
    incomplete: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


class Rebuilder:
    """Rebuilds items of one pipeline. `clock` is in epoch seconds."""

    def __init__(
        self, config: Config, *, dynamodb: Any, s3: Any, clock: Callable[[], float]
    ) -> None:
        self._config = config
        self._dynamodb = dynamodb
        self._s3 = s3
        self._clock = clock
        future = -(-config.max_future_seconds // 3600)
        past = -(-config.max_past_seconds // 3600)
        # An object stands under the hour of its first record, which may be the stream's oldest.
        self._before = future + config.ttl.lane_hours
        self._after = past + 1

    def rebuild_hours(self, hours: Collection[int]) -> Rebuilt:
        """Rebuild the page and counter items of hours since 1970.

        Raises:
            ValueError: the archive is off.
            RuntimeError: items or the archive changed all the time: try again later.
            UnreadableLineError: `events.fields` is not what it was.
            ClientError: AWS's; the whole call again is safe.
        """
        return self._attempt(lambda result: self._rebuild_hours(frozenset(hours), result))

    def rebuild_sessions(self, sessions: Collection[str]) -> Rebuilt:
        """Rebuild session items whole; raises as `rebuild_hours` does."""
        return self._attempt(lambda result: self._rebuild_sessions(frozenset(sessions), result))

    def _attempt(self, rebuild: Callable[[Rebuilt], None]) -> Rebuilt:
        if not self._config.archive_enabled:
            raise ValueError("archive.enabled is false: there is nothing to rebuild from")
        for _ in range(_MOST_ATTEMPTS):
            result = Rebuilt()
            try:
                rebuild(result)
            except MovedError:
                continue
            return result
        raise RuntimeError("the items are still being written: try again later")

    def _read(
        self, hours: range, wanted: Callable[[Event], bool]
    ) -> tuple[LaneEnds, dict[str, list[Event]]]:
        """Return the lanes' ends, then the wanted events of each lane in its order."""
        ends = LaneEnds(self._dynamodb, self._config.tables.counters)
        snapshot = Snapshot(self._config, self._s3, hours)
        lanes: dict[str, list[Event]] = {}
        for code, event in snapshot.read():
            ends.of(code)
            if wanted(event):
                lanes.setdefault(code, []).append(event)
        for events in lanes.values():
            events.sort(key=lambda event: (event.sequence, event.sub))
        return ends, lanes

    def _rebuild_hours(self, hours: frozenset[int], result: Rebuilt) -> None:
        if not hours:
            return
        span = range(min(hours) - self._before, max(hours) + self._after + 1)
        ends, lanes = self._read(span, lambda event: event.time_ms // HOUR_MS in hours)
        tables = self._config.tables
        for code, events in lanes.items():
            gains = aggregate(events)
            self._list_new(code, gains.pages)
            for (page, hour), views in gains.pages.items():
                key = page_key(page, hour_key(hour, code))
                ttl = hour * 3600 + self._config.ttl.page_metrics_days * _DAY_HOURS * 3600
                self._replace(tables.page_metrics, key, views, ends.of(code), ttl, _page, result)
            for (name, minute), counts in gains.counters.items():
                key = counter_key(name, minute_key(minute, code))
                ttl = minute * _MINUTES + self._config.ttl.counters_hours * 3600
                self._replace(tables.counters, key, counts, ends.of(code), ttl, _counter, result)

    def _list_new(self, code: str, pages: Iterable[tuple[str, int]]) -> None:
        """List the pages that the live functions, which list each before its item, have not."""
        table, days = self._config.tables.page_metrics, self._config.ttl.page_metrics_days
        oldest = self._clock() / 3600 - days * _DAY_HOURS
        new = [
            (page, hour)
            for page, hour in pages
            if hour >= oldest and not self._get(table, page_key(page, hour_key(hour, code)))
        ]
        PageLists(self._dynamodb, self._config.tables.counters, days).write(code, new)

    def _replace(  # noqa: PLR0917 - one item, told in full
        self,
        table: str,
        key: Item,
        contributions: Sequence[AnyContribution],
        end: int,
        ttl: int,
        build: Callable[[Sequence[AnyContribution]], tuple[str, Item]],
        result: Rebuilt,
    ) -> None:
        if ttl < self._clock():
            result.expired += 1
            return
        old = self._get(table, key)
        watermark = decode_watermark(old["wm"]["B"]) if "wm" in old else NOTHING
        counted = _settled(contributions, end, watermark)
        if not counted:
            return
        count_name, attributes = build(counted)
        item = {
            **key,
            **attributes,
            "wm": {"B": encode_watermark(counted[-1].sequence)},
            "ttl": {"N": str(ttl)},
        }
        self._put(table, item, old, count_name, "wm", result)

    def _rebuild_sessions(self, sessions: frozenset[str], result: Rebuilt) -> None:
        if not sessions:
            return
        table = self._config.tables.session_metrics
        old = {name: self._get(table, session_key(name)) for name in sessions}
        now = int(self._clock() // 3600)
        oldest = now - self._config.ttl.session_metrics_hours
        starts = [item["first_activity"]["S"] for item in old.values() if "first_activity" in item]
        while starts and min(starts)[:13] < hour_text(oldest):
            oldest -= _DAY_HOURS
        span = range(oldest - self._before, now + 2)
        ends, lanes = self._read(span, lambda event: event.session in sessions)
        activities: dict[str, dict[str, list[Activity]]] = {name: {} for name in sessions}
        for code, events in lanes.items():
            for session, found in aggregate(events).sessions.items():
                activities[session][code] = found
        for session, by_lane in activities.items():
            # Read again: the archive was read in between.
            item = self._get(table, session_key(session))
            if not item and not by_lane:
                result.absent.append(session)
                continue
            self._replace_session(session, item, by_lane, ends, result)

    def _replace_session(
        self,
        session: str,
        old: Item,
        by_lane: Mapping[str, Sequence[Activity]],
        ends: LaneEnds,
        result: Rebuilt,
    ) -> None:
        item: Item = session_key(session)
        parts: list[Activity] = []
        settled: list[Activity] = []
        for code, activities in by_lane.items():
            name = f"{WATERMARK_PREFIX}{code}"
            watermark = decode_watermark(old[name]["B"]) if name in old else NOTHING
            counted = _settled(activities, ends.of(code), watermark)
            if counted:
                part = merge_activities(counted)
                parts.append(part)
                settled += counted
                item[name] = {"B": encode_watermark(part.sequence)}
                item[f"{COUNT_PREFIX}{code}"] = {"N": str(part.events)}
        lost = [
            name
            for name, value in old.items()
            if name.startswith(COUNT_PREFIX)
            and int(value["N"]) > int(item.get(name, {"N": "0"})["N"])
        ]
        if lost:
            result.incomplete.append(f"session {session}")
            return
        if not parts:
            return
        total = merge_activities(parts)
        ttl = total.last_ms // 1000 + self._config.ttl.session_metrics_hours * 3600
        if ttl < self._clock():
            result.expired += 1
            return
        agent = total.user_agent or UNKNOWN_AGENT
        item |= {
            "event_count": {"N": str(total.events)},
            "first_activity": {"S": instant_text(total.first_ms)},
            "last_activity": {"S": instant_text(total.last_ms)},
            "user_agent": old.get("user_agent", {"S": agent[:LONGEST_AGENT]}),
            "ttl": {"N": str(ttl)},
            **_arrived(settled),
        }
        if total.entry is not None and total.exit is not None:
            item |= {
                "entry_key": {"S": total.entry[0]},
                "entry_page": {"S": total.entry[1]},
                "exit_key": {"S": total.exit[0]},
                "exit_page": {"S": total.exit[1]},
            }
        if total.channel is not None:
            item |= {"channel_key": {"S": total.channel[0]}, "channel": {"S": total.channel[1]}}
        for agent_class, events in total.agents.items():
            item[AGENT_EVENTS[agent_class]] = {"N": str(events)}
        self._put(
            self._config.tables.session_metrics, item, old, "event_count", "event_count", result
        )

    def _get(self, table: str, key: Item) -> Item:
        answer = self._dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
        item: Item = answer.get("Item", {})
        return item

    def _put(  # noqa: PLR0917 - as `_replace`
        self, table: str, item: Item, old: Item, count: str, guard: str, result: Rebuilt
    ) -> None:
        """Put the item in the place of `old` if `guard`, which every write changes, is the same."""
        if item == old:
            result.equal += 1
            return
        if count in old and int(old[count]["N"]) > int(item[count]["N"]):
            result.incomplete.append(_name(item))
            return
        names = {"#g": guard}
        request: dict[str, Any] = {"TableName": table, "Item": item}
        if guard in old:
            request |= {
                "ConditionExpression": "#g = :g",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {":g": old[guard]},
            }
        else:
            request |= {
                "ConditionExpression": "attribute_not_exists(#g)",
                "ExpressionAttributeNames": names,
            }
        try:
            self._dynamodb.put_item(**request)
        except ClientError as error:
            if error_code(error) in REFUSED_ITEM:
                # This item alone: the others can be repaired.
                result.refused.append(f"{_name(item)}: {error_code(error)}")
                return
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            raise MovedError from error
        result.replaced += 1


def _name(item: Item) -> str:
    """Return the key of an item that begins with it, for people."""
    return " ".join(part["S"] for part in list(item.values())[:2] if "S" in part)


def _settled(
    contributions: Sequence[AnyContribution], end: int, watermark: int
) -> list[AnyContribution]:
    """Return the contributions that belong into an item now.

    Raises:
        MovedError: the item holds one that came after the archive was read.
    """
    if watermark > end and all(each.sequence != watermark for each in contributions):
        raise MovedError
    most = max(end, watermark)
    return [each for each in contributions if each.sequence <= most]


def _page(contributions: Sequence[Views]) -> tuple[str, Item]:
    copy = grow(PageCopy(), contributions)
    return "view_count", {
        "view_count": {"N": str(sum(each.views for each in contributions))},
        "visitors": {"B": copy.visitors.encode()},
        "last_updated": {"N": str(copy.last_updated)},
        **_arrived(contributions),
    }


def _counter(contributions: Sequence[Count]) -> tuple[str, Item]:
    return "event_count", {
        "event_count": {"N": str(sum(each.events for each in contributions))},
        **{name: {"N": str(views)} for name, views in by_channel(contributions).items()},
        **_arrived(contributions),
    }


def _arrived(contributions: Sequence[Count | Views | Activity]) -> Item:
    return {name: {"N": str(events)} for name, events in by_arrival(contributions).items()}
