"""The condition NumbersBalanced: what the operator says about the detector's metric."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.reconcile.hourly_balance import is_off, judge

NOW = datetime(2026, 11, 23, 18, 20, tzinfo=UTC)


def closed(*values: float, newest: int = 1) -> dict[datetime, float]:
    """Values of hours that were closed, the last of them `newest` hours ago."""
    hours = range(newest + len(values) - 1, newest - 1, -1)
    return dict(zip((NOW - timedelta(hours=hour) for hour in hours), values, strict=True))


@pytest.mark.parametrize(
    ("values", "truth", "reason"),
    [
        (closed(0, 0, 0), "True", Reason.NUMBERS_AGREE),
        (closed(0, 7, 0), "False", Reason.NUMBERS_DIFFER),
        (closed(3, newest=20), "False", Reason.NUMBERS_DIFFER),
        (closed(), "Unknown", Reason.NO_HOUR_CLOSED),
        (closed(0, 0, newest=7), "Unknown", Reason.NO_HOUR_CLOSED),
    ],
    ids=["all agree", "one differs", "differed long ago", "none yet", "none any more"],
)
def test_values_of_a_day(values: dict[datetime, float], truth: str, reason: Reason) -> None:
    """A difference counts for a day; silence is neither agreement nor difference."""
    found = judge(values, NOW)
    assert (found.truth, found.reason) == (truth, reason)


def test_a_difference_says_how_many_hours_and_where_to_look() -> None:
    """The message has the number of hours and names the log."""
    assert judge(closed(1), NOW).message.startswith("1 hour of the last 24 differ")
    assert "hour not balanced" in judge(closed(1, 2), NOW).message


def test_without_a_detector_no_hour_is_closed() -> None:
    """Unknown, with the setting that would change it."""
    off = is_off(detection=False)
    assert off is not None
    assert (off.truth, off.reason) == ("Unknown", Reason.DETECTOR_OFF)
    assert "anomalyDetection.enabled" in off.message
    assert is_off(detection=True) is None
