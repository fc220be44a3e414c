"""Number of events of its session before a checkout, by the processor's counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import COUNT_PREFIX, WATERMARK_PREFIX
from shared.lanes import NOTHING, decode_watermark

if TYPE_CHECKING:
    from detector.lane_state import Checkout


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Content of a session item: all events, and by lane code the (count, watermark)."""

    total: int
    lanes: dict[str, tuple[int, int]]


def read_counts(item: dict[str, Any]) -> SessionCounts:
    """Return the counts of a session item in DynamoDB's typed form; an absent one has none."""
    lanes = {
        name.removeprefix(WATERMARK_PREFIX): decode_watermark(value["B"])
        for name, value in item.items()
        if name.startswith(WATERMARK_PREFIX)
    }
    return SessionCounts(
        total=int(item["event_count"]["N"]) if "event_count" in item else 0,
        lanes={
            code: (int(item[f"{COUNT_PREFIX}{code}"]["N"]), watermark)
            for code, watermark in lanes.items()
        },
    )


def earlier_events(
    session: SessionCounts, checkout: Checkout, *, lane_code: str, reached: int, enough: int
) -> int | None:
    """Return how many events of its session came before a checkout; None when not yet known.

    Args:
        session: what the processor has counted.
        checkout: the checkout.
        lane_code: the checkout's lane.
        reached: how far the detector has read this lane.
        enough: a number that clears the checkout; a lower bound of at least that is returned.

    Other lanes hold earlier events if they end before the checkout (parents of a reshard) and later
    ones if not (children): sequence numbers grow across a reshard.
    """
    own, counted = session.lanes.get(lane_code, (0, NOTHING))
    later_lanes = sum(
        count
        for code, (count, watermark) in session.lanes.items()
        if code != lane_code and watermark > checkout.sequence
    )
    before = session.total - own - later_lanes
    if counted < checkout.sequence:
        return before + own if before + own >= enough else None
    if counted > reached:
        return None
    later = sum(count for sequence, count in checkout.later.items() if sequence <= counted)
    return before + own - 1 - later
