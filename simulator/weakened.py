"""Controls: each protocol with its decisive condition weakened, so that the campaign must see it.

A campaign that finds nothing proves little unless it finds something when there is something. Every
control patches the expressions of the real handlers, in the process that runs the trial and only
for as long as it runs; the product knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from unittest import mock

from botocore.exceptions import ClientError

import detector.detector
import processor.archive
import processor.batch_writes
import processor.counter_items
import processor.page_items
import processor.processor
import processor.session_items
import shared.decode
from detector.incidents import Incidents
from detector.lane_state import DetectorLanes
from processor.aggregate import merge_activities
from processor.archive import Archive
from processor.batch_writes import Refusals
from processor.lane_items import Intent, LaneItems, LaneState
from processor.page_items import PageItems
from processor.page_lists import PageLists
from processor.portions import Portions
from shared.lanes import NOTHING, Lane, encode_watermark
from shared.timestamps import instant_text
from simulator import checks
from simulator.containers import Hazards
from simulator.traffic import POISON, REFUSED_PAGE

Patches = Callable[[], "list[Any]"]


@dataclass(frozen=True, slots=True)
class Control:
    """A weakened protocol, and the kinds of which at least one must then be wrong.

    `streams`: how many streams of one name a run needs for it to show; `hazards`: what its records
    must meet.
    """

    name: str
    kinds: tuple[str, ...]
    patches: Patches
    streams: int = 1
    hazards: Hazards | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Weaken the handlers for a while."""
        started = self.patches()
        for patch in started:
            patch.start()
        try:
            yield
        finally:
            for patch in reversed(started):
                patch.stop()


def _counters_by_last() -> list[Any]:
    real = processor.counter_items.plan_update

    def plan(contributions: Any, ttl: int) -> Any:
        update = real(contributions, ttl)
        update.values[_last_value(update)] = {"B": encode_watermark(contributions[-1].sequence)}
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

    def plan(copy: Any, grown: Any, views: int, ttl: int) -> Any:
        update = real_plan(copy, grown, views, ttl)
        name, mark = update.name("wm"), {"B": encode_watermark(first[0])}
        if copy.watermark == NOTHING:
            value = update.value(mark)
        else:
            value = _last_value(update)
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
        update.values[_last_value(update)] = {"B": encode_watermark(total.sequence)}
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


def _archive_by_key() -> list[Any]:
    """Objects under a key made of the batch's limits, and nothing else: no lane, no intent."""

    def store(self: Any, lane: Any, batch: Any, state: LaneState, **_: Any) -> LaneState:
        bodies = self._bodies(
            lane,
            [row for row in batch.bad_rows if row.sequence > state.bad],
            [row for row in batch.events if row.sequence > state.raw],
        )
        intent = Intent(0, batch.first, batch.last, "dt=0/hr=0", tuple(bodies), ".jsonl.gz")
        self._put_all(lane, intent, bodies)
        return state

    return [mock.patch.object(Archive, "store", store)]


def _intent_ignored() -> list[Any]:
    def decide(_self: Any, _lane: Any, state: LaneState, _intent: Intent) -> LaneState:
        return state

    return [mock.patch.object(Archive, "_decide", decide)]


def _intent_believed() -> list[Any]:
    def decide(_self: Any, _lane: Any, state: LaneState, intent: Intent) -> LaneState:
        return replace(state, raw=max(state.raw, intent.last), bad=max(state.bad, intent.last))

    return [mock.patch.object(Archive, "_decide", decide)]


