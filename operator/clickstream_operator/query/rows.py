"""Values of a pipeline's results, read from items with their lanes merged."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clickstream_layout.sketch import Visitors, count_union
from clickstream_layout.tables import (
    AGENT_EVENTS,
    CHANNEL_PREFIX,
    COUNTER_KEY,
    PAGE_KEY,
    AgentClass,
    without_lane,
)
from clickstream_operator.query.families import Families, families

FASTEST = 50
"""Events of a session in a minute that are not more than people make."""


@dataclass(frozen=True, slots=True)
class PageHour:
    """Views of a page in an hour; `unique_visitors` is exact to 96, then within about 3 %."""

    views: int
    unique_visitors: int
    last_updated_ms: int


@dataclass(frozen=True, slots=True)
class TopPage:
    """A page in a span of hours; `unique_visitors` as in `PageHour`, over all of them."""

    page: str
    views: int
    unique_visitors: int


@dataclass(frozen=True, slots=True)
class SiteViews:
    """Views of all pages in a span of hours; `unique_visitors` as in `PageHour`."""

    views: int
    unique_visitors: int
    hours: dict[str, PageHour]
    pages: list[TopPage]
    """Every page that was viewed, most views first."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session; times are ISO 8601 in UTC, and pages are None without a page view.

    `channel` is the last one that is not `Direct`, so of an open session it may change.
    `agent_class` is the weightiest class of its events; of people whose events are faster than
    anybody clicks, more than 50 a minute over the whole session, it is `Suspected`.
    """

    session_id: str
    event_count: int
    first_activity: str | None
    last_activity: str | None
    entry_page: str | None
    exit_page: str | None
    user_agent: str | None
    agent_class: AgentClass = "Human"
    channel: str | None = None

    @property
    def families(self) -> Families:
        """Browser, system and device, as its user agent tells them."""
        return families(self.user_agent)


@dataclass(frozen=True, slots=True)
class Incident:
    """An anomaly, of a session, a page, a network or (empty subject) the site.

    `sent`, and `over_sent` once it is over: 0 message due, 1 published, 2 no topic was configured.
    `folded` is above 0 in a summary: so many subjects that no incident of their own was made for.
    """

    incident_id: str
    rule: str
    severity: str
    session_id: str
    event_time: str
    details: str
    sent: int
    scope: str = "Session"
    subject: str = ""
    over: str | None = None
    over_sent: int | None = None
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of an hour, or of several from `hour` until before `until` (`YYYY-MM-DDTHH`).

    `verdict` is Balanced, Different or Unknown; `differences` by reason what is too much (above 0)
    or missing; `numbers` what the lanes received, counted and archived, and as `found_...` what
    stood in tables and bucket.
    """

    hour: str
    until: str
    verdict: str
    reasons: tuple[str, ...]
    differences: dict[str, int]
    numbers: dict[str, int]


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """One archived event with its place in the stream; times in UTC ms.

    `channel` is that of a page view that came from elsewhere.

    `event_id` is the producer's (`events.fields.id`): events that it sent twice share it. Those
    that `events.deduplicateSeconds` left out of all counts are `repeated`.
    """

    lane: str
    sequence: int
    sub: int
    arrival_ms: int
    time_ms: int
    visitor: str
    event: dict[str, Any]
    event_id: str | None = None
    agent_class: AgentClass = "Human"
    channel: str | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """One rejected row, with its payload after the rules of privacy."""

    lane: str
    sequence: int
    sub: int
    arrival_ms: int
    reason: str
    detail: str
    payload: Any


