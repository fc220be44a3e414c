"""The session rules over one lane, event by event. Pure: same lane, same findings, whoever asks.

A minute is judged by event time and closes two minutes after its end by the lane's own clock, the
latest arrival in it; events that come later are not judged by rate.

With the session id as partition key a session lives in one lane. With random partition keys its
events are spread over lanes: each lane is then judged alone, so rates are underestimated.

A rule that fails on an event is left out for it, and counted; all other rules and events go on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from detector.findings import MINUTE_MS, Ending, Finding, summarize
from detector.lane_state import SESSION_MINUTES, Checkout
from detector.minute_counts import Tallies, cut_subjects
from detector.rule_filter import EVERYTHING, Selection
from detector.rules import NO_NAMES, PathMatch, WordMatch
from detector.thresholds import explain, holds
from shared.config import Rule
from shared.countries import country_of
from shared.paths import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from detector.lane_state import LaneState
    from detector.telling import Telling
    from shared.config import Fields, RobotSettings
    from shared.records import Event

GRACE_MS = 2 * MINUTE_MS
KEPT_MINUTES = 30
"""Time for which a lane keeps the tallies of a closed minute for the tick."""
MOST_SUBJECTS = 1000
"""Pages and networks that a lane counts in a minute, the rest is given up and counted."""
_LONGEST_VALUE = 16


@dataclass(frozen=True, slots=True)
class _Counted:
    """A rule of scope Session with what it counts: a series of its selection and one of all."""

    rule: Rule
    selection: Selection
    series: str
    all_series: str

    def window(self, time_ms: int) -> int:
        return time_ms // (self.rule.per_seconds * 1000)

    def is_closed(self, time_ms: int, clock_ms: int) -> bool:
        length = self.rule.per_seconds * 1000
        return (self.window(time_ms) + 1) * length + GRACE_MS <= clock_ms


class SessionRules:
    """The active rules that are judged in one lane, and the tallies for those that are not."""

    def __init__(
        self,
        rules: Sequence[Rule],
        fields: Fields,
        telling: Telling,
        robots: RobotSettings = NO_NAMES,
    ) -> None:
        sessions = [rule for rule in rules if rule.scope == "Session"]
        self._counted = [
            _counted(rule, fields) for rule in sessions if rule.kind not in {"Words", "Sequence"}
        ]
        self._words = [(rule, WordMatch(rule, robots)) for rule in sessions if rule.kind == "Words"]
        self._sequences = {rule.name: rule for rule in sessions if rule.kind == "Sequence"}
        self._paths = [PathMatch(rule) for rule in self._sequences.values()]
        self._rules = {rule.name: rule for rule in sessions}
        self._tallied = Tallies(rules, fields)
        self._telling = telling

    def advance(
        self, state: LaneState, events: Iterable[Event], found: list[Finding | Ending]
    ) -> None:
        """Apply events above the state's watermark, in lane order, and change the state.

        `found` gets what fired or ended, before the next event is asked for. Checkouts that cannot
        be judged by the events alone wait in the state.
        """
        waiting: dict[str, list[Checkout]] = {}
        for checkout in state.pending:
            waiting.setdefault(checkout.session, []).append(checkout)
        for event in events:
            if event.arrival_ms > state.clock_ms:
                found += self._end_minutes(state, event.arrival_ms)
                state.clock_ms = event.arrival_ms
            mark = session_mark(event.session)
            for checkout in waiting.get(event.session, ()):
                seen = checkout.later.get(event.sequence, 0)
                checkout.later[event.sequence] = seen + 1
            new = self._await_checkout(state, event, mark)
            if new is not None:
                waiting.setdefault(event.session, []).append(new)
            for rule, explanation in [*self._held(state, event, mark)]:
                found += self._fire(state, rule, event, mark, explanation)
            minute = event.time_ms // MINUTE_MS
            if (minute + 1) * MINUTE_MS + GRACE_MS > state.clock_ms:
                counts = state.tallies.setdefault(minute, {})
                state.left_out += self._tallied.add(counts, event)

    def settle(
        self, state: LaneState, clock_ms: int, most: int | None = None
    ) -> list[Finding | Ending]:
        """Return what is over or summed up by a clock, and forget what has had its time.

        Of endings at most `most`; the others are found again later, with the same times.
        """
        found: list[Finding | Ending] = []
        # Later than by the lane's own clock, because the order of arrivals is not strict.
        found += self._end_minutes(state, max(state.clock_ms, clock_ms - GRACE_MS))
        silent = state.quiet.silent(clock_ms, self._calm_ms)
        for rule, mark, last in [*islice(silent, most)]:
            minute = state.quiet.end(rule, mark)
            if minute is not None:
                found.append(Ending(rule, mark, minute, last))
        _forget(state)
        return found

    def _end_minutes(self, state: LaneState, clock_ms: int) -> Iterator[Finding]:
        """Yield the summaries of folded sessions that are due when a clock is reached."""
        for summary in state.ceiling.go_on(clock_ms):
            state.folded += summary.count
            rule = self._rules.get(summary.rule, Rule(summary.rule, "Rate"))
            yield summarize(summary, rule, f"lane {state.lane_code}", "sessions")

    def verdict(self, state: LaneState, checkout: Checkout, earlier: int) -> list[Finding | Ending]:
        """Return what a checkout with a known number of earlier events amounts to."""
        mark = session_mark(checkout.session)
        found: list[Finding | Ending] = []
        for rule in self._sequences.values():
            if earlier >= rule.limit:
                continue
            found += self._end_before(state, rule, mark, checkout.arrival_ms)
            if self._begins(
                state, rule, mark, clock_ms=checkout.arrival_ms, time_ms=checkout.time_ms
            ):
                found.append(
                    Finding(
                        rule=rule.name,
                        severity=rule.severity,
                        scope="Session",
                        subject=checkout.session,
                        mark=mark,
                        time_ms=checkout.time_ms,
                        arrival_ms=checkout.arrival_ms,
                        explanation=f"Checkout after {earlier} earlier events",
                        details=checkout.details,
                        told=checkout.told,
                    )
                )
        return found

    @property
    def enough_before_checkout(self) -> int:
        """Return how many earlier events clear a checkout; 0 when the rule is off."""
        return round(max((rule.limit for rule in self._sequences.values()), default=0))

    def _held(self, state: LaneState, event: Event, mark: str) -> Iterator[tuple[Rule, str]]:
        """Yield the rules that hold with an event, each with its explanation."""
        yield from self._judge_counts(state, event, mark)
        for rule, words in self._words:
            word = words.find(event.user_agent)
            if word:
                yield rule, f"User agent contains {word!r}"

    def _judge_counts(
        self, state: LaneState, event: Event, mark: str
    ) -> Iterator[tuple[Rule, str]]:
        """Count an event in every series that takes it; yield the rules that then hold."""
        now: dict[str, int] = {}
        if event.time_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS + GRACE_MS > state.clock_ms:
            minute = event.time_ms // MINUTE_MS
            now[SESSION_MINUTES] = state.count(SESSION_MINUTES, minute, mark)
        for each in self._counted:
            if each.is_closed(event.time_ms, state.clock_ms):
                continue
            try:
                explanation = self._judge_rule(state, each, event, mark, now)
            except Exception:  # noqa: BLE001 - one rule's own failure, which would recur for ever
                state.left_out += 1
                continue
            if explanation is not None:
                yield each.rule, explanation

    def _judge_rule(
        self, state: LaneState, each: _Counted, event: Event, mark: str, now: dict[str, int]
    ) -> str | None:
        """Count an event for one rule; return the explanation if the rule then holds.

        `now`: the counts of the series in which the event has been counted already.
        """
        rule = each.rule
        window = each.window(event.time_ms)
        taken = each.selection.takes(event)
        if rule.kind == "Distinct":
            if taken and self._count_values(state, each, window, mark, event):
                return f"More than {round(rule.limit)} values of {rule.field}"
            return None
        if rule.kind == "Ratio" and each.all_series not in now:
            now[each.all_series] = state.count(each.all_series, window, mark)
        if taken and each.series not in now:
            now[each.series] = state.count(each.series, window, mark)
        if not taken and rule.kind != "Ratio":
            return None
        count = now.get(each.series)
        if count is None:
            count = state.open.get(each.series, {}).get(window, {}).get(mark, 0)
        return explain(rule) if holds(rule, count, now.get(each.all_series, 0)) else None

    def _count_values(
        self, state: LaneState, each: _Counted, window: int, mark: str, event: Event
    ) -> bool:
        value = country_of(find(event.document, each.rule.field or ""))
        if value is None:
            return False
        windows = state.values.setdefault(f"{each.rule.per_seconds}|{each.rule.name}", {})
        values = windows.setdefault(window, {}).setdefault(mark, [])
        short = value[:_LONGEST_VALUE]
        if short not in values and len(values) <= each.rule.limit:
            values.append(short)
        return len(values) > each.rule.limit

    def _fire(
        self, state: LaneState, rule: Rule, event: Event, mark: str, explanation: str
    ) -> Iterator[Finding | Ending]:
        yield from self._end_before(state, rule, mark, state.clock_ms)
        if self._begins(state, rule, mark, clock_ms=state.clock_ms, time_ms=event.time_ms):
            told, details = self._telling.tell(event)
            yield Finding(
                rule=rule.name,
                severity=rule.severity,
                scope="Session",
                subject=event.session,
                mark=mark,
                time_ms=event.time_ms,
                arrival_ms=event.arrival_ms,
                explanation=explanation,
                details=details,
                told=told,
            )

    def _begins(
        self, state: LaneState, rule: Rule, mark: str, *, clock_ms: int, time_ms: int
    ) -> bool:
        """Note that a rule holds; return whether an incident of its own begins for the session."""
        cooldown = rule.cooldown_seconds
        if not state.quiet.keep_up(rule.name, mark, clock_ms=clock_ms):
            return False
        if not state.ceiling.admits(rule.name, mark, clock_ms=state.clock_ms, cooldown=cooldown):
            return False
        return state.quiet.fire(
            rule.name,
            mark,
            clock_ms=clock_ms,
            minute=time_ms // MINUTE_MS,
            cooldown=cooldown,
        )

    def _end_before(
        self, state: LaneState, rule: Rule, mark: str, clock_ms: int
    ) -> Iterator[Ending]:
        """End an incident whose calm time had passed when its rule held again.

        Whether batches were cut so that this was noticed earlier must not matter.
        """
        last = state.quiet.last_firing(rule.name, mark)
        if last is not None and last + self._calm_ms(rule.name) <= clock_ms:
            minute = state.quiet.end(rule.name, mark)
            if minute is not None:
                yield Ending(rule.name, mark, minute, last)

    def _calm_ms(self, name: str) -> int:
        """Return how long a rule must not hold until its incident is over."""
        rule = self._rules.get(name)
        return (rule.per_seconds * 1000 if rule else MINUTE_MS) + GRACE_MS

    def _await_checkout(self, state: LaneState, event: Event, mark: str) -> Checkout | None:
        """Let the verdict on an event wait if it is a checkout; returns it then."""
        if not any(paths.find(event) for paths in self._paths):
            return None
        # What the detector saw in open minutes is a lower bound of the earlier events.
        minutes = state.open.get(SESSION_MINUTES, {})
        seen = sum(counts.get(mark, 0) for counts in minutes.values())
        if seen >= self.enough_before_checkout:
            return None
        told, details = self._telling.tell(event)
        checkout = Checkout(
            sequence=event.sequence,
            session=event.session,
            time_ms=event.time_ms,
            arrival_ms=state.clock_ms,
            details=details,
            told=told,
        )
        state.pending.append(checkout)
        return checkout


def session_mark(session: str) -> str:
    """Return the short form under which a session stands in the lane's state."""
    return hashlib.blake2b(session.encode(), digest_size=7).hexdigest()


def _counted(rule: Rule, fields: Fields) -> _Counted:
    selection = Selection(rule, fields)
    seconds = str(rule.per_seconds)
    code = selection.code
    series = seconds if code == EVERYTHING else f"{seconds}|{code}"
    return _Counted(rule, selection, series, seconds)


def _forget(state: LaneState) -> None:
    clock = state.clock_ms
    for series, windows in state.open.items():
        _close(windows, int(series.partition("|")[0]) * 1000, clock)
    for series, seen in state.values.items():
        _close(seen, int(series.partition("|")[0]) * 1000, clock)
    _close(state.tallies, MINUTE_MS, clock - KEPT_MINUTES * MINUTE_MS)
    for counts in state.tallies.values():
        state.truncated += cut_subjects(counts, MOST_SUBJECTS)
    # A checkout that still waits is judged by the quiet times of its own arrival.
    state.quiet.forget(min((each.arrival_ms for each in state.pending), default=clock))


def _close(windows: dict[int, Any], length_ms: int, clock_ms: int) -> None:
    for window in [each for each in windows if (each + 1) * length_ms + GRACE_MS <= clock_ms]:
        del windows[window]
