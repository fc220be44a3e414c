"""The session rules over one lane, event by event. Pure: same lane, same findings, whoever asks.

A minute is judged by event time and closes two minutes after its end by the lane's own clock, the
latest arrival in it; events that come later are not judged by rate.

With the session id as partition key a session lives in one lane. With random partition keys its
events are spread over lanes: each lane is then judged alone, so rates are underestimated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detector.lane_state import Checkout
from detector.rules import WordMatch
from shared.clock_text import instant_text, minute_text
from shared.lanes import NOTHING, decode_watermark
from shared.session_items import COUNT_PREFIX, WATERMARK_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detector.lane_state import LaneState
    from detector.rules import Rule
    from shared.config import Fields
    from shared.rows import Event

MINUTE_MS = 60_000
GRACE_MS = 2 * MINUTE_MS
_LONGEST_DETAIL = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired: what becomes an incident. Times in UTC ms."""

    rule: str
    severity: str
    session: str
    time_ms: int
    arrival_ms: int
    explanation: str
    details: dict[str, str]

    @property
    def identity(self) -> str:
        """Return the incident id: the same rule, session and minute are one incident."""
        text = f"{self.rule}|{self.time_ms // MINUTE_MS}|{self.session}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """What a session item says: all events, and by lane code the (count, watermark)."""

    total: int
    lanes: dict[str, tuple[int, int]]


def read_counts(item: dict[str, Any]) -> SessionCounts:
    """Return the counts of a session item in DynamoDB's typed form; an absent one has none."""
    lanes = {
        name.removeprefix(WATERMARK_PREFIX): decode_watermark(value["B"])
        for name, value in item.items()
        if name.startswith(WATERMARK_PREFIX)
    }
    return SessionCounts(
        total=int(item["event_count"]["N"]) if "event_count" in item else 0,
        lanes={
            code: (int(item[f"{COUNT_PREFIX}{code}"]["N"]), watermark)
            for code, watermark in lanes.items()
        },
    )


class SessionRules:
    """The active session rules of one pipeline."""

    def __init__(self, rules: Sequence[Rule], fields: Fields) -> None:
        self._rates = [rule for rule in rules if rule.kind == "Rate"]
        self._words = [(rule, WordMatch(rule)) for rule in rules if rule.kind == "Words"]
        self._sequences = {rule.name: rule for rule in rules if rule.kind == "Sequence"}
        self._shown = (fields.type, fields.page, fields.user_agent, fields.referrer, fields.country)
        self._fields = fields

    def advance(self, state: LaneState, events: Iterable[Event]) -> list[Finding]:
        """Apply events above the state's watermark, in lane order, and change the state.

        Returns:
            What fired. Checkouts that cannot be judged by the events alone wait in the state.
        """
        findings: list[Finding] = []
        for event in events:
            state.clock_ms = max(state.clock_ms, event.arrival_ms)
            mark = session_mark(event.session)
            for checkout in state.pending:
                if checkout.session == event.session:
                    seen = checkout.later.get(event.sequence, 0)
                    checkout.later[event.sequence] = seen + 1
            self._await_checkout(state, event, mark)
            findings += self._judge_rate(state, event, mark)
            for rule, words in self._words:
                word = words.find(event.user_agent)
                if word and cooled_down(state, rule, mark, state.clock_ms):
                    findings.append(self._finding(rule, event, f"User agent contains {word!r}"))
        _forget(state)
        return findings

    def verdict(self, state: LaneState, checkout: Checkout, earlier: int | None) -> Finding | None:
        """Return what a checkout with a known number of earlier events amounts to."""
        mark = session_mark(checkout.session)
        for rule in self._sequences.values():
            if earlier is not None and earlier < rule.value:
                if not cooled_down(state, rule, mark, checkout.arrival_ms):
                    return None
                return Finding(
                    rule=rule.name,
                    severity=rule.severity,
                    session=checkout.session,
                    time_ms=checkout.time_ms,
                    arrival_ms=checkout.arrival_ms,
                    explanation=f"Checkout after {earlier} earlier events",
                    details=checkout.details,
                )
        return None

    @property
    def enough_before_checkout(self) -> int:
        """Return how many earlier events clear a checkout; 0 when the rule is off."""
        return max((rule.value for rule in self._sequences.values()), default=0)

    def _judge_rate(self, state: LaneState, event: Event, mark: str) -> list[Finding]:
        minute = event.time_ms // MINUTE_MS
        if (minute + 1) * MINUTE_MS + GRACE_MS <= state.clock_ms:
            return []
        counts = state.open.setdefault(minute, {})
        counts[mark] = counts.get(mark, 0) + 1
        return [
            self._finding(rule, event, f"More than {rule.value} events in {minute_text(minute)}")
            for rule in self._rates
            if counts[mark] == rule.value + 1 and cooled_down(state, rule, mark, state.clock_ms)
        ]

    def _await_checkout(self, state: LaneState, event: Event, mark: str) -> None:
        if event.page is None or not any(
            rule.path in event.page for rule in self._sequences.values()
        ):
            return
        # What the detector saw in open minutes is a lower bound of the earlier events.
        seen = sum(counts.get(mark, 0) for counts in state.open.values())
        if seen >= self.enough_before_checkout:
            return
        state.pending.append(
            Checkout(
                sequence=event.sequence,
                session=event.session,
                time_ms=event.time_ms,
                arrival_ms=state.clock_ms,
                details=self._details(event),
            )
        )

    def _finding(self, rule: Rule, event: Event, explanation: str) -> Finding:
        return Finding(
            rule=rule.name,
            severity=rule.severity,
            session=event.session,
            time_ms=event.time_ms,
            arrival_ms=event.arrival_ms,
            explanation=explanation,
            details=self._details(event),
        )

    def _details(self, event: Event) -> dict[str, str]:
        """Return the event's members that name no person, each shortened."""
        details = {self._fields.time: instant_text(event.time_ms)}
        for name in self._shown:
            value = event.document.get(name)
            if isinstance(value, str):
                details[name] = value[:_LONGEST_DETAIL]
        return details


