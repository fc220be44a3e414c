"""Quality of the detector, beside naive rules: ``python -m benchmarks.detection``.

Traffic as a whole: 42 days of counts by the minute with a daily and a weekly season, a spread of
13 % from minute to minute beside the Poisson noise, and 57 incidents in the last 28 days, which are
the ones scored. An incident counts as seen when an alert begins while it lasts. False alarms are
those in the same traffic without incidents, six times over. Sessions: the generator's traffic with
robots and phones whose name holds `bot`, crowded into minutes and spread over a day with the same
season. Everything goes through the code of the function.

Beside it, in the same run: a rule of thumb, and the rules of the original Terraform recipe. Of the
original's three, one reads an item that nothing writes and two judge single events, so none can
see a change of traffic.
"""

from __future__ import annotations

import base64
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

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.synthetic.generator import Record, generate
from clickstream_operator.synthetic.season import season
from detector.detector import Detector
from detector.messages import SUBJECT
from detector.seasonality import LIMITS, Season
from simulator.stores import HASH_KEY, Stores, make_config

REPORT: Final = Path(__file__).parents[1] / "build" / "bench-detection.json"
_DAY: Final = 1440
_DAYS: Final = 42
_LEARNT: Final = 14
_SPREAD: Final = 0.13
_SEED: Final = 20261123
_WEEKS: Final = (_DAYS - _LEARNT) / 7
_QUIET_RUNS: Final = 6
_EVENTS: Final = 3000
_BOTS: Final = 5
_BEHIND: Final = 200
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
    """One figure with its limit, if it has one, and what others did in the same run."""

    what: str
    found: float
    unit: str
    limit: str = ""
    met: bool = True
    naive: float | None = None
    original: float | None = None


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


class Original:
    """The original's rules about a count: one, of an item that nothing writes."""

    def __call__(self, minute: int, count: int) -> bool:
        """Tell whether a rule fires in this minute."""
        del minute, count
        written: dict[str, int] = {}
        return written.get("session_events", 0) > 50  # noqa: PLR2004 - the rule's


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
        mean = volume * season(_FIRST_MINUTE + minute) * noise * factors.get(minute, 1.0)
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
    quiet: list[int] = []
    for number in range(1, _QUIET_RUNS + 1):
        quiet += begun(make(), counts(_SEED + number, volume, []))
    scored = [alert for alert in quiet if alert >= _LEARNT * _DAY]
    return {
        "seen": {name: len(delays) for name, delays in seen.items()},
        "delay": max(seen["outage"] + seen["spike of 3x"], default=0),
        "false": len(scored) / _WEEKS / _QUIET_RUNS,
        "young": (len(quiet) - len(scored)) / (_LEARNT / 7) / _QUIET_RUNS,
    }


def measure_traffic(volume: float) -> Iterator[Row]:
    """Yield what is seen of incidents of the traffic at a mean of `volume` events a minute."""
    ours, naive, original = (score(make, volume) for make in (Seasonal, Naive, Original))
    bound = volume >= 100  # noqa: PLR2004 - the limits are those of 700
    at = f"{volume:.0f}/min"
    for name, _, times in _KINDS:
        needed = _NEEDED.get(name) if bound else None
        found = ours["seen"][name]
        yield Row(
            f"{at}: {name} seen",
            found,
            f"of {times}",
            f">= {needed}" if needed else "",
            needed is None or found >= needed,
            naive["seen"][name],
            original["seen"][name],
        )
    yield Row(
        f"{at}: false alarms",
        round(ours["false"], 2),
        "a week",
        f"<= {_MOST_FALSE}" if bound else "",
        not bound or ours["false"] <= _MOST_FALSE,
        round(naive["false"], 2),
        original["false"],
    )
    for name, key, unit in (
        ("false alarms of the first two weeks", "young", "a week"),
        ("slowest sight of a spike or an outage", "delay", "min"),
    ):
        yield Row(f"{at}: {name}", round(ours[key], 2), unit, naive=round(naive[key], 2))


def measure_sessions(span: str, minutes: int) -> Iterator[Row]:
    """Yield what is seen of robots among the generator's sessions of a span."""
    now = _FIRST_MINUTE * 60.0
    traffic = generate(_SEED, _EVENTS, now, bots=_BOTS, broken=0, minutes=minutes)
    stores = Stores()
    detector = Detector(
        make_config("detector", Spec(), "e1"),
        dynamodb=stores.tables,
        sns=stores.topic,
        hash_key=HASH_KEY,
        clock=lambda: now,
        out=lambda _: None,
    )
    for start in range(0, len(traffic.records), 500):
        part = traffic.records[start : start + 500]
        now = part[-1].sent_ms / 1000
        detector.process({"Records": [_delivered(start + n, one) for n, one in enumerate(part)]})
    bots = {session for _, session in traffic.truth.incidents}
    ours = [
        json.loads(message["Message"])["session_id"]
        for message in stores.topic.messages
        if message["Subject"] == SUBJECT
    ]
    original = list(original_alerts([json.loads(record.data) for record in traffic.records]))
    seen = len(bots & {*ours})
    false = sum(session not in bots for session in ours)
    yield Row(
        f"sessions of {span}: robots of 60 events a minute seen",
        seen,
        f"of {_BOTS}",
        f">= {_BOTS}",
        seen >= _BOTS,
        original=len(bots & {*original}),
    )
    yield Row(
        f"sessions of {span}: false alerts",
        false,
        f"in {_EVENTS} events",
        "<= 0",
        false == 0,
        original=sum(session not in bots for session in original),
    )


def original_alerts(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the session of each alert of the original's rules, which keep no memory of alerts.

    The counters of sessions are those of another function, which here is 200 events behind.
    """
    counted: dict[str, int] = {}
    for number, event in enumerate(events):
        if number >= _BEHIND:
            session = events[number - _BEHIND]["session_id"]
            counted[session] = counted.get(session, 0) + 1
        agent = event["user_agent"].lower()
        early = "/checkout" in event["page_url"] and counted.get(event["session_id"], 0) < 3  # noqa: PLR2004
        if early or any(word in agent for word in ("bot", "crawler", "spider", "scraper")):
            yield event["session_id"]


def _delivered(number: int, record: Record) -> dict[str, Any]:
    return {
        "eventID": f"shardId-000000000000:{number}",
        "kinesis": {
            "sequenceNumber": str(number + 1),
            "approximateArrivalTimestamp": record.sent_ms / 1000,
            "data": base64.b64encode(record.data).decode(),
        },
    }


def measure() -> list[Row]:
    """Return all figures; takes under a minute."""
    return [
        *measure_traffic(700.0),
        *measure_traffic(12.0),
        *measure_sessions("4 minutes", 4),
        *measure_sessions("a day", _DAY),
    ]


@click.command()
@click.option("--json", "path", type=click.Path(path_type=Path), default=REPORT, help="Report.")
def main(path: Path) -> None:
    """Print the figures, limits beside them, and write them as JSON."""
    rows = measure()
    table = Table("figure", "found", "limit", "rule of thumb", "original", "")
    for row in rows:
        naive, original = (
            "" if each is None else f"{each:g}" for each in (row.naive, row.original)
        )
        verdict = "" if not row.limit else "met" if row.met else "MISSED"
        table.add_row(row.what, f"{row.found:g} {row.unit}", row.limit, naive, original, verdict)
    Console().print(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    if not all(row.met for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