def _by_time(items: Iterable[dict[str, Any]], sort: str) -> dict[str, list[dict[str, Any]]]:
    """Group items by their sort key without its lane."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        groups.setdefault(without_lane(item[sort]["S"]), []).append(item)
    return dict(sorted(groups.items()))


def merge_hours(items: Iterable[dict[str, Any]]) -> dict[str, PageHour]:
    """Sum the lanes of one page by hour."""
    return {
        hour: PageHour(
            views=_views(lanes),
            unique_visitors=_visitors(lanes),
            last_updated_ms=max(int(item["last_updated"]["N"]) for item in lanes),
        )
        for hour, lanes in _by_time(items, PAGE_KEY[1]).items()
    }


def total_page(page: str, items: Iterable[dict[str, Any]]) -> TopPage:
    """Sum all items of a page."""
    lanes = list(items)
    return TopPage(page, _views(lanes), _visitors(lanes))


def sum_minutes(items: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Sum the lanes of one event type by minute."""
    return {
        minute: sum(int(item["event_count"]["N"]) for item in lanes)
        for minute, lanes in _by_time(items, COUNTER_KEY[1]).items()
    }


def sum_channels(items: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Sum the page views of counter items by channel."""
    views: dict[str, int] = {}
    for item in items:
        for name, value in item.items():
            if name.startswith(CHANNEL_PREFIX):
                channel = name.removeprefix(CHANNEL_PREFIX)
                views[channel] = views.get(channel, 0) + int(value["N"])
    return dict(sorted(views.items()))


def read_session(item: dict[str, Any]) -> Session:
    """Return the session of an item."""

    def text(name: str) -> str | None:
        value: str | None = item.get(name, {}).get("S")
        return value

    channel = text("channel") or (None if text("exit_page") is None else "Direct")
    return Session(
        session_id=item["session_id"]["S"],
        event_count=int(item["event_count"]["N"]),
        first_activity=text("first_activity"),
        last_activity=text("last_activity"),
        entry_page=text("entry_page"),
        exit_page=text("exit_page"),
        user_agent=text("user_agent"),
        agent_class=_class_of(item),
        channel=channel,
    )


def _class_of(item: dict[str, Any]) -> AgentClass:
    """Return the class of a session: that of its events, else of its pace."""
    found: AgentClass = "Human"
    for agent_class, attribute in AGENT_EVENTS.items():
        if int(item.get(attribute, {"N": "0"})["N"]):
            found = agent_class
    events = int(item["event_count"]["N"])
    if found != "Human" or events <= FASTEST:
        return found
    try:
        first, last = (
            datetime.fromisoformat(item[name]["S"]) for name in ("first_activity", "last_activity")
        )
        minutes = (last - first).total_seconds() / 60
    except (KeyError, TypeError, ValueError):
        return found  # The original's functions stored times as they were sent.
    return "Suspected" if events > FASTEST * max(1.0, minutes) else found


def read_incident(item: dict[str, Any]) -> Incident:
    """Return the incident of an item."""
    return Incident(
        incident_id=item["incident_id"]["S"],
        rule=item["rule"]["S"],
        severity=item["severity"]["S"],
        session_id=item["session_id"]["S"],
        event_time=item["event_time"]["S"],
        details=item["details"]["S"],
        sent=int(item["sent"]["N"]),
        # Absent in items of the first version, which had sessions only.
        scope=item.get("scope", {"S": "Session"})["S"],
        subject=item.get("subject", item["session_id"])["S"],
        over=item["over"]["S"] if "over" in item else None,
        over_sent=int(item["over_sent"]["N"]) if "over_sent" in item else None,
        folded=int(item["folded"]["N"]) if "folded" in item else 0,
    )


def read_balance(item: dict[str, Any]) -> Balance:
    """Return the balance of an item."""
    return Balance(
        hour=item[COUNTER_KEY[1]]["S"],
        until=item["until"]["S"],
        verdict=item["verdict"]["S"],
        reasons=tuple(item["reasons"]["S"].split()),
        differences=json.loads(item["differences"]["S"]),
        numbers={
            name: int(value["N"])
            for name, value in sorted(item.items())
            if "N" in value and name != "ttl"
        },
    )


def _views(items: Iterable[dict[str, Any]]) -> int:
    return sum(int(item["view_count"]["N"]) for item in items)


def _visitors(items: Iterable[dict[str, Any]]) -> int:
    sketches = (Visitors.decode(item["visitors"]["B"]) for item in items if "visitors" in item)
    return count_union(sketches)
