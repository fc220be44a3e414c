"""The lane item: every write of it is a compare-and-set, and what each leaves in it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from processor.lane_items import Intent, Judgement, LaneItems, LaneState, Progress
from shared.lanes import NOTHING, Lane
from shared.records import Batch
from tests.lambdas.pipelines import COUNTERS, NOW, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lambdas.memory_aws import Item

LANE = Lane("e1", "shardId-000000000000")
MS = round(NOW * 1000)
BATCH = Batch(1, 3, MS - 5000, MS, [], [])
LATER = Batch(4, 6, MS, MS + 9000, [], [])
PROGRESS = Progress(1, 3, 2, "digest")


def intent(generation: int, wanted: Batch = BATCH) -> Intent:
    """What a generation sets out to write."""
    return Intent(generation, wanted.first, wanted.last, "dt=d/hr=h", ("raw",), ".jsonl.gz")


class Lanes:
    """A table and its lane items."""

    def __init__(self, ttl_hours: int | None = 48) -> None:
        self.pipeline = Pipeline()
        self.items = LaneItems(self.pipeline.dynamodb, COUNTERS, ttl_hours)

    def load(self) -> LaneState:
        """The stored state."""
        return self.items.load(LANE)

    def stored(self) -> Item:
        """The stored item; empty without one."""
        found = self.pipeline.dynamodb.items(COUNTERS)
        return deepcopy(found[0]) if found else {}

    def begin(self, state: LaneState, **options: Judgement) -> tuple[bool, LaneState]:
        """Take the next generation."""
        wanted = intent((state.generation or 0) + 1)
        return self.items.begin(LANE, state, wanted, BATCH, options.get("judged"))

    def begun(self) -> LaneState:
        """Take it from what is stored."""
        taken, state = self.begin(self.load())
        assert taken
        return state


WRITES: dict[str, Callable[[LaneItems, LaneState], tuple[bool, LaneState] | LaneState]] = {
    "attempt": lambda items, state: items.begin_attempt(LANE, state, MS),
    "begin": lambda items, state: items.begin(
        LANE, state, intent((state.generation or 0) + 1), BATCH
    ),
    "progress": lambda items, state: items.save_progress(LANE, state, PROGRESS),
    "finish": lambda items, state: items.finish(LANE, state, BATCH),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("known", [None, 1, 3])
def test_a_write_from_an_old_state_changes_nothing(
    write: Callable[[LaneItems, LaneState], tuple[bool, LaneState] | LaneState], known: int | None
) -> None:
    """One who knows an earlier generation, none at all, or one that there is not (yet)."""
    lanes = Lanes()
    lanes.begun()
    lanes.begun()
    before = lanes.stored()
    answer = write(lanes.items, replace(lanes.load(), generation=known))
    assert lanes.stored() == before
    if isinstance(answer, tuple):
        assert answer == (False, lanes.load())
    else:
        assert (answer.tries, answer.progress) == (0, None)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("begun", [0, 2])
def test_a_write_from_the_present_state_is_done(
    write: Callable[[LaneItems, LaneState], tuple[bool, LaneState] | LaneState], begun: int
) -> None:
    """And the state that is returned is the one that is stored; the first makes the item."""
    lanes = Lanes()
    for _ in range(begun):
        lanes.begun()
    before = lanes.stored()
    answer = write(lanes.items, lanes.load())
    assert lanes.stored() != before
    if isinstance(answer, tuple):
        assert answer == (True, lanes.load())
    else:
        assert answer == lanes.load()


@pytest.mark.parametrize("write", ["attempt", "begin", "finish"])
@pytest.mark.parametrize("ttl_hours", [48, None])
def test_an_item_says_whose_it_is_and_when_it_may_go(write: str, ttl_hours: int | None) -> None:
    """Its shard and its epoch; a redrive's stays for ever."""
    lanes = Lanes(ttl_hours)
    WRITES[write](lanes.items, lanes.load())
    item = lanes.stored()
    assert (item["shard"], item["epoch"]) == ({"S": LANE.shard}, {"S": LANE.epoch})
    assert item["metric_name"] == {"S": "lane"}
    assert item["time_window"] == {"S": LANE.code}
    expected = None if ttl_hours is None else {"N": str(MS // 1000 + 48 * 3600)}
    assert item.get("ttl") == expected
    assert item.get("last_arrival") == ({"N": str(MS)} if write == "finish" else None)


def test_what_was_decided_of_an_intent_is_stored_with_the_next() -> None:
    """The watermarks of the state go with the generation that replaces the intent."""
    lanes = Lanes()
    state = replace(lanes.begun(), raw=3, bad=2, decided=True, tries=1, error="E")
    taken, after = lanes.begin(state)
    assert taken
    assert (after.tries, after.error, after.decided) == (0, "", False)
    assert lanes.load() == after
    assert (after.raw, after.bad, after.done) == (3, 2, NOTHING)


def test_a_closed_batch_leaves_its_end_and_nothing_of_its_work() -> None:
    """All watermarks at its last record, at least; a batch that ends earlier sets none back."""
    lanes = Lanes()
    state = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    _, state = lanes.begin(state, judged=Judgement(3, 500))
    lanes.items.save_progress(LANE, state, PROGRESS)
    done, closed = lanes.items.finish(LANE, lanes.load(), BATCH)
    assert done
    assert lanes.load() == closed == LaneState(generation=2, raw=3, bad=3, done=3)
    assert not {"intent", "progress", "budget", "tries", "error"} & lanes.stored().keys()
    lanes.items.finish(LANE, closed, LATER)
    _, early = lanes.items.finish(LANE, lanes.load(), BATCH)
    assert lanes.load() == early == LaneState(generation=4, raw=6, bad=6, done=6)


@pytest.mark.parametrize(("through", "kept"), [(2, False), (3, False), (4, True), (9, True)])
def test_a_verdict_beyond_the_closed_batch_stays(through: int, *, kept: bool) -> None:
    """A batch that is cut anew may end amid records that were judged together."""
    lanes = Lanes()
    judged = Judgement(through, 500)
    _, state = lanes.begin(lanes.load(), judged=judged)
    _, closed = lanes.items.finish(LANE, state, BATCH)
    assert lanes.load().judged == closed.judged == (judged if kept else None)


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        (None, Judgement(3, 500), Judgement(3, 500)),
        (Judgement(9, 500), Judgement(3, 500), Judgement(9, 500)),
        (Judgement(2, 500), Judgement(3, 500), Judgement(3, 500)),
        (Judgement(2, 500), None, Judgement(2, 500)),
    ],
)
def test_the_verdict_that_reaches_farther_is_on_record(
    known: Judgement | None, given: Judgement | None, expected: Judgement
) -> None:
    """A new one replaces it, one for less does not, and none takes it away."""
    lanes = Lanes()
    if known:
        lanes.begin(lanes.load(), judged=known)
    _, state = lanes.begin(lanes.load(), **({"judged": given} if given else {}))
    assert lanes.load().judged == state.judged == expected


