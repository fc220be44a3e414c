"""Shards for a load: when to double, when to halve, when to leave them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.spec import Autoscaling
from clickstream_operator.api.status import Resize
from clickstream_operator.autoscaling.demand import (
    Decision,
    History,
    decide_shards,
    utilization,
    window,
)
from clickstream_operator.autoscaling.load import Minute

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
SPEC = Autoscaling(min_shards=2, max_shards=16)
MIB = 1024 * 1024


def history(*percents: float, shards: int = 4, age_minutes: int = 1440) -> History:
    """Minutes that took these shares of what `shards` shards take; the last one ended just now."""
    end = NOW.replace(second=0, microsecond=0)
    minutes = {
        end - timedelta(minutes=number): Minute(records=percent / 100 * 60_000 * shards)
        for number, percent in enumerate(reversed(percents), start=1)
    }
    return History(minutes, NOW - timedelta(minutes=age_minutes))


def resizes(*minutes_ago: float) -> list[Resize]:
    """Resizes so many minutes ago."""
    times = (NOW - timedelta(minutes=one) for one in minutes_ago)
    return [Resize(at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), shards=4) for at in times]


def decide(
    found: History, current: int = 4, spec: Autoscaling = SPEC, *minutes_ago: float
) -> Decision:
    """The decision."""
    return decide_shards(found, current, spec, resizes(*minutes_ago), NOW)


@pytest.mark.parametrize(
    ("minute", "percent"),
    [
        (Minute(bytes=60 * 2 * MIB), 100),
        (Minute(records=60 * 1000), 50),
        (Minute(bytes=60 * MIB, records=90_000), 75),
        (Minute(), 0),
    ],
)
def test_utilization_is_the_higher_of_bytes_and_records(minute: Minute, percent: float) -> None:
    """Of two shards: 2 MiB or 2,000 records a second."""
    assert utilization(minute, 2) == percent


def test_two_high_minutes_double() -> None:
    """The message has the numbers."""
    found = decide(history(10, 80, 95))
    assert found == Decision(
        8,
        Reason.SCALED_UP,
        "4 to 8 shards: two minutes took 80 % and 95 % of what 4 shards take; the target is 70 %",
    )


@pytest.mark.parametrize("minutes", [(95,), (95, 10), (95, 10, 95), (70, 70, 70), (95, 95, 1, 1)])
def test_fewer_high_minutes_do_not(minutes: tuple[float, ...]) -> None:
    """One alone, two apart, exactly the target, or long ago."""
    assert decide(history(*minutes)) == Decision()


def test_last_minute_may_be_missing_still() -> None:
    """CloudWatch is late by a minute: the two before it are enough."""
    assert decide(history(90, 90, 0)).shards == 8


def test_bounds_hold() -> None:
    """The highest bound ends a doubling; at it nothing happens."""
    assert decide(history(90, 90, shards=12), 12).shards == 16
    assert decide(history(90, 90, shards=16), 16) == Decision()
    assert decide(history(), 3).shards == 2
    assert decide(history(), 2) == Decision()


@pytest.mark.parametrize("current", [1, 17])
def test_count_outside_the_bounds_is_not_a_matter_of_load(current: int) -> None:
    """An ordinary reconcile brings it back."""
    assert decide(history(), current) == Decision()
    assert decide(history(99, 99, shards=current), current) == Decision()


def test_long_low_load_halves() -> None:
    """Below half the target for the whole time; no data is no load."""
    found = decide(history(*[20] * 30))
    assert found.shards == 2
    assert found.reason is Reason.SCALED_DOWN
    assert "no minute of the last 30 took more than 20 %" in found.message
    assert decide(history()).shards == 2


@pytest.mark.parametrize(
    "found",
    [
        history(*[36, *[5] * 29]),
        history(*[5] * 29, 36),
        history(*[35] * 30),
        history(*[5] * 30, age_minutes=29),
    ],
)
def test_one_minute_of_load_or_a_young_stream_keeps_shards(found: History) -> None:
    """Anything at or above half the target in the window, or a window that begins before it."""
    assert decide(found) == Decision()


def test_after_a_resize_the_whole_time_goes_by_again() -> None:
    """So a count that was just chosen is not taken back."""
    assert decide(history(), 4, SPEC, 29) == Decision()
    assert decide(history(), 4, SPEC, 31).shards == 2


def test_last_two_resizes_of_a_day_are_for_growing() -> None:
    """Eight used: no halving; nine used: still doubling; ten used: a time is named."""
    used = [60.0 + number for number in range(10)]
    assert decide(history(), 4, SPEC, *used[:7]).shards == 2
    assert decide(history(), 4, SPEC, *used[:8]) == Decision()
    assert decide(history(90, 90), 4, SPEC, *used[:9]).shards == 8
    held = decide(history(90, 90), 4, SPEC, *used)
    assert held.shards is None
    assert held.reason is Reason.RESIZE_BUDGET_EXHAUSTED
    assert "from 2026-03-02T11:22Z on" in held.message


def test_window_is_whole_minutes() -> None:
    """As long as a low load must last."""
    spec = Autoscaling(min_shards=1, max_shards=2, scale_down_after_seconds=330)
    start, end = window(spec, NOW)
    assert end == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert end - start == timedelta(minutes=6)


loads = st.lists(st.floats(0, 200), min_size=0, max_size=40)


@given(loads, st.integers(1, 40), st.integers(1, 20), st.integers(0, 20), st.integers(10, 90))
def test_decisions_are_legal_and_do_not_bounce(
    percents: list[float], current: int, least: int, spread: int, target: int
) -> None:
    """Within bounds, within double and half; after halving the same load asks for nothing."""
    spec = Autoscaling(
        min_shards=least, max_shards=least + spread, target_utilization_percent=target
    )
    found = history(*percents, shards=current)
    decision = decide_shards(found, current, spec, [], NOW)
    if decision.shards is None:
        return
    assert spec.min_shards <= decision.shards <= spec.max_shards
    assert current / 2 <= decision.shards <= current * 2
    assert decision.shards != current
    if decision.reason is Reason.SCALED_DOWN:
        after = decide_shards(found, decision.shards, spec, [], NOW)
        assert after.reason is not Reason.SCALED_UP
