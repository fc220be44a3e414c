"""What was asked of AWS about a stream: kept, merged, counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clickstream_operator.api.status import ModeSwitch, Resize
from clickstream_operator.resources.kinesis_history import StreamHistory

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


def resize(hours_ago: float, shards: int = 2) -> Resize:
    """One entry of the status."""
    at = NOW - timedelta(hours=hours_ago)
    return Resize(at=at.strftime("%Y-%m-%dT%H:%M:%SZ"), shards=shards)


def test_what_the_status_lost_is_kept() -> None:
    """A status write that failed does not make a call forgotten, and none is counted twice."""
    history = StreamHistory(now=lambda: NOW)
    history.resized(4)
    history.learn([resize(2), resize(1)], [])
    history.learn([resize(2), resize(1), history.resizes[-1]], [])
    assert [one.shards for one in history.resizes] == [2, 2, 4]
    assert history.resize_budget().left == 7


def test_old_entries_go_with_the_next_one() -> None:
    """Not when they expire: that would be a write to the status for nothing."""
    history = StreamHistory(now=lambda: NOW)
    history.learn([resize(30), resize(25), resize(3)], [])
    assert len(history.resizes) == 3
    assert history.resize_budget().left == 9
    history.resized(8)
    assert [one.at for one in history.resizes] == [resize(3).at, "2026-03-01T12:30:15Z"]


def test_switches_of_mode_are_counted_apart() -> None:
    """Two a day."""
    history = StreamHistory(now=lambda: NOW)
    history.learn([], [ModeSwitch(at=resize(23).at, mode="ON_DEMAND")])
    history.switched("PROVISIONED")
    assert history.switch_budget().left == 0
    assert history.switch_budget().next_at == datetime(2026, 3, 1, 13, 31, tzinfo=UTC)
    assert history.resize_budget().left == 10


def test_new_stream_has_full_budgets() -> None:
    """AWS counts for each stream."""
    history = StreamHistory(now=lambda: NOW)
    history.resized(4)
    history.switched("ON_DEMAND")
    history.refuse("update_shard_count")
    history.forget()
    assert (history.resizes, history.switches, history.refused) == ([], [], {})


def test_refusal_lasts_a_quarter_of_an_hour() -> None:
    """AWS is not asked again at once."""
    now = NOW
    history = StreamHistory(now=lambda: now)
    history.refuse("update_shard_count")
    assert history.seconds_refused("update_shard_count") == 900
    assert history.seconds_refused("update_stream_mode") == 0
    now += timedelta(minutes=15)
    assert history.seconds_refused("update_shard_count") == 0
