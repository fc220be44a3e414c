"""`tail`: counts by minute as curves, and what happened while they were watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.cli.live import Watch, minutes_until, sparkline

NOW = datetime(2026, 11, 23, 12, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [([], ""), ([0, 0], "  "), ([1, 2, 4, 8], "▂▃▅█"), ([5, 0, 5], "█ █"), ([1, 1000], "▁█")],
)
def test_a_curve_shows_each_count_by_its_share(counts: list[int], drawn: str) -> None:
    """None is a space, any is at least the lowest bar."""
    assert sparkline(counts) == drawn
    assert len(sparkline(counts, plain=True)) == len(counts)
    assert sparkline(counts, plain=True).isascii()


def test_minutes_end_with_the_present_one() -> None:
    """Across the hour."""
    assert minutes_until(NOW, 3) == ["2026-11-23T11:59", "2026-11-23T12:00", "2026-11-23T12:01"]


def test_only_what_came_since_is_summed_up() -> None:
    """What was there at the beginning is not news; a later count of a minute replaces it."""
    watch = Watch(NOW, {"page_view": 10})
    watch.see({"page_view": {"2026-11-23T12:00": 10}})
    watch.see({"page_view": {"2026-11-23T12:00": 12, "2026-11-23T12:01": 3}, "click": {}})
    watch.incidents["i"] = "one"
    assert watch.new_events() == {"click": 0, "page_view": 5}
    assert watch.rows(NOW, 3, plain=True)[1][:4] == ("page_view", 3, 12, 15)
    later = NOW + timedelta(seconds=30)
    assert watch.summary(later) == "5 events counted in 30 s (5 page_view), 1 incidents"
