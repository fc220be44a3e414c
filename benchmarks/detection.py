"""How well the volume rule sees, beside the naive rule: ``python -m benchmarks.detection``.

Simulated traffic: 42 days of counts by the minute with a daily and a weekly season, a spread of
13 % from minute to minute beside the Poisson noise, and 57 incidents in the last 28 days, which are
the ones scored. An incident counts as seen when an alert begins while it lasts. False alarms are
those in the same traffic without incidents. Everything goes through the code of the function.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

# The functions are packages of their own, which nothing installs.
sys.path.append(str(Path(__file__).parents[1] / "lambdas"))

from detector.seasonal import LIMITS, Season

REPORT: Final = Path(__file__).parents[1] / "build" / "bench-detection.json"
_DAY: Final = 1440
_DAYS: Final = 42
_LEARNT: Final = 14
_SPREAD: Final = 0.13
_SEED: Final = 20261123
_WEEKS: Final = (_DAYS - _LEARNT) / 7
_FIRST_MINUTE: Final = 29_447_040  # A midnight in UTC.
#: What happens to the traffic: name, factor, how often.
_KINDS: Final = (
    ("spike of 3x", 3.0, 12),
    ("outage", 0.0, 12),
    ("drop of 80 %", 0.2, 11),
    ("drop of 50 %", 0.5, 11),
    ("rise of 50 %", 1.5, 11),
)
#: How many of each the rule must see at 700 events a minute.
_NEEDED: Final = {"spike of 3x": 12, "outage": 12, "drop of 50 %": 10}
_MOST_FALSE: Final = 0.5

Alarm = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its limit, if it has one, and what the naive rule did in the same run."""

    what: str
    found: float
    unit: str
    limit: str = ""
    met: bool = True
    naive: float | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """A stretch of odd traffic; `start` and `end` in minutes, the end excluded."""

    kind: str
    factor: float
    start: int
    end: int


class Naive:
    """More than twice or less than 0.3 of the last hour's mean, two minutes in a row."""

    def __init__(self) -> None:
        self._hour: list[int] = []
        self._odd = 0

    def __call__(self, minute: int, count: int) -> bool:
        """Tell whether the rule fires in this minute."""
        del minute
        mean = sum(self._hour) / len(self._hour) if len(self._hour) == 60 else None  # noqa: PLR2004
        self._hour = [*self._hour[-59:], count]
        odd = mean is not None and not 0.3 * mean <= count <= 2 * mean
        self._odd = self._odd + 1 if odd else 0
        return self._odd >= 2  # noqa: PLR2004 - minutes in a row


class Seasonal:
    """The volume rule of the function at medium sensitivity."""

    def __init__(self) -> None:
        self._season = Season()

    def __call__(self, minute: int, count: int) -> bool:
        """Tell whether the series is odd in this minute."""
        self._season.feed(minute, count, LIMITS["Medium"])
        if minute % _DAY == 0:  # As the function does after each minute.
            self._season = Season.decode(json.loads(json.dumps(self._season.encode())))
        return self._season.odd


def _mean(minute: int, volume: float) -> float:
    """The traffic expected in a minute: quiet nights, busy evenings, quieter weekends."""
    hour = minute % _DAY / 60
    day = (
        1 + 0.55 * math.sin(2 * math.pi * (hour - 9) / 24) + 0.1 * math.sin(4 * math.pi * hour / 24)
    )
    weekend = 0.75 if minute // _DAY % 7 in {2, 3} else 1.0
    return volume * day * weekend


