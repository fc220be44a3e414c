"""The tick's bookkeeping: what the lanes have tallied becomes final sums, minute by minute.

A minute is final when every lane is past it: the lane's own clock closed it, or Kinesis says that
nothing unread lies before its close. So a shard whose reader hangs delays a verdict and never
looks like a drop, and an outage, where nothing comes at all, is still seen in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.findings import MINUTE_MS
from detector.session_rules import GRACE_MS, KEPT_MINUTES
from detector.stream_tail import SKEW_MS
from shared.lanes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detector.lane_state import LaneState
    from detector.site_state import SiteState
    from detector.stream_tail import StreamTail
    from shared.lanes import Lane

MOST_MINUTES = 1440
"""Time for which a lane that stands still holds the others up; then minutes are skipped."""


def latest_minute(now_ms: int) -> int:
    """Return the last minute that can be final now."""
    return (now_ms - GRACE_MS - SKEW_MS) // MINUTE_MS - 1


def close_of(minute: int) -> int:
    """Return when a minute closes, in ms."""
    return (minute + 1) * MINUTE_MS + GRACE_MS


class Minutes:
    """Takes tallies from the lanes and hands out final minutes."""

    def __init__(self, tail: StreamTail | None, epoch: str) -> None:
        """Without `tail` a lane is past a minute by its own clock only."""
        self._tail = tail
        self._epoch = epoch
        self._living: dict[str, Lane] = {}

    def begin(self, state: SiteState, now_ms: int) -> None:
        """Start a tick: a fresh state begins now, one left behind too far gives minutes up."""
        if self._tail is not None:
            self._living = {lane.shard: lane for lane in self._tail.lanes(self._epoch)}
        latest = latest_minute(now_ms)
        if not state.judged:
            state.judged = latest
        oldest = latest - MOST_MINUTES
        if state.judged < oldest:
            state.skipped += oldest - state.judged
            state.judged = oldest
            state.sums = {minute: sums for minute, sums in state.sums.items() if minute > oldest}
            state.lost = {minute for minute in state.lost if minute > oldest}

    def is_past(self, lane: Lane) -> bool:
        """Return whether a lane's shard has another life now, so that all of the lane is read."""
        return self._living.get(lane.shard, lane) != lane

    def finish(self, state: SiteState, seen: set[str], now_ms: int) -> None:
        """Add the shards that no lane item speaks of, and forget lanes that are gone.

        `seen`: the codes of the lanes that were taken.
        """
        known = set(seen)
        for lane in self._living.values():
            if lane.code not in seen:
                self.take(state, lane, None, now_ms)
                known.add(lane.code)
        for code in [code for code in state.cursors if code not in known]:
            del state.cursors[code]
        state.ended &= known

    def final(
        self, state: SiteState, now_ms: int
    ) -> Iterator[tuple[int, Mapping[str, int] | None]]:
        """Yield each minute that became final with its sums, None for one that was lost."""
        cursors = [cursor for code, cursor in state.cursors.items() if code not in state.ended]
        until = min(cursors, default=latest_minute(now_ms))
        while state.judged < until:
            state.judged += 1
            sums = state.sums.pop(state.judged, {})
            if state.judged in state.lost:
                state.lost.discard(state.judged)
                state.skipped += 1
                yield state.judged, None
            else:
                yield state.judged, sums

    def take(self, state: SiteState, lane: Lane, lane_state: LaneState | None, now_ms: int) -> int:
        """Add the minutes that a lane has closed; returns how far it has been read, in ms."""
        latest = latest_minute(now_ms)
        own = max(lane_state.clock_ms, lane_state.last_arrival_ms) if lane_state else 0
        through = own
        if lane.code in state.ended:
            through = max(own, close_of(latest))
        elif own < close_of(latest) and self._tail is not None:
            watermark = lane_state.watermark if lane_state else NOTHING
            since = (state.cursors.get(lane.code, state.judged) + 1) * MINUTE_MS
            reach = self._tail.reach(lane.shard, watermark=watermark, since_ms=since)
            if reach is not None:
                through = max(own, reach.through_ms)
                if reach.ended:
                    state.ended.add(lane.code)
        until = min((through - GRACE_MS) // MINUTE_MS - 1, latest)
        first = max(state.cursors.get(lane.code, state.judged), state.judged) + 1
        if lane_state is not None:
            given_up = (lane_state.clock_ms - GRACE_MS) // MINUTE_MS - 1 - KEPT_MINUTES
            for minute in range(first, until + 1):
                if minute <= given_up:
                    state.lost.add(minute)
                sums = state.sums.setdefault(minute, {})
                for key, count in lane_state.tallies.get(minute, {}).items():
                    sums[key] = sums.get(key, 0) + count
        state.cursors[lane.code] = max(first - 1, until)
        return through
