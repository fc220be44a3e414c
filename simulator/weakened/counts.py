"""Counted items with a wrong condition: counters, lists, sketches, sessions, lanes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final
from unittest import mock

import processor.archive
import processor.batch_writes
import processor.counter_items
import processor.page_items
import processor.processor
import processor.session_items
import shared.lambda_records
from processor.aggregate import merge_activities
from processor.page_items import PageItems
from processor.page_lists import PageLists
from shared.lanes import NOTHING, Lane, encode_watermark
from shared.timestamps import instant_text
from simulator import checks
from simulator.weakened.control import Control, last_value


def _counters_by_last() -> list[Any]:
    real = processor.counter_items.plan_update

    def plan(contributions: Any, ttl: int) -> Any:
        update = real(contributions, ttl)
        update.values[last_value(update)] = {"B": encode_watermark(contributions[-1].sequence)}
        return update

    return [mock.patch.object(processor.counter_items, "plan_update", plan)]


def _lists_after_items() -> list[Any]:
    """Pages are listed once their items stand."""
    real_write, real_list = PageItems.write, PageLists.write

    def write(self: Any, page: str, hour: int, lane_code: str, contributions: Any) -> None:
        real_write(self, page, hour, lane_code, contributions)
        due.pop((lane_code, page, hour), lambda: None)()

    def postpone(self: Any, lane_code: str, pages: Any) -> None:
        for page, hour in pages:
            each = partial(real_list, self, lane_code, [(page, hour)])
            due[lane_code, page, hour] = each

    due: dict[Any, Any] = {}
    return [
        mock.patch.object(PageItems, "write", write),
        mock.patch.object(PageLists, "write", postpone),
    ]


def _pages_by_first() -> list[Any]:
    real_grow, real_plan = processor.page_items.grow, processor.page_items.plan_update
    first: list[int] = []

    def grow(copy: Any, contributions: Any) -> Any:
        first[:] = [contributions[0].sequence]
        return real_grow(copy, contributions)

    def plan(copy: Any, grown: Any, views: Any, ttl: int) -> Any:
        update = real_plan(copy, grown, views, ttl)
        name, mark = update.name("wm"), {"B": encode_watermark(first[0])}
        if copy.watermark == NOTHING:
            value = update.value(mark)
        else:
            value = last_value(update)
            update.values[value] = mark
        update.conditions = [f"attribute_not_exists({name}) OR {name} < {value}"]
        return update

    return [
        mock.patch.object(processor.page_items, "grow", grow),
        mock.patch.object(processor.page_items, "plan_update", plan),
    ]


def _sessions_by_last() -> list[Any]:
    real = processor.session_items._start  # noqa: SLF001 - a control reaches into what it weakens

    def start(lane_code: str, activities: Any, total: Any) -> Any:
        update = real(lane_code, activities, total)
        update.values[last_value(update)] = {"B": encode_watermark(total.sequence)}
        return update

    return [mock.patch.object(processor.session_items, "_start", start)]


def _sessions_plain() -> list[Any]:
    def plan(lane_code: str, activities: Any, ttl_seconds: int) -> Any:
        total = merge_activities(activities)
        update = processor.session_items._start(lane_code, activities, total)  # noqa: SLF001 - as above
        update.set("ttl", {"N": str(total.last_ms // 1000 + ttl_seconds)})
        update.set("last_activity", {"S": instant_text(total.last_ms)})
        update.set_if_absent("first_activity", {"S": instant_text(total.first_ms)})
        if total.entry is not None and total.exit is not None:
            update.set("exit_page", {"S": total.exit[1]})
            update.set_if_absent("entry_page", {"S": total.entry[1]})
        return update

    def improvement(lane_code: str, activities: Any, _item: Any, ttl_seconds: int) -> Any:
        return plan(lane_code, activities, ttl_seconds)

    return [
        mock.patch.object(processor.session_items, "plan_usual", plan),
        mock.patch.object(processor.session_items, "plan_improvement", improvement),
    ]


def _channel_plain() -> list[Any]:
    usual = processor.session_items.plan_usual
    improvement = processor.session_items.plan_improvement

    def plan(lane_code: str, activities: Any, ttl_seconds: int) -> Any:
        return _with_channel(
            usual(lane_code, _without_channels(activities), ttl_seconds), activities
        )

    def improve(lane_code: str, activities: Any, item: Any, ttl_seconds: int) -> Any:
        update = improvement(lane_code, _without_channels(activities), item, ttl_seconds)
        return _with_channel(update, activities)

    return [
        mock.patch.object(processor.session_items, "plan_usual", plan),
        mock.patch.object(processor.session_items, "plan_improvement", improve),
    ]


def _without_channels(activities: Any) -> Any:
    return [replace(each, channel=None) for each in activities]


def _with_channel(update: Any, activities: Any) -> Any:
    channel = merge_activities(activities).channel
    if channel is not None:
        update.set("channel", {"S": channel[1]})
    return update


def _lane_by_config() -> list[Any]:
    """The epoch that the function was told, whatever stream the record is of."""

    def lane_of(shard: str, _sequence: int, stream_epoch: str) -> Lane:
        return Lane(stream_epoch, shard)

    return [mock.patch.object(shared.lambda_records, "lane_of", lane_of)]


CONTROLS: Final = (
    Control("counters: wm < :last", (checks.COUNTER_ITEMS,), _counters_by_last),
    Control("lists: after the items", (checks.PAGE_LISTS,), _lists_after_items),
    Control("sketches: wm < :first", (checks.SKETCHES,), _pages_by_first),
    Control(
        "sessions: plain SET, wm < :last",
        (checks.SESSION_EVENTS,),
        lambda: [*_sessions_by_last(), *_sessions_plain()],
    ),
    Control("sessions: plain SET", (checks.SESSION_ENDS,), _sessions_plain),
    Control("sessions: channel by a plain SET", (checks.SESSION_ENDS,), _channel_plain),
    Control("lane: epoch of the config", (checks.SESSION_EVENTS,), _lane_by_config, streams=2),
)
