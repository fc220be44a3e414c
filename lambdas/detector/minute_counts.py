"""What a lane counts by minute for the rules that no lane can judge alone. Pure.

A tally's key is what is counted (`*`: everything), for pages and networks with the subject after
`|`: `<scope><code>|<subject>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.rule_filter import EVERYTHING, Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Tallies:
    """The tallies of all rules whose scope is more than a session."""

    def __init__(self, rules: Sequence[Rule], fields: Fields) -> None:
        self._tallies = [Tally(rule, fields) for rule in rules if rule.scope != "Session"]

    def add(self, counts: dict[str, int], event: Event) -> None:
        """Count an event, once for each key."""
        keys = {EVERYTHING}
        for tally in self._tallies:
            subject = tally.selection.subject(event)
            if subject is None:
                continue
            suffix = "" if tally.rule.scope == "Site" else f"|{subject}"
            if tally.selection.takes(event):
                keys.add(tally.code + suffix)
            if tally.rule.kind == "Ratio":
                keys.add(tally.all_code + suffix)
        for key in keys:
            counts[key] = counts.get(key, 0) + 1


def cut_subjects(counts: dict[str, int], most: int) -> int:
    """Keep the `most` busiest subjects; returns how many were given up."""
    surplus = len(counts) - most
    if surplus <= 0:
        return 0
    rarest = sorted((key for key in counts if "|" in key), key=lambda key: (counts[key], key))
    for key in rarest[:surplus]:
        del counts[key]
    return min(surplus, len(rarest))
