"""Every fault of Kinesis, Lambda and the stores together: the handlers write the truth."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.lane_items import LaneItems
from shared.lanes import Lane
from shared.records import Batch
from simulator.faults import Fault
from simulator.mapping import MappingSettings
from simulator.settings import TrialSettings, draw_settings
from simulator.trial import Trial, run_trial
from tests.lambdas.pipelines import COUNTERS, NOW, Pipeline

SETTINGS = st.builds(
    TrialSettings,
    records=st.integers(2, 30),
    shards=st.integers(1, 5),
    session_keys=st.booleans(),
    crowd=st.sampled_from((False, False, False, True)),
    fault_rate=st.sampled_from((0.0, 0.02, 0.1)),
    fault_budget=st.integers(0, 40),
    reshards=st.integers(0, 3),
    new_stream=st.sampled_from((False, False, True)),
    mapping=st.builds(
        MappingSettings,
        batch_size=st.integers(1, 40),
        window_seconds=st.sampled_from((0.0, 2.0, 20.0)),
        bisect=st.booleans(),
        item_failures=st.booleans(),
    ),
)


@settings(max_examples=120)
@given(seed=st.integers(0, 1 << 32), trial_settings=SETTINGS)
def test_truth_comes_out_of_any_run(seed: int, trial_settings: TrialSettings) -> None:
    """Whatever stream, batches and faults are drawn, each item and object is as foretold."""
    outcome = run_trial(seed, trial_settings)
    assert outcome.differences.none, outcome.differences.first


def test_truth_comes_out_of_the_campaign_s_first_runs() -> None:
    """The runs that the campaign begins with are right, and every kind of fault was met."""
    met: set[Fault] = set()
    for seed in range(150):
        outcome = run_trial(seed)
        assert outcome.differences.none, (seed, outcome.differences.first)
        met |= outcome.faults.keys()
    assert met == set(Fault) - {Fault.DISCARDED}


@pytest.mark.parametrize("seed", [191, 255, 383, 679, 773, 843, 1133, 1389])
def test_lane_items_never_go_back(seed: int) -> None:
    """Runs in which a stale twin had set a lane back or left its intent behind."""
    outcome = run_trial(seed)
    assert outcome.differences.none, outcome.differences.first


def test_same_seed_gives_the_same_run() -> None:
    """Every item, object, message and line is the same the second time."""
    first, second = Trial(7, draw_settings(7)), Trial(7, draw_settings(7))
    assert first.run() == second.run()
    assert first.lines == second.lines
    assert first.stores.tables.tables == second.stores.tables.tables
    assert first.stores.bucket.objects == second.stores.bucket.objects
    assert first.stores.topic.messages == second.stores.topic.messages


def test_twin_cannot_finish_a_shorter_batch_later() -> None:
    """Of two that hold the same state of a lane, only one may finish."""
    lanes = LaneItems(Pipeline().dynamodb, COUNTERS, 48)
    lane = Lane("e1", "shardId-000000000000")
    state = lanes.load(lane)

    def batch(last: int) -> Batch:
        return Batch(1, last, round(NOW * 1000), round(NOW * 1000), (), ())

    for _ in range(2):  # The second time, the lane has an item.
        finished, after = lanes.finish(lane, state, batch(9))
        assert finished
        finished, stored = lanes.finish(lane, state, batch(5))
        assert not finished
        assert stored == after == lanes.load(lane)
        state = after
