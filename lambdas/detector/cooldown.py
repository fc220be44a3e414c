"""Suppression: one incident of a rule and subject at a time, and silence for a while after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OVER = -1


@dataclass(slots=True)
class Quiet:
    """By `<rule>|<mark>`: [time until which no new incident begins, its minute, last firing].

    The minute is `OVER` once the incident is over. All times in UTC ms of the clock of whoever
    judges, so that the same events give the same incidents whenever they are judged.
    """

    entries: dict[str, list[int]] = field(default_factory=dict)

    def fire(self, rule: str, mark: str, *, clock_ms: int, minute: int, cooldown: int) -> bool:
        """Note that a rule holds for a subject; return whether an incident begins.

        Args:
            rule: the rule's name.
            mark: the subject's short form.
            clock_ms: now, for the judge.
            minute: the minute of the event, since 1970: the incident's.
            cooldown: seconds.
        """
        if not self.keep_up(rule, mark, clock_ms=clock_ms):
            return False
        self.entries[f"{rule}|{mark}"] = [clock_ms + cooldown * 1000, minute, clock_ms]
        return True

    def keep_up(self, rule: str, mark: str, *, clock_ms: int) -> bool:
        """Note that a rule holds for a subject; return whether `fire` would begin an incident."""
        entry = self.entries.get(f"{rule}|{mark}")
        if entry is None:
            return True
        if entry[1] != OVER:
            entry[2] = max(entry[2], clock_ms)
            return False
        return clock_ms >= entry[0]

    def end(self, rule: str, mark: str) -> int | None:
        """Note that a rule holds no longer; return the minute of the incident that is over."""
        entry = self.entries.get(f"{rule}|{mark}")
        if entry is None or entry[1] == OVER:
            return None
        minute, entry[1] = entry[1], OVER
        return minute

    def last_firing(self, rule: str, mark: str) -> int | None:
        """Return when the rule of an incident that lasts held last; None when none lasts."""
        entry = self.entries.get(f"{rule}|{mark}")
        return None if entry is None or entry[1] == OVER else entry[2]

    def silent(
        self, clock_ms: int, calm_ms: Callable[[str], int]
    ) -> Iterator[tuple[str, str, int]]:
        """Yield (rule, mark, last firing) of incidents whose rule kept still for its calm time."""
        for key, (_, minute, last) in self.entries.items():
            rule, _, mark = key.partition("|")
            if minute != OVER and last + calm_ms(rule) <= clock_ms:
                yield rule, mark, last

    def forget(self, clock_ms: int) -> None:
        """Drop what is over and may fire again."""
        for key in [
            key
            for key, (until, minute, _) in self.entries.items()
            if minute == OVER and until <= clock_ms
        ]:
            del self.entries[key]

    def cut(self, most: int) -> int:
        """Keep the `most` youngest entries; returns how many were given up."""
        surplus = len(self.entries) - most
        if surplus <= 0:
            return 0
        oldest = sorted(self.entries, key=lambda key: self.entries[key][2])[:surplus]
        for key in oldest:
            del self.entries[key]
        return surplus
