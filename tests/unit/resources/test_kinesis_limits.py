"""Legal steps between shard counts, and what is left of a rolling day's budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.resources.kinesis_limits import (
    DAY,
    RESIZES_A_DAY,
    budget,
    next_step,
    steps_between,
    to_the_minute,
)

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
counts = st.integers(min_value=1, max_value=10_000)
full_days = st.lists(st.timedeltas(timedelta(days=-1), timedelta()), min_size=10, max_size=30)
moments = st.lists(st.timedeltas(timedelta(days=-3), timedelta()), max_size=30)


@given(counts, counts)
def test_every_step_is_legal_and_the_last_arrives(start: int, target: int) -> None:
    """No step above double or below half, none the wrong way, none too many."""
    count, steps = start, 0
    while count != target:
        step = next_step(count, target)
        assert count / 2 <= step <= count * 2
        assert min(start, target) <= step <= max(start, target)
        assert abs(target - step) < abs(target - count)
        count, steps = step, steps + 1
    assert steps == steps_between(start, target) <= 15


@pytest.mark.parametrize(
    ("current", "target", "path"),
    [(2, 16, [4, 8, 16]), (16, 1, [8, 4, 2, 1]), (7, 1, [4, 2, 1]), (3, 5, [5]), (4, 4, [])],
)
def test_paths(current: int, target: int, path: list[int]) -> None:
    """The shortest way, half of an odd count rounded up."""
    taken = []
    while current != target:
        current = next_step(current, target)
        taken.append(current)
    assert taken == path


@given(moments)
def test_budget_allows_no_eleventh_in_any_day(ago: list[timedelta]) -> None:
    """What is left and what was asked for in the last day are ten together."""
    calls = [NOW + one for one in ago]
    within = sum(NOW - at <= DAY for at in calls)
    left = budget(calls, NOW)
    assert left.left == max(0, RESIZES_A_DAY - within)
    assert (left.next_at is None) == (left.left > 0)


@given(full_days)
def test_promised_time_holds(ago: list[timedelta]) -> None:
    """When the time comes that the message names, one is free; it is never in the past."""
    calls = [NOW + one for one in ago]
    at = budget(calls, NOW).next_at
    assert at is not None
    assert at > NOW
    assert (at.second, at.microsecond) == (0, 0)
    assert budget(calls, at).left >= 1


@given(
    st.lists(st.timedeltas(timedelta(days=-1), timedelta()), min_size=10, max_size=30), st.data()
)
def test_promised_time_is_stable(ago: list[timedelta], data: st.DataObject) -> None:
    """Asked again before, the answer is the same: a message that names it does not change."""
    calls = [NOW + one for one in ago]
    at = budget(calls, NOW).next_at
    assert at is not None
    free = at - timedelta(minutes=1)
    if free > NOW:
        between = data.draw(st.timedeltas(timedelta(), free - NOW))
        assert budget(calls, NOW + between).next_at == at


def test_times_are_shown_to_the_minute() -> None:
    """RFC 3339 in UTC."""
    assert to_the_minute(NOW) == "2026-03-01T12:30Z"
