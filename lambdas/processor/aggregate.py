"""From the events of a batch to what each item gains. Pure.

The unit of every item is its list of contributions, one per Kinesis record, in lane order: a
failed condition drops the leading ones that the item already holds and keeps the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from clickstream_layout.tables import (
    CHANNEL_PREFIX,
    arrived_in,
    counter_name,
    page_name,
    with_lane,
)
from shared.channels import DIRECT
from shared.timestamps import hour_text, minute_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clickstream_layout.tables import AgentClass
    from shared.records import Event

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


class Contribution(Protocol):
    """Contribution of one Kinesis record to one item."""

    @property
    def sequence(self) -> int:
        """The record's sequence number."""


AnyContribution = TypeVar("AnyContribution", bound=Contribution)


@dataclass(slots=True)
class Count:
    """Events of one type in one minute, of a record that arrived at `arrival_ms`.

    `channels`: page views by channel.
    """

    sequence: int
    events: int = 0
    arrival_ms: int = 0
    channels: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Views:
    """Views of one page in one hour; `arrival_ms` is the greatest among them."""

    sequence: int
    views: int = 0
    arrival_ms: int = 0
    visitors: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class Activity:
    """Events of one session. `entry` and `exit` are (order key, page) of its page views.

    `arrival_ms` as in `Count`; a sum of several has none.
    `channel`: (order key, channel) of the last page view that came by one, unless it is `Direct`.
    `agents`: events by class of agent, without those of people.
    """

    sequence: int
    first_ms: int
    last_ms: int
    events: int = 0
    entry: tuple[str, str] | None = None
    exit: tuple[str, str] | None = None
    user_agent: str | None = None
    arrival_ms: int = 0
    channel: tuple[str, str] | None = None
    agents: dict[AgentClass, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gains:
    """All items that a batch changes, each with its contributions in lane order.

    Keys: pages (`page_name`, hour since 1970), sessions (id), counters (`counter_name`, minute
    since 1970).
    """

    pages: dict[tuple[str, int], list[Views]]
    sessions: dict[str, list[Activity]]
    counters: dict[tuple[str, int], list[Count]]


def aggregate(events: Iterable[Event]) -> Gains:
    """Return what each item gains from the events of one lane, given in lane order."""
    gains = Gains({}, {}, {})
    for event in events:
        if event.repeated:
            continue
        sequence = event.sequence
        name = counter_name(event.type, event.agent_class)
        counts = gains.counters.setdefault((name, event.time_ms // MINUTE_MS), [])
        if not counts or counts[-1].sequence != sequence:
            counts.append(Count(sequence, arrival_ms=event.arrival_ms))
        counts[-1].events += 1
        if event.channel is not None:
            channels = counts[-1].channels
            channels[event.channel] = channels.get(event.channel, 0) + 1
        _add_activity(gains.sessions.setdefault(event.session, []), event)
        if event.is_page_view and event.page is not None:
            page = page_name(event.page, event.agent_class)
            views = gains.pages.setdefault((page, event.time_ms // HOUR_MS), [])
            if not views or views[-1].sequence != sequence:
                views.append(Views(sequence))
            last = views[-1]
            last.views += 1
            last.arrival_ms = max(last.arrival_ms, event.arrival_ms)
            last.visitors.add(event.visitor)
    return gains


def items_of(event: Event) -> Iterator[tuple[str, ...]]:
    """Yield what stands for each item that `aggregate` lets an event change."""
    counter = counter_name(event.type, event.agent_class)
    yield "counter", counter, str(event.time_ms // MINUTE_MS)
    yield "session", event.session
    if event.is_page_view and event.page is not None:
        yield "page", page_name(event.page, event.agent_class), str(event.time_ms // HOUR_MS)


def _add_activity(activities: list[Activity], event: Event) -> None:
    if not activities or activities[-1].sequence != event.sequence:
        activities.append(Activity(event.sequence, event.time_ms, event.time_ms))
    activity = activities[-1]
    activity.arrival_ms = event.arrival_ms
    activity.events += 1
    activity.first_ms = min(activity.first_ms, event.time_ms)
    activity.last_ms = max(activity.last_ms, event.time_ms)
    activity.user_agent = event.user_agent or activity.user_agent
    if event.agent_class != "Human":
        activity.agents[event.agent_class] = activity.agents.get(event.agent_class, 0) + 1
    if event.channel not in (None, DIRECT):
        found = (order_key(event), str(event.channel))
        activity.channel = found if activity.channel is None else max(activity.channel, found)
    if event.is_page_view and event.page is not None:
        view = (order_key(event), event.page)
        activity.entry = view if activity.entry is None else min(activity.entry, view)
        activity.exit = view if activity.exit is None else max(activity.exit, view)


def order_key(event: Event) -> str:
    """Return text that orders page views by event time, then by place in the stream."""
    return f"{event.time_ms:015d}#{event.sequence:058d}#{event.sub:05d}"


def merge_activities(activities: Sequence[Activity]) -> Activity:
    """Return the sum of at least one contribution, with the last one's sequence."""
    entries = [activity.entry for activity in activities if activity.entry is not None]
    exits = [activity.exit for activity in activities if activity.exit is not None]
    user_agents = [activity.user_agent for activity in activities if activity.user_agent]
    channels = [activity.channel for activity in activities if activity.channel is not None]
    agents: dict[AgentClass, int] = {}
    for activity in activities:
        for agent_class, events in activity.agents.items():
            agents[agent_class] = agents.get(agent_class, 0) + events
    return Activity(
        sequence=activities[-1].sequence,
        first_ms=min(activity.first_ms for activity in activities),
        last_ms=max(activity.last_ms for activity in activities),
        events=sum(activity.events for activity in activities),
        entry=min(entries, default=None),
        exit=max(exits, default=None),
        user_agent=user_agents[-1] if user_agents else None,
        channel=max(channels, default=None),
        agents=agents,
    )


def by_arrival(contributions: Iterable[Count | Views | Activity]) -> dict[str, int]:
    """Return the events of contributions by the attribute of the hour in which they arrived."""
    hours: dict[int, int] = {}
    for each in contributions:
        hour = each.arrival_ms // HOUR_MS
        events = each.views if isinstance(each, Views) else each.events
        hours[hour] = hours.get(hour, 0) + events
    return {arrived_in(hour): events for hour, events in hours.items()}


def by_channel(counts: Iterable[Count]) -> dict[str, int]:
    """Return the page views of contributions by the attribute of their channel."""
    views: dict[str, int] = {}
    for each in counts:
        for channel, number in each.channels.items():
            attribute = f"{CHANNEL_PREFIX}{channel}"
            views[attribute] = views.get(attribute, 0) + number
    return views


def after(contributions: Sequence[AnyContribution], watermark: int) -> Sequence[AnyContribution]:
    """Return the contributions above a watermark."""
    if contributions and contributions[0].sequence > watermark:
        return contributions
    return [each for each in contributions if each.sequence > watermark]


def minute_key(minute: int, lane_code: str) -> str:
    """Return the sort key of a counter item."""
    return with_lane(minute_text(minute), lane_code)


def hour_key(hour: int, lane_code: str) -> str:
    """Return the sort key of a page item."""
    return with_lane(hour_text(hour), lane_code)
