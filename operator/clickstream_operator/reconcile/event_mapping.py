"""Whether `spec.events` fits what a producer sends, by the processor's metrics. Pure.

The message has no numbers: the status must not change when nothing changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.status.result import Reading

#: Rows below which nothing is said: a few clicks are no sign.
FEWEST_ROWS: Final = 20
#: Events for one page view, above which there are nearly none. A page that sends a heartbeat each
#: second and stays open for a quarter of an hour has 900.
MOST_EVENTS_A_VIEW: Final = 1000
_NAMED: Final = 5
_LONGEST: Final = 40


def judge(
    events: Mapping[datetime, float],
    bad: Mapping[datetime, float],
    views: Mapping[datetime, float],
    *,
    types: Sequence[str],
) -> Reading | None:
    """What the latest hours say that have rows enough, so that a mended mapping shows soon.

    Args:
        events: events that were counted, by hour.
        bad: bad rows.
        views: page views among the events; a function that does not count them has no value.
        types: what `events.pageViewTypes` amounts to; empty where no page view is expected.

    Returns:
        None if the function does not count page views.
    """
    counted = rejected = seen = 0.0
    for hour in sorted(events.keys() | bad.keys(), reverse=True):
        if events.get(hour) and hour not in views:
            return None
        counted += events.get(hour, 0.0)
        rejected += bad.get(hour, 0.0)
        seen += views.get(hour, 0.0)
        if counted + rejected >= FEWEST_ROWS:
            return _judge(counted, rejected, seen, types)
    return Reading(
        "Unknown",
        Reason.TOO_FEW_ROWS,
        f"fewer than {FEWEST_ROWS} rows arrived in the last 24 hours: send events, or see whether "
        "the producer's records reach the stream",
    )


def _judge(counted: float, rejected: float, seen: float, types: Sequence[str]) -> Reading:
    if rejected > counted:
        return Reading(
            "False",
            Reason.MOST_ROWS_BAD,
            "most of what arrived last are bad rows: set spec.events.preset to your producer, or "
            "spec.events.fields to where its events have them; the processor's log (`bad rows`) "
            "counts them by reason, and names what is missing",
        )
    if types and seen * MOST_EVENTS_A_VIEW < counted:
        return Reading(
            "False",
            Reason.NO_PAGE_VIEWS,
            f"{'hardly any' if seen else 'none'} of the events that arrived last is a page view, "
            f"which are those of type {_named(types)}: set spec.events.preset to your producer, or "
            "spec.events.pageViewTypes and spec.events.fields.type to how it calls them; the "
            "processor's log (`no event is a page view`) names types and members that it saw",
        )
    return Reading("True", Reason.MAPPING_FITS, "what arrived last is understood")


def _named(types: Sequence[str]) -> str:
    """The first types, shortened: they are the spec's and may be long."""
    shown = [
        each if len(each) <= _LONGEST else f"{each[: _LONGEST - 3]}..." for each in types[:_NAMED]
    ]
    more = len(types) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
