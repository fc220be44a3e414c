"""Counts of a lane by minute, for the rules that no lane can judge alone. Pure.

A tally's key is what is counted (`*`: everything), for pages and networks with the subject after
`|`: `<scope><code>|<subject>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.rule_filter import EVERYTHING, Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shared.config import Fields, Rule
    from shared.records import Event


class Tally:
    """The keys of one rule: of the events that it takes, and of all events beside them."""

    def __init__(self, rule: Rule, fields: Fields) -> None:
        self.rule = rule
        self.selection = Selection(rule, fields)
        of_site = rule.scope == "Site"
        self.code = self.selection.code if of_site else f"{rule.scope}{self.selection.code}"
        self.all_code = EVERYTHING if of_site else f"{rule.scope}{EVERYTHING}"

    def keys(self, event: Event) -> Iterator[str]:
        """Yield the keys under which an event counts."""
        subject = self.selection.subject(event)
        if subject is None:
            return
        suffix = "" if self.rule.scope == "Site" else f"|{subject}"
        if self.selection.takes(event):
            yield self.code + suffix
        if self.rule.kind == "Ratio":
            yield self.all_code + suffix


class Tallies:
    """The tallies of all rules whose scope is more than a session."""

    def __init__(self, rules: Sequence[Rule], fields: Fields) -> None:
        self._tallies = [Tally(rule, fields) for rule in rules if rule.scope != "Session"]

    def add(self, counts: dict[str, int], event: Event) -> int:
        """Count an event, once for each key; returns for how many rules that failed."""
        keys = {EVERYTHING}
        failed = 0
        for tally in self._tallies:
            try:
                keys.update(tally.keys(event))
            except Exception:  # noqa: BLE001 - one rule's own failure, which would recur for ever
                failed += 1
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        return failed


def cut_subjects(counts: dict[str, int], most: int) -> int:
    """Keep the `most` busiest subjects; returns how many were given up."""
    surplus = len(counts) - most
    if surplus <= 0:
        return 0
    rarest = sorted((key for key in counts if "|" in key), key=lambda key: (counts[key], key))
    for key in rarest[:surplus]:
        del counts[key]
    return min(surplus, len(rarest))
