"""The hourly balance: what the lanes say, compared with what stands in counters and bucket.

The tick closes an hour once every lane is past it. Lanes say what they received, counted and
archived; the sums of the counter items and the objects' own row counts are read from there. A
difference is told only after two more comparisons have found it, with consistent reads and tallies
read anew: what one alone finds may be a write that was under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from detector.balance_items import (
    BALANCED,
    DIFFERENT,
    INCOMPLETE,
    NOT_KEPT,
    NOT_PERMITTED,
    UNKNOWN,
    Balance,
    BalanceItems,
    BalanceState,
)
from detector.balance_lanes import BalanceLanes, Gathered
from detector.balance_sources import Sources, Standing
from detector.session_rules import GRACE_MS
from detector.stream_tail import SKEW_MS
from shared.conditional_write import error_code
from shared.tally import HOUR_MS, Numbers
from shared.timestamps import hour_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.stream_tail import StreamTail
    from shared.config import Config
    from shared.emf import Metrics
    from shared.logs import Log
    from shared.time_limit import TimeLimit

MOST_HOURS = 48
"""Hours for which a lane that stands still holds the others up; older ones are never judged."""
COMPARISONS = 3
MOST_REQUESTS = 25
"""Requests of up to 1 MB for pages and sessions of each hour; beyond, for one hour a day."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})


class HourlyBalance:
    """The balance of one pipeline; `tick` is called each minute."""

    def __init__(
        self,
        config: Config,
        *,
        dynamodb: Any,
        s3: Callable[[], Any],
        tail: StreamTail | None,
        clock: Callable[[], float],
        metrics: Metrics,
        log: Log,
    ) -> None:
        """Take low-level boto3 clients (`s3` makes one), the stream's end, a clock in seconds."""
        table = config.tables.counters
        self._items = BalanceItems(dynamodb, table)
        self._lanes = BalanceLanes(dynamodb, table, tail, config.stream_epoch)
        self._sources = Sources(
            dynamodb=dynamodb, s3=s3, tables=config.tables, bucket=config.bucket
        )
        self._archives = config.archive_enabled
        self._clock = clock
        self._metrics = metrics
        self._log = log

    def tick(self, limit: TimeLimit) -> None:
        """Close the hours that are due, as far as time allows.

        Raises:
            ClientError: AWS's, but for rights that are missing: the hour is unknown then.
        """
        now = self._clock()
        now_ms = round(now * 1000)
        latest = (now_ms - GRACE_MS - SKEW_MS) // HOUR_MS
        state = self._items.load()
        if not state.next:
            state.next = now_ms // HOUR_MS
            self._items.save(state, now)
            return
        while state.next < latest and limit.may_begin():
            if not self._close(state, latest, limit):
                return

    def _close(self, state: BalanceState, latest: int, limit: TimeLimit) -> bool:
        """Judge the next hours; return whether there may be more to do now."""
        now = self._clock()
        gathered = self._lanes.gather(state, round(now * 1000))
        until = gathered.end(state, latest)
        if until is None:
            changed = gathered.keep(state, latest)
            if latest - state.next > MOST_HOURS:
                state.next = latest - MOST_HOURS
                changed = True
            if changed:
                self._items.save(state, now)
            return False
        balance = self._compare(state, gathered, until, limit)
        if balance is None:
            return False
        if balance.verdict == DIFFERENT and state.attempts + 1 < COMPARISONS:
            state.attempts += 1
            return self._items.save(state, now)
        self._items.put(balance, now)
        state.next, state.attempts = until, 0
        state.given_up = balance.standing.given_up
        if balance.standing.compared and not balance.unknown:
            state.requests = balance.standing.requests
        gathered.keep(state, latest)
        state.surplus = {
            code: lane.tally.now.surplus
            for code, lane in gathered.lanes.items()
            if not lane.tally.is_unknown
        }
        if not self._items.save(state, now):
            return False  # Another tick was quicker, and has told the same.
        self._tell(balance)
        return True

    def _compare(
        self, state: BalanceState, gathered: Gathered, until: int, limit: TimeLimit
    ) -> Balance | None:
        """Return the balance of the next hours; None when time ran out."""
        received, late, unknown = _received(state, gathered, until)
        cut = state.partial if state.partial and state.partial[0] == until else None
        hours = range(state.next, until)
        # Large tables are read for one hour of the day.
        compared = state.requests <= MOST_REQUESTS or any(hour % 24 == 0 for hour in hours)
        standing = cut[1] if cut else Standing(compared=compared)
        if not unknown:
            try:
                if not cut:
                    self._sources.sum_objects(standing, hours)
                whole = self._sources.sum_items(
                    standing,
                    hours,
                    gathered.replayed,
                    consistent=state.attempts > 0,
                    may_go_on=limit.may_go_on,
                )
            except ClientError as error:
                if error_code(error) not in _DENIED:
                    raise
                unknown = (NOT_PERMITTED,)
            else:
                if not whole:
                    state.partial = until, standing
                    self._items.save(state, self._clock())
                    return None
        state.partial = None
        given_up = max(0, standing.given_up - state.given_up)
        surplus = _surplus(state, gathered)
        if not self._archives:
            surplus = 0, surplus[1]
        return Balance(state.next, until, received, standing, given_up, late, surplus, unknown)

    def _tell(self, balance: Balance) -> None:
        fields: dict[str, str | float] = {
            "hour": hour_text(balance.hour),
            "hours": balance.until - balance.hour,
            "records": balance.received.records,
        }
        if balance.verdict == UNKNOWN:
            self._log.write("WARNING", "hour not judged", **fields, why=" ".join(balance.unknown))
            return
        total = sum(map(abs, balance.differences.values()))
        self._metrics.emit({"BalanceDifference": (total, "Count")})
        if balance.verdict == BALANCED:
            self._log.write("INFO", "hour balanced", **fields)
        else:
            self._log.write("ERROR", "hour not balanced", **fields, **balance.differences)


def _surplus(state: BalanceState, gathered: Gathered) -> tuple[int, int]:
    """Return what the lanes archived beyond what they counted since the last balance."""
    events = bad_rows = 0
    for code, lane in gathered.lanes.items():
        now = lane.tally.now.surplus
        # A tally that began amid the lane has no beginning to compare with.
        before = state.surplus.get(code, now if lane.tally.begun else (0, 0))
        events += now[0] - before[0]
        bad_rows += now[1] - before[1]
    return events, bad_rows


def _received(
    state: BalanceState, gathered: Gathered, until: int
) -> tuple[Numbers, int, tuple[str, ...]]:
    """Return the sums of all lanes, rows that came for hours judged before, and why not known."""
    received, late = Numbers(), 0
    unknown = []
    for code, lane in gathered.lanes.items():
        start, end = (gathered.before(state, code, hour) for hour in (state.next, until))
        if not 0 <= lane.tally.begun <= state.next:
            unknown.append(INCOMPLETE)
        elif start is None or end is None:
            unknown.append(NOT_KEPT)
        else:
            received += end - start
            kept = state.marks.get(code, {}).get(state.next)
            late += max(0, start.rows - kept.rows) if kept is not None else 0
    return received, late, tuple(sorted(set(unknown)))
