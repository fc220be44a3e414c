"""Repeats under faults: each event counts once, and each weakened protocol is found out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.campaign import run_seeds
from simulator.settings import draw_harsh_settings, draw_settings
from simulator.trial import run_trial
from simulator.weakened import CONTROLS
from simulator.weakened.control import Control

WEAKENED = [control for control in CONTROLS if control.repeats]
#: Runs in which the rarest of them shows.
SEEDS = 24


def test_each_event_counts_once_within_the_window() -> None:
    """Through crashes, lost answers, budgets, reshards and containers that slept."""
    seeds = [seed for seed in range(200) if draw_settings(seed).deduplicate_seconds][:15]
    for seed in seeds:
        outcome = run_trial(seed)
        assert outcome.differences.none, (seed, outcome.differences.first)


def test_a_batch_that_another_closed_leaves_no_window() -> None:
    """A run in which a container went on with ids that it had judged by a smaller budget."""
    drawn = replace(draw_settings(2052), crawl=False, new_stream=False, overlap=False)
    outcome = run_trial(2052, replace(drawn, deduplicate_seconds=60))
    assert outcome.differences.none, outcome.differences.first


def test_the_balance_counts_repeats() -> None:
    """Harsh runs without any weakness are in balance."""
    for seed in range(4):
        outcome = run_trial(seed, replace(draw_harsh_settings(seed), deduplicate_seconds=15))
        assert outcome.differences.none, (seed, outcome.differences.first)
        assert outcome.balanced


@pytest.mark.parametrize("control", WEAKENED, ids=lambda control: control.name)
def test_a_weakened_protocol_is_found_out(control: Control) -> None:
    """Each condition is needed."""
    campaign = run_seeds(0, SEEDS, control.name)
    assert any(campaign.differences.wrong(kind) for kind in control.kinds)
