"""State of one lane of the detector: a pure function of the lane's events in order.

Kept in the counters table as `metric_name` = `detector`, `time_window` = lane code, with `wm`, a
compressed `state`, `truncated` (entries given up because the item was full), `left_out` (records
and verdicts that failed by themselves), `folded` (subjects that a ceiling folded) and `ceiling`,
`last_arrival`, `ttl`; `tries` and `error` while attempts at the next record are on record. A
version that knows only the first four and the last two leaves the others as they are.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from detector.ceiling import Ceiling
from detector.cooldown import OVER, Quiet
from shared.lanes import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sized

LARGEST_STATE_BYTES = 300_000
"""Below DynamoDB's 400 KB an item (Developer Guide, "Service, account, and table quotas")."""
SESSION_MINUTES = "60"
"""The series that counts all events of a session by the minute."""
_PARTS_OF_FIRST_FORM, _PARTS = 4, 6
_AFTER_CUT = 0.75
"""Share of the limit that a state is cut down to, so that not every write has to cut it again."""
_LARGE_BYTES, _FAST, _SMALL = 100_000, 1, 6
"""Above that size marks, which are random, are most of a state: a higher level gains a tenth."""


@dataclass(slots=True)
class Checkout:
    """A checkout whose verdict waits for the processor.

    `later` counts the session's events that the detector saw after it, by sequence number; those
    that follow in the same record stand under the checkout's own number. `told`: the session's name
    in alerts.
    """

    sequence: int
    session: str
    time_ms: int
    arrival_ms: int
    details: dict[str, str]
    later: dict[int, int] = field(default_factory=dict)
    told: str = ""


@dataclass(slots=True)
class LaneState:
    """The state of one lane.

    `clock_ms` is the latest arrival of an event, `last_arrival_ms` that of any record. `open`
    counts by series (seconds of a window, and what is counted), window and mark; `values` holds by
    rule, window and mark the values seen; `tallies` counts by minute what the rules beyond one
    lane ask for, for the tick to collect. `tries` attempts at the records after `watermark` have
    begun whose end nobody has seen, the last ended with `error`.
    """

    lane_code: str = ""
    watermark: int = NOTHING
    clock_ms: int = 0
    open: dict[str, dict[int, dict[str, int]]] = field(default_factory=dict)
    values: dict[str, dict[int, dict[str, list[str]]]] = field(default_factory=dict)
    quiet: Quiet = field(default_factory=Quiet)
    tallies: dict[int, dict[str, int]] = field(default_factory=dict)
    pending: list[Checkout] = field(default_factory=list)
    ceiling: Ceiling = field(default_factory=Ceiling)
    truncated: int = 0
    folded: int = 0
    left_out: int = 0
    tries: int = 0
    error: str = ""
    last_arrival_ms: int = 0

    def count(self, series: str, window: int, mark: str) -> int:
        """Count one more event; returns how many there are now."""
        counts = self.open.setdefault(series, {}).setdefault(window, {})
        counts[mark] = counts.get(mark, 0) + 1
        return counts[mark]

    def encode(self) -> bytes:
        """Return `state` as bytes within the limit; gives up entries until it fits."""
        data = self._compress()
        while len(data) > LARGEST_STATE_BYTES:
            self._shrink(1 - _AFTER_CUT * LARGEST_STATE_BYTES / len(data))
            data = self._compress()
        return data

    def _compress(self) -> bytes:
        raw = json.dumps(self._parts(), separators=(",", ":")).encode()
        return zlib.compress(raw, _FAST if len(raw) > _LARGE_BYTES else _SMALL)

    def _parts(self) -> list[Any]:
        pending = [asdict(checkout) for checkout in self.pending]
        quiet = self.quiet.entries
        return [self.clock_ms, self.open, self.values, quiet, self.tallies, pending]

    def _shrink(self, share: float) -> None:
        """Give up a share of the counts, those that are lowest, and of all else the oldest share.

        Sessions with few events are the least likely to cross a threshold.
        """
        given_up = self._shrink_counts(share) + self._shrink_values(share)
        given_up += self._shrink_tallies(share)
        oldest = self.pending[: _part(self.pending, share)]
        del self.pending[: len(oldest)]
        given_up += len(oldest)
        # These cost most when lost: an incident would begin again, or never be over.
        given_up = given_up or self.quiet.cut(len(self.quiet.entries) // 2)
        self.truncated += given_up or self._shrink_minutes(share)

    def _shrink_counts(self, share: float) -> int:
        every = sorted(
            count
            for windows in self.open.values()
            for counts in windows.values()
            for count in counts.values()
        )
        surplus = left = _part(every, share)
        if not surplus:
            return 0
        limit = every[surplus - 1]
        equal = surplus - sum(count < limit for count in every[:surplus])
        for windows in self.open.values():
            for window, counts in [*windows.items()]:
                for mark, count in [*counts.items()]:
                    if count < limit or (count == limit and equal):
                        equal -= count == limit
                        left -= 1
                        del counts[mark]
                if not counts:
                    del windows[window]
        return surplus - left

    def _shrink_values(self, share: float) -> int:
        given_up = 0
        for windows in self.values.values():
            for window in sorted(windows)[: _part(windows, share)]:
                given_up += max(1, len(windows.pop(window)))
        return given_up

    def _shrink_tallies(self, share: float) -> int:
        """Give up the rarest subjects of each minute; the site's own counts stay."""
        given_up = 0
        for counts in self.tallies.values():
            subjects = sorted(
                (each for each in counts if "|" in each), key=lambda each: counts[each]
            )
            for each in subjects[: _part(subjects, share)]:
                del counts[each]
                given_up += 1
        return given_up

    def _shrink_minutes(self, share: float) -> int:
        """Give up the last minutes of the site: only events of the future can make so many."""
        minutes = sorted(self.tallies, reverse=True)
        for minute in minutes[: _part(minutes, share)]:
            del self.tallies[minute]
        return len(minutes)

    @classmethod
    def decode(cls, data: bytes) -> LaneState:
        """Return the part of a state that `encode` wrote."""
        parts = json.loads(zlib.decompress(data))
        if len(parts) == _PARTS_OF_FIRST_FORM:
            # Before rules of one's own: minutes of sessions, and quiet times without endings.
            clock_ms, minutes, cooldowns, pending = parts
            opened = {SESSION_MINUTES: minutes}
            quiet = {name: [until, OVER, until] for name, until in cooldowns.items()}
            values: dict[str, Any] = {}
            tallies: dict[str, Any] = {}
        else:
            # A later version may have added to them.
            clock_ms, opened, values, quiet, tallies, pending = parts[:_PARTS]
        return cls(
            clock_ms=clock_ms,
            open={series: _by_number(windows) for series, windows in opened.items()},
            values={rule: _by_number(windows) for rule, windows in values.items()},
            quiet=Quiet(quiet),
            tallies=_by_number(tallies),
            pending=[_checkout(each) for each in pending],
        )


def _by_number(windows: dict[str, Any]) -> dict[int, Any]:
    return {int(number): counts for number, counts in windows.items()}


def _checkout(parts: dict[str, Any]) -> Checkout:
    later = {int(sequence): count for sequence, count in parts["later"].items()}
    known = {each.name: parts[each.name] for each in fields(Checkout) if each.name in parts}
    return Checkout(**known | {"later": later})


def _part(entries: Sized, share: float) -> int:
    """Return how many of some entries a share of them is, at least one of any."""
    return min(len(entries), int(len(entries) * share) + 1)
