"""The rules whose scope is more than a session, judged minute by minute. Pure.

The sums of a minute are final when they come here, so the same minutes give the same incidents,
whoever judges them and when. Windows are aligned to the day's start and run by whole minutes.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from detector.findings import MINUTE_MS, Ending, Finding, summarize
from detector.minute_counts import Tally, cut_subjects
from detector.seasonality import LIMITS, Direction, Season
from detector.thresholds import explain, holds
from shared.config import Rule
from shared.timestamps import minute_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from detector.seasonality import Verdict
    from detector.site_state import SiteState
    from detector.telling import Telling
    from shared.config import Fields

SETTLING_MINUTES = 5
"""After a rule is new or changed, until all containers of the function count for it."""
MOST_SUBJECTS = 2000
_PLURALS = {"Page": "pages", "IPPrefix": "networks", "Site": "times"}
_DIRECTIONS: Mapping[str | None, Direction] = {
    None: "both",
    "GreaterThan": "up",
    "LessThan": "down",
}


class SiteRules:
    """The active rules of scope Site, Page and IPPrefix."""

    def __init__(
        self, rules: Sequence[Rule], fields: Fields, sensitivity: str, telling: Telling
    ) -> None:
        tallies = [Tally(rule, fields) for rule in rules if rule.scope != "Session"]
        self._tallies = {_code(tally): tally for tally in tallies}
        self._rules = {tally.rule.name: tally.rule for tally in tallies}
        self._limits = LIMITS[sensitivity]
        self._telling = telling

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._tallies)

    def judge(
        self, state: SiteState, minute: int, sums: Mapping[str, int]
    ) -> list[Finding | Ending]:
        """Judge the next minute and change the state; returns what began and what is over."""
        found: list[Finding | Ending] = []
        for code in [code for code in state.since if code not in self._tallies]:
            # A rule that left, or changed: its incidents end with it.
            del state.since[code]
            state.windows.pop(code, None)
            state.seasons.pop(code, None)
            name = code.partition("|")[0]
            marks = [key.partition("|")[2] for key in state.quiet.entries if _is_of(key, name)]
            for mark in marks:
                found += self._end(state, name, mark, minute)
        for code, tally in self._tallies.items():
            try:
                found += self._judge_rule(state, code, tally, minute, sums)
            except Exception:  # noqa: BLE001 - one rule's own failure, which would recur for ever
                state.left_out += 1
        state.quiet.forget((minute + 1) * MINUTE_MS)
        for summary in state.ceiling.go_on((minute + 1) * MINUTE_MS):
            state.folded += summary.count
            rule = self._rules.get(summary.rule, Rule(summary.rule, "Rate", "Page"))
            found.append(summarize(summary, rule, "site", _PLURALS[rule.scope]))
        return found

    def _judge_rule(
        self, state: SiteState, code: str, tally: Tally, minute: int, sums: Mapping[str, int]
    ) -> list[Finding | Ending]:
        first = state.since.setdefault(code, minute)
        if tally.rule.kind == "Seasonal":
            return [*self._judge_season(state, code, tally, minute, sums)]
        if minute < first + SETTLING_MINUTES:
            return []
        if tally.rule.kind == "Absent":
            return [*self._judge_absence(state, code, tally, minute, sums)]
        if tally.rule.scope == "Site":
            return [*self._judge_site(state, code, tally, minute, sums)]
        return [*self._judge_subjects(state, code, tally, minute, sums)]

    def _judge_season(
        self, state: SiteState, code: str, tally: Tally, minute: int, sums: Mapping[str, int]
    ) -> Iterator[Finding | Ending]:
        rule = tally.rule
        season = state.seasons.setdefault(code, Season())
        direction = _DIRECTIONS[rule.operator]
        verdict = season.feed(minute, sums.get(tally.code, 0), self._limits, direction)
        if verdict is None:
            return
        volume = max(verdict.count, verdict.expected) / verdict.minutes
        if verdict.odd and volume >= rule.min_volume:
            yield from self._begin(state, rule, "", minute, _tell(verdict, minute))
        elif not verdict.odd:
            yield from self._end(state, rule.name, "", minute)

    def _judge_absence(
        self, state: SiteState, code: str, tally: Tally, minute: int, sums: Mapping[str, int]
    ) -> Iterator[Finding | Ending]:
        rule = tally.rule
        window = state.windows.setdefault(code, [minute - 1, 0])
        if sums.get(tally.code, 0):
            window[0] = minute
            yield from self._end(state, rule.name, "", minute)
        elif (minute - window[0]) * 60 >= rule.for_seconds:
            details = {"last": minute_text(window[0])}
            yield from self._begin(state, rule, "", minute, (explain(rule), details))

    def _judge_site(
        self, state: SiteState, code: str, tally: Tally, minute: int, sums: Mapping[str, int]
    ) -> Iterator[Finding | Ending]:
        """Running counts: [window, events, all events, minutes counted, windows it held]."""
        rule = tally.rule
        length = max(1, rule.per_seconds // 60)
        window = state.windows.setdefault(code, [minute // length, 0, 0, 0, 0])
        if window[0] != minute // length:
            # Windows that a gap swallowed did not hold.
            held = window[4] if window[0] == minute // length - 1 else 0
            window[:] = [minute // length, 0, 0, 0, held]
        window[1] += sums.get(tally.code, 0)
        window[2] += sums.get(tally.all_code, 0)
        window[3] += 1
        last = (minute + 1) % length == 0
        low = rule.operator == "LessThan" and rule.kind in {"Rate", "Ratio"}
        true = holds(rule, window[1], window[2]) and (not low or (last and window[3] == length))
        needed = -(-rule.for_seconds // (length * 60)) or 1
        if last:
            window[4] = window[4] + 1 if true else 0
        if true and (window[4] >= needed or needed == 1):
            details = {"count": str(window[1]), "events": str(window[2])}
            yield from self._begin(state, rule, "", minute, (explain(rule), details))
        elif last and not true:
            yield from self._end(state, rule.name, "", minute)

    def _judge_subjects(
        self, state: SiteState, code: str, tally: Tally, minute: int, sums: Mapping[str, int]
    ) -> Iterator[Finding | Ending]:
        """Running counts by subject: [window, {`1|subject`: events, `2|subject`: all events}]."""
        rule = tally.rule
        length = max(1, rule.per_seconds // 60)
        window = state.windows.setdefault(code, [minute // length, {}])
        if window[0] != minute // length:
            window[:] = [minute // length, {}]
        counts: dict[str, int] = window[1]
        touched = set()
        for key, count in sums.items():
            kind, mark, subject = key.partition("|")
            if mark and kind in {tally.code, tally.all_code}:
                touched.add(subject)
                # One may be the other: a Ratio whose rule takes everything.
                for number, of in (("1", tally.code), ("2", tally.all_code)):
                    if kind == of:
                        counts[f"{number}|{subject}"] = counts.get(f"{number}|{subject}", 0) + count
        # The busiest first: of many that hold only some are told one by one.
        for subject in sorted(touched, key=lambda each: (-counts.get(f"1|{each}", 0), each)):
            mine, all_of_them = counts.get(f"1|{subject}", 0), counts.get(f"2|{subject}", 0)
            if holds(rule, mine, all_of_them):
                details = {"count": str(mine)}
                yield from self._begin(state, rule, subject, minute, (explain(rule), details))
        if (minute + 1) % length == 0:
            prefix = f"{rule.name}|"
            for key in [key for key in state.quiet.entries if key.startswith(prefix)]:
                subject = key.removeprefix(prefix)
                mine, all_of_them = counts.get(f"1|{subject}", 0), counts.get(f"2|{subject}", 0)
                if not holds(rule, mine, all_of_them):
                    yield from self._end(state, rule.name, subject, minute)
        state.truncated += cut_subjects(counts, MOST_SUBJECTS)

    def _begin(
        self,
        state: SiteState,
        rule: Rule,
        subject: str,
        minute: int,
        words: tuple[str, dict[str, str]],
    ) -> Iterator[Finding]:
        explanation, details = words
        clock_ms, cooldown = (minute + 1) * MINUTE_MS, rule.cooldown_seconds
        if not state.quiet.keep_up(rule.name, subject, clock_ms=clock_ms):
            return
        if state.ceiling.admits(
            rule.name, subject, clock_ms=minute * MINUTE_MS, cooldown=cooldown
        ) and state.quiet.fire(
            rule.name, subject, clock_ms=clock_ms, minute=minute, cooldown=cooldown
        ):
            yield Finding(
                rule=rule.name,
                severity=rule.severity,
                scope=rule.scope,
                subject=subject,
                mark=subject,
                time_ms=minute * MINUTE_MS,
                arrival_ms=clock_ms,
                explanation=explanation,
                details={"minute": minute_text(minute), **details},
                told=self._telling.page(subject) if rule.scope == "Page" else "",
            )

    def _end(self, state: SiteState, name: str, subject: str, minute: int) -> Iterator[Ending]:
        began = state.quiet.end(name, subject)
        if began is not None:
            yield Ending(name, subject, began, minute * MINUTE_MS)


def _tell(verdict: Verdict, minute: int) -> tuple[str, dict[str, str]]:
    span = "this minute" if verdict.minutes == 1 else f"the last {verdict.minutes} minutes"
    side = "above" if verdict.count > verdict.expected else "below"
    text = (
        f"Traffic is {side} its season: {verdict.count} events in {span} until "
        f"{minute_text(minute)}, {verdict.expected:.0f} expected"
    )
    return (
        text,
        {"count": str(verdict.count), "expected": f"{verdict.expected:.0f}"},
    )


def _is_of(key: str, name: str) -> bool:
    return key.startswith(f"{name}|")


def _code(tally: Tally) -> str:
    """Return the name under which a rule's memory stands: another meaning, another memory.

    A season is that of what is counted; severity and quiet time change nothing that is learned.
    """
    rule = tally.rule
    meaning: list[object] = [tally.code, tally.all_code, rule.kind]
    if rule.kind != "Seasonal":
        meaning += [rule.operator, rule.limit, rule.per_seconds, rule.for_seconds, rule.min_volume]
    digest = hashlib.blake2b(json.dumps(meaning).encode(), digest_size=4).hexdigest()
    return f"{rule.name}|{digest}"