def earlier_events(
    session: SessionCounts, checkout: Checkout, *, lane_code: str, reached: int, enough: int
) -> int | None:
    """Return how many events of its session came before a checkout; None when not yet known.

    Args:
        session: what the processor has counted.
        checkout: the checkout.
        lane_code: the checkout's lane.
        reached: how far the detector has read this lane.
        enough: a number that clears the checkout; a lower bound of at least that is returned.

    Other lanes hold earlier events if they end before the checkout (parents of a reshard) and later
    ones if not (children): sequence numbers grow across a reshard.
    """
    own, counted = session.lanes.get(lane_code, (0, NOTHING))
    later_lanes = sum(
        count
        for code, (count, watermark) in session.lanes.items()
        if code != lane_code and watermark > checkout.sequence
    )
    before = session.total - own - later_lanes
    if counted < checkout.sequence:
        return before + own if before + own >= enough else None
    if counted > reached:
        return None
    later = sum(count for sequence, count in checkout.later.items() if sequence <= counted)
    return before + own - 1 - later


def session_mark(session: str) -> str:
    """Return the short form under which a session stands in the lane's state."""
    return hashlib.blake2b(session.encode(), digest_size=7).hexdigest()


def cooled_down(state: LaneState, rule: Rule, mark: str, arrival_ms: int) -> bool:
    """Return whether a rule may fire for a session now; if so it is quiet from here on."""
    name = f"{rule.name}|{mark}"
    if arrival_ms < state.cooldowns.get(name, 0):
        return False
    state.cooldowns[name] = arrival_ms + rule.cooldown_seconds * 1000
    return True


def _forget(state: LaneState) -> None:
    clock = state.clock_ms
    for minute in [m for m in state.open if (m + 1) * MINUTE_MS + GRACE_MS <= clock]:
        del state.open[minute]
    # A checkout that still waits is judged by the quiet times of its own arrival.
    oldest = min((checkout.arrival_ms for checkout in state.pending), default=clock)
    for name in [name for name, until in state.cooldowns.items() if until <= oldest]:
        del state.cooldowns[name]
