"""A lane's tally: its sums by hour of arrival, within the lane item's one write unit."""

from __future__ import annotations

import pytest

from processor.lane_items import Intent, Judgement, LaneItems, LaneState, Progress
from shared.lanes import Lane
from shared.records import BadRow, Batch
from shared.tally import HOUR_MS, Numbers, Tally, read_tally
from simulator.stores import COUNTERS, Stores
from simulator.usage import item_size

HOUR = 498_732
LANE = Lane("1a2b3c4d5", "shardId-000000000017")
LARGEST = 10**56


def batch(*arrivals: tuple[int, int], bad: int = 0) -> Batch:
    """A batch of records with sequence number and hour of arrival, the first `bad` of them bad."""
    placed = [(sequence, hour * HOUR_MS + sequence) for sequence, hour in arrivals]
    rows = [BadRow(sequence, 0, at, "not_json", "", "") for sequence, at in placed[:bad]]
    first, last = placed[0], placed[-1]
    return Batch(first[0], last[0], first[1], last[1], [], rows, placed)


def test_what_arrived_before_an_hour_is_known_for_the_two_latest() -> None:
    """Sums before an hour are those of the hours before it, whatever came later."""
    tally = Tally()
    for number, hour in enumerate((HOUR, HOUR + 1, HOUR + 4)):
        tally = tally.add(hour, Numbers(records=10**number))
    assert tally.before(HOUR + 5) == Numbers(records=111)
    assert tally.before(HOUR + 4) == tally.before(HOUR + 2) == Numbers(records=11)
    assert tally.before(HOUR + 1) == Numbers(records=1)
    assert tally.add(HOUR + 5, Numbers(records=1)).before(HOUR + 1) is None


def test_nothing_is_before_the_first_hour() -> None:
    """Of the hours before a lane's first record it is known for ever that they brought nothing."""
    tally = Tally()
    for hour in range(HOUR, HOUR + 5):
        tally = tally.add(hour, Numbers(rows=3))
    assert tally.before(HOUR) == tally.before(HOUR - 7) == Numbers()
    assert tally.before(HOUR + 1) is None


def test_a_record_that_arrives_out_of_order_is_added_to_its_hour() -> None:
    """The earlier hour takes what comes late; what is older still is told as late."""
    tally = Tally().add(HOUR, Numbers(rows=1)).add(HOUR + 1, Numbers(rows=10))
    assert tally.add(HOUR, Numbers(rows=100)).before(HOUR + 1) == Numbers(rows=101)
    late = tally.add(HOUR - 3, Numbers(rows=5))
    assert late.now == Numbers(rows=16, late=5)


def test_only_records_above_the_end_of_the_lane_are_added() -> None:
    """A batch that was cut otherwise brings what is new, each record under its own hour."""
    tally = Tally().add_batch(batch((1, HOUR), (2, HOUR), (3, HOUR + 1), bad=1), done=0)
    assert tally.before(HOUR + 1) == Numbers(records=2, rows=1, bad=1)
    again = tally.add_batch(batch((2, HOUR), (3, HOUR + 1), (4, HOUR + 1), bad=3), done=3)
    assert again.now == Numbers(records=4, rows=2, bad=2)


def test_a_tally_is_read_back_under_its_generation_only() -> None:
    """A version without tallies takes generations: what it counted is missing, and that is told."""
    tally = Tally().add(HOUR, Numbers(*range(11))).add(HOUR + 1, Numbers(rows=1 << 40))
    assert Tally.decode(tally.encode(7), 7) == tally
    assert Tally.decode(tally.encode(7), 8) == Tally.unknown()
    assert Tally.decode(b"\x09", 7) == Tally.unknown()


def test_a_tally_that_begins_amid_an_hour_adds_up_from_the_next_one() -> None:
    """A part of an hour proves nothing; what follows is whole."""
    tally = Tally.unknown().add(HOUR, Numbers(rows=1)).add(HOUR, Numbers(rows=2))
    assert (tally.begun, tally.now) == (HOUR + 1, Numbers())
    tally = tally.add(HOUR + 2, Numbers(rows=4))
    assert (tally.before(HOUR + 1), tally.before(HOUR + 3)) == (Numbers(), Numbers(rows=4))


@pytest.mark.parametrize(
    ("item", "begun"),
    [({}, 0), ({"tries": {"S": "1 -1"}}, 0), ({"g": {"N": "3"}}, -1)],
    ids=["no item", "an attempt alone", "another version's"],
)
def test_where_a_tally_begins(item: dict[str, dict[str, str]], begun: int) -> None:
    """A lane without generation begins now; one that others have advanced has been begun before."""
    assert read_tally(item).begun == begun


def test_the_lane_item_costs_one_unit_with_all_that_it_can_hold() -> None:
    """Intent, attempts, progress, budget and a tally of a hundred years are below 1 KB."""
    stores = Stores()
    items = LaneItems(stores.tables, COUNTERS, 48)
    most = Numbers(*[10**11] * 11)
    tally = Tally().add(HOUR, most).add(HOUR + 1, most)
    wanted = Batch(LARGEST, LARGEST, HOUR * HOUR_MS, HOUR * HOUR_MS, [], [])
    state = LaneState(generation=None, raw=LARGEST, bad=LARGEST, done=LARGEST, tally=tally)
    place, kinds = "dt=2026-11-23/hr=12", ("bad", "raw")
    intent = Intent(10**7, LARGEST, LARGEST, place, kinds, ".10000.10000.jsonl.zst")
    judged = Judgement(LARGEST, 4341)
    taken, state = items.begin(LANE, state, intent, wanted, judged)
    assert taken
    state = items.save_progress(LANE, state, Progress(LARGEST, LARGEST, 10_000, "0" * 32))
    state = items.begin_attempt(LANE, state, HOUR * HOUR_MS)
    items.end_attempt(LANE, state, error="ProvisionedThroughputExceededException")
    (item,) = stores.tables.items(COUNTERS)
    assert {"intent", "tally", "progress", "budget", "tries", "error"} <= item.keys()
    assert 800 < item_size(item) <= 1024
