"""Session items: one item for all lanes, each lane with its own watermark and count.

The usual case is one write that is right whatever order lanes and late events come in, because it
is refused unless nothing in the item would get worse. The other case writes only what improves,
each attribute under its own condition. A plain SET under the watermark alone gives wrong first,
last, entry or exit in 1 to 55 % of sessions (simulated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import AGENT_EVENTS, COUNT_PREFIX, WATERMARK_PREFIX, session_key
from processor.aggregate import Activity, after, by_arrival, merge_activities
from shared.conditional_write import MOST_ATTEMPTS, ContentionError, Update, apply_update
from shared.lanes import NOTHING, decode_watermark, encode_watermark
from shared.timestamps import instant_text

if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN_AGENT = "unknown"
LONGEST_AGENT = 256
_HOUR_SECONDS = 3600


def plan_usual(lane_code: str, activities: Sequence[Activity], ttl_seconds: int) -> Update:
    """Return the single write of the usual case: the session goes on in time order."""
    total = merge_activities(activities)
    update = _start(lane_code, activities, total)
    first, last = instant_text(total.first_ms), instant_text(total.last_ms)
    update.set("ttl", {"N": str(total.last_ms // 1000 + ttl_seconds)})
    _set_agent(update, total)
    update.set("last_activity", {"S": last})
    update.set_if_absent("first_activity", {"S": first})
    last_name, first_name = update.name("last_activity"), update.name("first_activity")
    update.require(
        f"attribute_not_exists({last_name}) OR ("
        f"{last_name} <= {update.value({'S': last})} AND "
        f"{first_name} <= {update.value({'S': first})})"
    )
    if total.entry is not None and total.exit is not None:
        update.set("exit_key", {"S": total.exit[0]})
        update.set("exit_page", {"S": total.exit[1]})
        update.set_if_absent("entry_key", {"S": total.entry[0]})
        update.set_if_absent("entry_page", {"S": total.entry[1]})
        exit_name, entry_name = update.name("exit_key"), update.name("entry_key")
        update.require(
            f"attribute_not_exists({exit_name}) OR ("
            f"{exit_name} < {update.value({'S': total.exit[0]})} AND "
            f"{entry_name} < {update.value({'S': total.entry[0]})})"
        )
    if total.channel is not None:
        _set_channel(update, total.channel)
        name, key = update.name("channel_key"), update.value({"S": total.channel[0]})
        update.require(f"attribute_not_exists({name}) OR {name} < {key}")
    return update


def plan_improvement(
    lane_code: str, activities: Sequence[Activity], item: dict[str, Any], ttl_seconds: int
) -> Update:
    """Return the write that sets only what gets better than in `item`; absent is always worse."""
    total = merge_activities(activities)
    update = _start(lane_code, activities, total)
    first, last = instant_text(total.first_ms), instant_text(total.last_ms)
    if _improves(update, item, "last_activity", last, "<"):
        update.set("last_activity", {"S": last})
        update.set("ttl", {"N": str(total.last_ms // 1000 + ttl_seconds)})
        _set_agent(update, total)
    if _improves(update, item, "first_activity", first, ">"):
        update.set("first_activity", {"S": first})
    if total.exit is not None and _improves(update, item, "exit_key", total.exit[0], "<"):
        update.set("exit_key", {"S": total.exit[0]})
        update.set("exit_page", {"S": total.exit[1]})
    if total.entry is not None and _improves(update, item, "entry_key", total.entry[0], ">"):
        update.set("entry_key", {"S": total.entry[0]})
        update.set("entry_page", {"S": total.entry[1]})
    if total.channel is not None and _improves(update, item, "channel_key", total.channel[0], "<"):
        _set_channel(update, total.channel)
    return update


def _set_channel(update: Update, channel: tuple[str, str]) -> None:
    update.set("channel_key", {"S": channel[0]})
    update.set("channel", {"S": channel[1]})


def _start(lane_code: str, activities: Sequence[Activity], total: Activity) -> Update:
    update = Update()
    update.set(f"{WATERMARK_PREFIX}{lane_code}", {"B": encode_watermark(total.sequence)})
    update.add("event_count", total.events)
    update.add(f"{COUNT_PREFIX}{lane_code}", total.events)
    for attribute, events in by_arrival(activities).items():
        update.add(attribute, events)
    for agent_class, events in total.agents.items():
        update.add(AGENT_EVENTS[agent_class], events)
    name = update.name(f"{WATERMARK_PREFIX}{lane_code}")
    first = update.value({"B": encode_watermark(activities[0].sequence)})
    update.require(f"attribute_not_exists({name}) OR {name} < {first}")
    return update


def _set_agent(update: Update, total: Activity) -> None:
    if total.user_agent is None:
        update.set_if_absent("user_agent", {"S": UNKNOWN_AGENT})
    else:
        update.set("user_agent", {"S": total.user_agent[:LONGEST_AGENT]})


def _improves(
    update: Update, item: dict[str, Any], attribute: str, text: str, comparison: str
) -> bool:
    """Require `attribute <comparison> text`, or its absence, if that holds of `item`."""
    if "S" in item.get(attribute, {}):
        old = item[attribute]["S"]
        if not (old < text if comparison == "<" else old > text):
            return False
    name = update.name(attribute)
    if attribute in item and "S" not in item[attribute]:
        # The original stored a time as it was sent, a number for one: no text compares with it.
        update.require(f"{name} = {update.value(item[attribute])}")
        return True
    update.require(
        f"attribute_not_exists({name}) OR {name} {comparison} {update.value({'S': text})}"
    )
    return True


class SessionItems:
    """Writes session items."""

    def __init__(self, dynamodb: Any, table: str, ttl_hours: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_hours * _HOUR_SECONDS

    def write(self, session: str, lane_code: str, activities: Sequence[Activity]) -> None:
        """Add what is not yet in the item; raises as `PageItems.write` does."""
        key = session_key(session)
        remaining = activities
        update = plan_usual(lane_code, remaining, self._ttl_seconds)
        for _ in range(MOST_ATTEMPTS):
            refused = apply_update(self._dynamodb, update.request(self._table, key))
            if refused is None:
                return
            stored = refused.get(f"{WATERMARK_PREFIX}{lane_code}")
            remaining = after(remaining, decode_watermark(stored["B"]) if stored else NOTHING)
            if not remaining:
                return
            update = plan_improvement(lane_code, remaining, refused, self._ttl_seconds)
        raise ContentionError("a session item was changed by others too often")