def test_attempts_are_counted_until_one_ends_well_or_badly() -> None:
    """Taken off when AWS ended it, kept with its error when the record did."""
    lanes = Lanes()
    first = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    second = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    assert (first.tries, second.tries, lanes.load().tries) == (1, 2, 2)
    lanes.items.end_attempt(LANE, second)
    assert (lanes.load().tries, lanes.load().error) == (1, "")
    lanes.items.end_attempt(LANE, lanes.load(), error="MemoryError")
    assert (lanes.load().tries, lanes.load().error) == (1, "MemoryError")


def test_an_attempt_is_taken_off_beside_those_of_others() -> None:
    """Two that overlap each take their own off, whichever the other has written meanwhile."""
    lanes = Lanes()
    first = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    second = lanes.items.begin_attempt(LANE, first, MS)
    lanes.items.end_attempt(LANE, first)
    assert lanes.load().tries == 1
    lanes.items.end_attempt(LANE, second)
    assert lanes.load().tries == 0
    before = lanes.stored()
    lanes.items.end_attempt(LANE, lanes.load())
    assert lanes.stored() == before


@pytest.mark.parametrize("meanwhile", ["begin", "finish"])
def test_an_attempt_that_a_generation_followed_is_left_alone(meanwhile: str) -> None:
    """It was decoded by somebody: there is nothing to take off, and no error to tell."""
    lanes = Lanes()
    state = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    WRITES[meanwhile](lanes.items, lanes.load())
    lanes.items.begin_attempt(LANE, lanes.load(), MS)
    before = lanes.stored()
    lanes.items.end_attempt(LANE, state)
    lanes.items.end_attempt(LANE, state, error="MemoryError")
    assert lanes.stored() == before


def test_attempts_at_another_place_do_not_count() -> None:
    """A version that does not know them leaves them; the lane has gone on since."""
    lanes = Lanes()
    state = lanes.items.begin_attempt(LANE, lanes.load(), MS)
    left = lanes.stored()["tries"]
    lanes.items.finish(LANE, state, BATCH)
    lanes.pipeline.dynamodb.items(COUNTERS)[0]["tries"] = left
    assert lanes.load().tries == 0
    assert lanes.items.begin_attempt(LANE, lanes.load(), MS).tries == 1
    assert lanes.load().tries == 1
