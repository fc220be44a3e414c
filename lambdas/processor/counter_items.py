"""Counter items: events of one type in one minute and lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import counter_key
from processor.aggregate import Count, after, by_arrival, by_channel, minute_key
from shared.conditional_write import MOST_ATTEMPTS, ContentionError, Update, apply_update
from shared.lanes import NOTHING, decode_watermark, encode_watermark

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOUR_SECONDS = 3600


def plan_update(contributions: Sequence[Count], ttl: int) -> Update:
    """Return the write of at least one contribution, refused if any of them may be in the item.

    The condition compares with the first contribution: `wm < :last` counts twice when a batch is
    delivered again with other limits.
    """
    first, last = contributions[0].sequence, contributions[-1].sequence
    update = Update()
    update.add("event_count", sum(each.events for each in contributions))
    for attribute, events in by_arrival(contributions).items():
        update.add(attribute, events)
    for attribute, views in by_channel(contributions).items():
        update.add(attribute, views)
    update.set("wm", {"B": encode_watermark(last)})
    update.set("ttl", {"N": str(ttl)})
    name = update.name("wm")
    update.require(
        f"attribute_not_exists({name}) OR {name} < {update.value({'B': encode_watermark(first)})}"
    )
    return update


class CounterItems:
    """Writes counter items."""

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS

    def write(self, name: str, minute: int, lane_code: str, contributions: Sequence[Count]) -> None:
        """Add what is not yet in the item; `name` as in `counter_name`.

        Raises as `PageItems.write` does.
        """
        key = counter_key(name, minute_key(minute, lane_code))
        ttl = minute * 60 + self._ttl_seconds
        remaining = contributions
        for _ in range(MOST_ATTEMPTS):
            update = plan_update(remaining, ttl)
            refused = apply_update(self._dynamodb, update.request(self._table, key))
            if refused is None:
                return
            watermark = decode_watermark(refused["wm"]["B"]) if "wm" in refused else NOTHING
            remaining = after(remaining, watermark)
            if not remaining:
                return
        raise ContentionError("a counter item was changed by others too often")
