"""Attempts, budgets, progress and refused items that are forgotten or believed too much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from unittest import mock

import processor.archive
import processor.batch_writes
import processor.counter_items
import processor.page_items
import processor.processor
import processor.session_items
from processor.batch_writes import Refusals
from processor.lane_items import LaneItems, LaneState
from processor.portions import Portions
from simulator import checks
from simulator.containers import Hazards
from simulator.traffic import POISON, REFUSED_PAGE
from simulator.weakened.control import Control


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


_PORTIONS: Final = Hazards(writes_at_once=2)


_BUDGETS: Final = Hazards(memories=(1, 2), writes_at_once=3)


CONTROLS: Final = (
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