def _intent_not_voided() -> list[Any]:
    """Whether the object stands is looked up, but its owner is not kept from writing it later."""
    real_put = Archive._put  # noqa: SLF001 - as above

    def put(self: Any, key: str, body: bytes, metadata: dict[str, str]) -> bool:
        if body:
            return real_put(self, key, body, metadata)
        try:
            self._head(key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return True
        return False

    return [mock.patch.object(Archive, "_put", put)]


def _closed_without_generation() -> list[Any]:
    real = LaneItems._update  # noqa: SLF001 - as above

    def unconditional(self: Any, lane: Any, state: LaneState, batch: Any) -> Any:
        update = real(self, lane, state, batch)
        update.conditions = []
        if state.generation is not None:
            del update.values[_last_value(update)]
        return update

    return [mock.patch.object(LaneItems, "_update", unconditional)]


def _message_not_repeated() -> list[Any]:
    real = Archive._decide  # noqa: SLF001 - as above

    def decide(self: Any, lane: Any, state: LaneState, intent: Intent) -> LaneState:
        announce = self._announce
        self._announce = lambda *_arguments: None
        try:
            return real(self, lane, state, intent)
        finally:
            self._announce = announce

    return [mock.patch.object(Archive, "_decide", decide)]


def _incident_after_state() -> list[Any]:
    real_record = detector.detector.Detector._record  # noqa: SLF001 - as above
    real_save = DetectorLanes.save

    def record(self: Any, found: Any) -> None:
        self._lanes.postponed = lambda: real_record(self, found)

    def save(self: Any, lane: Any, *, expected: int, state: Any) -> Any:
        stored = real_save(self, lane, expected=expected, state=state)
        if stored is None:
            self.postponed()
        return stored

    return [
        mock.patch.object(detector.detector.Detector, "_record", record),
        mock.patch.object(DetectorLanes, "save", save),
    ]


def _alert_without_mark() -> list[Any]:
    """The item says that the message was sent before it was, so nobody sends it again."""
    real_item, real_publish = Incidents._item, Incidents._publish  # noqa: SLF001 - as above

    def item(self: Any, finding: Any) -> Any:
        made = real_item(self, finding)
        self.fresh = dict(made)
        made["sent"] = {"N": "1"}
        return made

    def publish(self: Any, known: Mapping[str, Any]) -> None:
        fresh = vars(self).pop("fresh", None)
        if fresh is not None and known["created"] == fresh["created"]:
            real_publish(self, fresh)

    return [
        mock.patch.object(Incidents, "_item", item),
        mock.patch.object(Incidents, "_publish", publish),
    ]


def _checkout_by_count() -> list[Any]:
    def earlier(session: Any, _checkout: Any, **_context: Any) -> int:
        return int(session.total)

    return [mock.patch.object(detector.detector, "earlier_events", earlier)]


def _lane_by_config() -> list[Any]:
    """The epoch that the function was told, whatever stream the record is of."""

    def lane_of(shard: str, _sequence: int, stream_epoch: str) -> Lane:
        return Lane(stream_epoch, shard)

    return [mock.patch.object(shared.decode, "lane_of", lane_of)]


def _attempt_not_recorded() -> list[Any]:
    """What decoding does not survive leaves no trace."""

    def begin_attempt(_self: Any, _lane: Any, state: LaneState, _arrival_ms: int) -> LaneState:
        return state

    return [mock.patch.object(LaneItems, "begin_attempt", begin_attempt)]


def _judged_anew() -> list[Any]:
    """Each attempt judges by its own budget, whatever another has found before."""

    def budget_of(self: Any, _record: Any, _state: LaneState) -> Any:
        return self._budget

    def agree(*_arguments: Any) -> bool:
        return False

    return [
        mock.patch.object(Portions, "_budget_of", budget_of),
        mock.patch.object(processor.archive, "_is_judged_otherwise", agree),
    ]


def _verdict_forgotten() -> list[Any]:
    """Whoever closes a batch takes the verdict on what follows it off the record."""
    real = LaneItems.finish

    def finish(self: Any, lane: Any, state: LaneState, batch: Any) -> Any:
        return real(self, lane, replace(state, judged=None), batch)

    return [mock.patch.object(LaneItems, "finish", finish)]


def _progress_before_writes() -> list[Any]:
    """Progress that an attempt has kept includes the writes that it was about to do."""
    real = processor.batch_writes.writes_done

    def ahead(batch: Any, writes: Any, state: LaneState) -> int:
        done = real(batch, writes, state)
        return min(len(writes), done + 2) if done else 0

    return [mock.patch.object(processor.processor, "writes_done", ahead)]


def _progress_of_any_batch() -> list[Any]:
    """Progress counts whatever the batch's limits and writes are."""

    def believe(_batch: Any, writes: Any, state: LaneState) -> int:
        return min(len(writes), state.progress.writes) if state.progress else 0

    return [mock.patch.object(processor.processor, "writes_done", believe)]


def _refusals_forgotten() -> list[Any]:
    def take_rows(_self: Any, _batch: Any) -> list[Any]:
        return []

    return [mock.patch.object(Refusals, "take_rows", take_rows)]


def _closed_by_another() -> list[Any]:
    """Who finds its batch closed by another closes it once more, over whoever is at work then."""
    real = Archive.store

    def store(self: Any, lane: Any, batch: Any, state: LaneState, **more: Any) -> LaneState:
        found = real(self, lane, batch, state, **more)
        return replace(found, done=min(found.done, batch.last - 1))

    return [mock.patch.object(Archive, "store", store)]


def _last_value(update: Any) -> str:
    return f":v{len(update.values) - 1}"


_PORTIONS: Final = Hazards(writes_at_once=2)
_BUDGETS: Final = Hazards(memories=(1, 2), writes_at_once=3)

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
    Control("archive: deterministic key alone", (checks.RAW_ROWS,), _archive_by_key),
    Control("archive: intent ignored", (checks.RAW_ROWS,), _intent_ignored),
    Control("archive: intent believed", (checks.RAW_ROWS,), _intent_believed),
    Control("archive: intent looked up, not voided", (checks.RAW_ROWS,), _intent_not_voided),
    Control("bad rows: intent ignored", (checks.BAD_ROWS,), _intent_ignored),
    Control("bad rows: intent believed", (checks.BAD_ROWS,), _intent_believed),
    Control("lane: no compare-and-set", (checks.RAW_ROWS,), _closed_without_generation),
    Control("lane: epoch of the config", (checks.SESSION_EVENTS,), _lane_by_config, streams=2),
    Control("dead letters: told by the owner only", (checks.DEAD_LETTERS,), _message_not_repeated),
    Control("incidents: put after the state", (checks.INCIDENTS,), _incident_after_state),
    Control("alerts: marked before sent", (checks.ALERTS,), _alert_without_mark),
    Control("checkout: by event_count", (checks.INCIDENTS,), _checkout_by_count),
    Control("lane: closed over another", (checks.ATTRIBUTES, checks.RAW_ROWS), _closed_by_another),
    Control(
        "attempts: not on record",
        (checks.PROGRESS,),
        _attempt_not_recorded,
        hazards=Hazards(poison=POISON),
    ),
    Control("budget: judged anew", (checks.COUNTER_ITEMS,), _judged_anew, hazards=_BUDGETS),
    Control("budget: forgotten", (checks.COUNTER_ITEMS,), _verdict_forgotten, hazards=_BUDGETS),
    Control(
        "progress: before the writes",
        (checks.PAGE_ITEMS, checks.SESSION_EVENTS, checks.COUNTER_ITEMS),
        _progress_before_writes,
        hazards=_PORTIONS,
    ),
    Control(
        "progress: of any batch",
        (checks.PAGE_ITEMS, checks.SESSION_EVENTS, checks.COUNTER_ITEMS),
        _progress_of_any_batch,
        hazards=_PORTIONS,
    ),
    Control(
        "refused items: forgotten",
        (checks.REFUSED_ITEMS,),
        _refusals_forgotten,
        hazards=Hazards(refused=REFUSED_PAGE),
    ),
)