def _poisson(source: random.Random, mean: float) -> int:
    if mean > 60:  # noqa: PLR2004 - from here on a normal one is as good
        return max(0, round(source.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), source.random(), 0
    while product > limit:
        product *= source.random()
        count += 1
    return count


def counts(seed: int, volume: float, incidents: list[Incident]) -> Iterator[tuple[int, int]]:
    """Yield (minute, count) for all days."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    factors = {minute: each.factor for each in incidents for minute in range(each.start, each.end)}
    shape = 1 / _SPREAD**2
    for minute in range(_DAYS * _DAY):
        noise = source.gammavariate(shape, 1 / shape)
        mean = _mean(_FIRST_MINUTE + minute, volume) * noise * factors.get(minute, 1.0)
        yield _FIRST_MINUTE + minute, _poisson(source, mean)


def plan(seed: int) -> list[Incident]:
    """Return the incidents: 10 to 40 minutes each, at least three hours apart."""
    source = random.Random(seed)  # noqa: S311 - reproducible
    kinds = [(name, factor) for name, factor, times in _KINDS for _ in range(times)]
    source.shuffle(kinds)
    slot = (_DAYS - _LEARNT) * _DAY // len(kinds)
    incidents = []
    for index, (name, factor) in enumerate(kinds):
        start = _LEARNT * _DAY + index * slot + source.randrange(slot - 180)
        incidents.append(Incident(name, factor, start, start + source.randint(10, 40)))
    return incidents


def begun(rule: Alarm, traffic: Iterator[tuple[int, int]]) -> list[int]:
    """Return the minutes, from the first one on, in which alerts of the scored days began."""
    alerts, before = [], False
    for minute, count in traffic:
        now = rule(minute, count)
        if now and not before:
            alerts.append(minute - _FIRST_MINUTE)
        before = now
    return alerts


def score(make: Callable[[], Alarm], volume: float) -> dict[str, Any]:
    """Return what a rule saw, by kind, its delays, and its false alarms a week."""
    incidents = plan(_SEED)
    alerts = begun(make(), counts(_SEED, volume, incidents))
    seen: dict[str, list[int]] = {name: [] for name, _, _ in _KINDS}
    for incident in incidents:
        during = [alert for alert in alerts if incident.start <= alert < incident.end]
        if during:
            seen[incident.kind].append(during[0] - incident.start + 1)
    quiet = begun(make(), counts(_SEED + 1, volume, []))
    scored = [alert for alert in quiet if alert >= _LEARNT * _DAY]
    return {
        "seen": {name: len(delays) for name, delays in seen.items()},
        "delay": max(seen["outage"] + seen["spike of 3x"], default=0),
        "false": len(scored) / _WEEKS,
        "young": (len(quiet) - len(scored)) / (_LEARNT / 7),
    }


def measure() -> list[Row]:
    """Return all figures; takes some seconds."""
    rows = []
    for volume in (700.0, 12.0):
        ours, naive = score(Seasonal, volume), score(Naive, volume)
        bound = volume >= 100  # noqa: PLR2004 - the limits are those of 700
        at = f"at {volume:.0f} events a minute"
        for name, _, times in _KINDS:
            needed = _NEEDED.get(name) if bound else None
            found = ours["seen"][name]
            rows.append(
                Row(
                    f"{name} seen, {at}",
                    found,
                    f"of {times}",
                    f">= {needed}" if needed else "",
                    needed is None or found >= needed,
                    naive["seen"][name],
                )
            )
        rows.append(
            Row(
                f"false alarms, {at}",
                ours["false"],
                "a week",
                f"<= {_MOST_FALSE}" if bound else "",
                not bound or ours["false"] <= _MOST_FALSE,
                naive["false"],
            )
        )
        rows.append(
            Row(
                f"false alarms of the first two weeks, {at}",
                ours["young"],
                "a week",
                naive=naive["young"],
            )
        )
        rows.append(
            Row(
                f"slowest sight of spike or outage, {at}",
                ours["delay"],
                "min",
                naive=naive["delay"],
            )
        )
    return rows


@click.command()
@click.option("--json", "path", type=click.Path(path_type=Path), default=REPORT, help="Report.")
def main(path: Path) -> None:
    """Print the figures, limits beside them, and write them as JSON."""
    rows = measure()
    table = Table("figure", "found", "limit", "naive rule", "")
    for row in rows:
        naive = "" if row.naive is None else f"{row.naive:g}"
        verdict = "" if not row.limit else "met" if row.met else "MISSED"
        table.add_row(row.what, f"{row.found:g} {row.unit}", row.limit, naive, verdict)
    Console().print(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    if not all(row.met for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
