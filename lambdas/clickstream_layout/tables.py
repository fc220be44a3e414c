"""Keys of the items in the three tables, and the attributes that carry a lane in their name.

The key attributes are those of the original's Terraform, so that its tables can be adopted.
"""

from __future__ import annotations

from typing import Any, Final, Literal

PAGE_KEY = ("page_url", "timestamp_hour")
SESSION_KEY = ("session_id",)
COUNTER_KEY = ("metric_name", "time_window")

COUNTER_PREFIX = "events_per_minute_"
"""Partition keys of counters: this and the event type, as in the original."""
PAGES = "pages"
"""Partition key of the lists of pages."""
INCIDENT = "incident"
"""Partition key of incidents."""
UNSENT_KEYS = "unsent"
"""Partition key of the keys of incidents whose messages may have to be sent."""
LANE = "lane"
"""Partition key of the processor's lane items."""
DETECTOR = "detector"
"""Partition key of the detector's lane items."""
SITE = "detector-site"
"""Partition key of the detector's state of the whole site."""
SEEN_PREFIX = "seen#"
"""Partition keys of the ids that a lane has seen of late: this and the lane code."""
BALANCE = "balance"
"""Partition key of the balances of hours; the sort key is the hour, `YYYY-MM-DDTHH`."""
BALANCE_STATE = "balance-state"
"""Partition key of how far hours have been balanced."""

WATERMARK_PREFIX = "wm#"
"""Attribute of a session item: this and the lane code; the watermark of the lane."""
COUNT_PREFIX = "n#"
"""Attribute of a session item: this and the lane code; the lane's events."""

CHANNEL_PREFIX = "channel#"
"""Attribute of a counter item: this and a channel; the page views that came by it."""

_LANE_MARK = "#"

Key = dict[str, dict[str, Any]]
AgentClass = Literal["Human", "Suspected", "Robot", "AIAgent"]
AGENT_EVENTS: Final[dict[AgentClass, str]] = {
    "Suspected": "suspected_events",
    "Robot": "robot_events",
    "AIAgent": "ai_agent_events",
}
"""Attribute of a session item by class of agent, but for people: its events. In order of weight."""
AGENT_CLASSES: Final[tuple[AgentClass, ...]] = ("Human", *AGENT_EVENTS)
_COUNTER_MARKS: Final[dict[AgentClass, str]] = {
    "Suspected": "suspected_",
    "Robot": "robot_",
    "AIAgent": "ai_agent_",
}


def counter_name(event_type: str, agent_class: AgentClass = "Human") -> str:
    """Return the partition key of counters: `robot_events_per_minute_<type>` for robots."""
    return f"{_COUNTER_MARKS.get(agent_class, '')}{COUNTER_PREFIX}{event_type}"


def page_name(page: str, agent_class: AgentClass = "Human") -> str:
    """Return the partition key of page items: `Robot /products` for robots.

    No page key has a space in it, so no page of people has such a key.
    """
    return page if agent_class == "Human" else f"{agent_class} {page}"


def page_of(name: str) -> tuple[AgentClass, str]:
    """Return the class of agent and the page of a partition key."""
    for agent_class in AGENT_EVENTS:
        if name.startswith(f"{agent_class} "):
            return agent_class, name.removeprefix(f"{agent_class} ")
    return "Human", name


def page_key(page: str, hour_and_lane: str) -> Key:
    """Return the key of a page item; the sort key is made by `with_lane`."""
    return {"page_url": {"S": page}, "timestamp_hour": {"S": hour_and_lane}}


def session_key(session: str) -> Key:
    """Return the key of a session item."""
    return {"session_id": {"S": session}}


def counter_key(name: str, window: str) -> Key:
    """Return the key of an item in the counters table, which several kinds of items share."""
    return {"metric_name": {"S": name}, "time_window": {"S": window}}


def arrived_in(hour: int) -> str:
    """Return the attribute of a page, session or counter item with its events of an arrival hour.

    `a` and the hour since 1970 in base 36: five bytes, because a page item is close to 1 KB.
    """
    digits = ""
    while hour:
        hour, digit = divmod(hour, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return f"a{digits}"


def with_lane(time: str, lane_code: str) -> str:
    """Return the sort key of an item of one lane: a minute or an hour, and the lane code."""
    return f"{time}{_LANE_MARK}{lane_code}"


def without_lane(sort_key: str) -> str:
    """Return the minute or hour of a sort key; the original's items have nothing else in it."""
    return sort_key.partition(_LANE_MARK)[0]
