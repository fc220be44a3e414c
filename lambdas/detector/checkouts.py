"""Waiting checkouts: judged as soon as the processor has counted their sessions that far.

Session items are read for those checkouts only that the processor's lane is past, a portion of them
at a time and several in parallel, and not again before the detector has read as far as the item
says. So a processor that is late costs one read for each batch, however many checkouts wait.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import LANE, counter_key, session_key
from detector.earlier_events import earlier_events, read_counts
from shared.lanes import NOTHING, decode_watermark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.earlier_events import SessionCounts
    from detector.findings import Ending, Finding
    from detector.lane_state import Checkout, LaneState
    from detector.session_rules import SessionRules
    from shared.config import Config
    from shared.thread_pool import Workers

MOST_SESSIONS = 1000
"""Read at a time; the others wait for the next batch or tick."""
_MOST_REMEMBERED = 10_000


class Checkouts:
    """Judges the checkouts that wait in the states of lanes."""

    def __init__(
        self, config: Config, *, dynamodb: Any, rules: SessionRules, workers: Workers
    ) -> None:
        self._dynamodb = dynamodb
        self._rules = rules
        self._workers = workers
        self._sessions = config.tables.session_metrics
        self._counters = config.tables.counters
        self._longest_ms = config.ttl.session_metrics_hours * 3_600_000
        self._undecided: dict[tuple[str, str], tuple[int, int]] = {}
        """By lane and session of items without verdict: how far the detector must have read, and
        how far the processor had counted, until another read can bring one."""

    def judge(self, state: LaneState) -> list[Finding | Ending]:
        """Return what waiting checkouts amount to; those still unknown stay in the state."""
        if not state.pending:
            return []
        oldest = state.last_arrival_ms - self._longest_ms
        state.pending = [checkout for checkout in state.pending if checkout.arrival_ms > oldest]
        processed = self._processed(state.lane_code)
        counts = self._read(self._due_sessions(state, processed))
        found: list[Finding | Ending] = []
        waiting: list[Checkout] = []
        for checkout in state.pending:
            session = counts.get(checkout.session)
            earlier = (
                None if session is None else self._earlier(state, checkout, session, processed)
            )
            if earlier is None:
                waiting.append(checkout)
            else:
                found += self._rules.verdict(state, checkout, earlier)
        state.pending = waiting
        return found

    def _due_sessions(self, state: LaneState, processed: int) -> list[str]:
        """Return the sessions whose items may tell what came before a checkout."""
        due: dict[str, None] = {}
        for checkout in state.pending:
            known = (state.lane_code, checkout.session)
            until, after = self._undecided.get(known, (NOTHING, NOTHING))
            if checkout.sequence <= processed and until <= state.watermark and after < processed:
                due[checkout.session] = None
        return list(due)[:MOST_SESSIONS]

    def _processed(self, code: str) -> int:
        """Return how far the processor has counted a lane."""
        key = counter_key(LANE, code)
        answer = self._dynamodb.get_item(TableName=self._counters, Key=key, ConsistentRead=True)
        watermark = answer.get("Item", {}).get("wm")
        return NOTHING if watermark is None else decode_watermark(watermark["B"])

    def _earlier(
        self, state: LaneState, checkout: Checkout, session: SessionCounts, processed: int
    ) -> int | None:
        code = state.lane_code
        _, counted = session.lanes.get(code, (0, NOTHING))
        earlier = earlier_events(
            session,
            checkout,
            lane_code=code,
            reached=state.watermark,
            enough=self._rules.enough_before_checkout,
        )
        if earlier is None:
            if len(self._undecided) >= _MOST_REMEMBERED:
                self._undecided.clear()
            ahead = counted > state.watermark
            place = (counted, NOTHING) if ahead else (NOTHING, processed)
            self._undecided[code, checkout.session] = place
        return earlier

    def _read(self, sessions: Sequence[str]) -> dict[str, SessionCounts]:
        """Return what the processor has counted of sessions."""
        items: dict[str, dict[str, Any]] = {}
        self._workers.run([partial(self._read_one, session, items) for session in sessions])
        return {session: read_counts(item) for session, item in items.items()}

    def _read_one(self, session: str, items: dict[str, dict[str, Any]]) -> None:
        # Consistent: what was written before the lane's item is then seen, so one read is enough.
        answer = self._dynamodb.get_item(
            TableName=self._sessions, Key=session_key(session), ConsistentRead=True
        )
        items[session] = answer.get("Item", {})
