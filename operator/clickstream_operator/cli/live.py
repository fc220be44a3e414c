"""Live counts of a pipeline: events by type and minute, with sparklines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=*#"
_MINUTE: Final = "%Y-%m-%dT%H:%M"


def sparkline(counts: Sequence[int], *, plain: bool = False) -> str:
    """One character for each count, by its share of the most; a space for none."""
    bars = _PLAIN if plain else _BARS
    most = max(counts, default=0)
    if not most:
        return " " * len(counts)
    last = len(bars) - 1
    return "".join(bars[round(count / most * last)] if count else " " for count in counts)


def minutes_until(now: datetime, count: int) -> list[str]:
    """The last minutes as the tables name them, oldest first, with the present one."""
    return [(now - timedelta(minutes=back)).strftime(_MINUTE) for back in reversed(range(count))]


@dataclass(slots=True)
class Watch:
    """Counts and incidents since the watch began."""

    began: datetime
    before: dict[str, int]
    """Events by type in the minutes shown at the beginning."""
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Events by type and minute."""
    incidents: dict[str, str] = field(default_factory=dict)
    """Line about each incident, by its id."""

    def see(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Take newer counts."""
        for kind, minutes in counts.items():
            self.counts.setdefault(kind, {}).update(minutes)

    def new_events(self) -> dict[str, int]:
        """Events by type since the beginning."""
        return {
            kind: sum(minutes.values()) - self.before.get(kind, 0)
            for kind, minutes in sorted(self.counts.items())
        }

    def rows(self, now: datetime, minutes: int, *, plain: bool) -> list[tuple[Any, ...]]:
        """Type, events of this minute and of the last, of all minutes shown, and a sparkline."""
        shown = minutes_until(now, minutes)
        rows = []
        for kind, seen in sorted(self.counts.items()):
            series = [seen.get(minute, 0) for minute in shown]
            last = series[-2] if len(series) > 1 else 0
            rows.append((kind, series[-1], last, sum(series), sparkline(series, plain=plain)))
        return rows

    def summary(self, now: datetime) -> str:
        """Events and incidents of the watch, in a line."""
        seconds = max(0, round((now - self.began).total_seconds()))
        events = self.new_events()
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in events.items() if count)
        said = f"{sum(events.values()):,} events counted in {seconds} s"
        said += f" ({kinds})" if kinds else ""
        return f"{said}, {len(self.incidents)} incidents"
