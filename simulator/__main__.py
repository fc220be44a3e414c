"""`make demo-exact`: every count beside the truth, with every fault on, then the original's design.

The generator's events go through the real handlers in the simulator, with a reshard in the middle.
Prints both runs beside the truth; exit code 1 if a count of the handlers differs from it.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from clickstream_operator.synthetic.generator import Traffic, generate
from simulator.replay import Replay, replay
from simulator.stores import PAGES, Stores
from simulator.trial import START

_RATE: Final = 0.01
_BUDGET: Final = 600
#: A page item counts so many visitors exactly; above, its sketch has a standard error of 3.25 %.
_MOST_EXACT: Final = 96
_NEAR: Final = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of count: by key, the truth and what was found; None where a design has none."""

    what: str
    truth: Counter[Any]
    found: Counter[Any] | None
    estimate: bool = False

    @property
    def over(self) -> int:
        """Surplus over all keys."""
        return 0 if self.found is None else (self.found - self.truth).total()

    @property
    def lost(self) -> int:
        """Deficit over all keys."""
        return self.truth.total() if self.found is None else (self.truth - self.found).total()

    @property
    def exact(self) -> bool:
        """Whether nothing is."""
        return not self.over and not self.lost

    @property
    def good(self) -> bool:
        """Whether it is exact, or an estimate whose every key lies within 10 % of the truth."""
        if not self.estimate or self.found is None:
            return self.exact
        near = (abs(self.found[key] - n) <= _NEAR * n for key, n in self.truth.items())
        return self.found.keys() == self.truth.keys() and all(near)

    def text(self) -> str:
        """Return what was found and how it differs."""
        if self.found is None:
            return "[dim]not kept[/]"
        total = f"{self.found.total():,}"
        if self.estimate and self.good:
            return f"{total}  [green]within 10 %[/]"
        if self.exact:
            return f"{total}  [green]exact[/]"
        return f"{total}  [red]+{self.over:,} -{self.lost:,}[/]"


def read_lines(traffic: Traffic, stores: Stores, *, original: bool) -> list[Line]:
    """Return every count of a run beside the truth."""
    truth, read = traffic.truth, stores.readback(lambda: START)
    sessions = read.all_sessions()
    views: Counter[Any] = Counter()
    visitors: Counter[Any] = Counter()
    if original:
        views = _naive_views(stores)
    else:
        for page, hours in read.all_page_views().items():
            for hour, found in hours.items():
                views[page, hour] = found.views
                visitors[page, hour] = found.unique_visitors
    people = _flat(truth.visitors)
    few = Counter({key: n for key, n in people.items() if n <= _MOST_EXACT})
    last = Counter((name, one.last_activity) for name, one in sessions.items())
    ends = Counter(
        (name, one.first_activity, one.last_activity, one.entry_page, one.exit_page)
        for name, one in sessions.items()
    )
    raw, bad = _archived(stores, original=original)
    incidents = Counter((one.rule, one.session_id) for one in read.incidents())
    told = Counter(
        (each["type"], message["session_id"])
        for message in (json.loads(one["Message"]) for one in stores.topic.messages)
        for each in message["anomalies"]
    )
    events = {f"event-{number:08d}": 1 for number in range(truth.archived_events)}
    return [
        Line("events by type and minute", _flat(truth.counters), _flat(read.all_counts())),
        Line("page views by page and hour", _flat(truth.page_views), views),
        Line("unique visitors, to 96 a page and hour", few,
             None if original else Counter({key: visitors[key] for key in few})),
        Line("unique visitors, above (estimate)", people - few,
             None if original else Counter({k: n for k, n in visitors.items() if k not in few}),
             estimate=True),
        Line("events by session",
             Counter({name: one.event_count for name, one in truth.sessions.items()}),
             Counter({name: one.event_count for name, one in sessions.items()})),
        Line("sessions' last activity",
             Counter((name, one.last_activity) for name, one in truth.sessions.items()), last),
        Line("sessions' first, entry and exit",
             Counter((name, one.first_activity, one.last_activity, one.entry_page, one.exit_page)
                     for name, one in truth.sessions.items()),
             None if original else ends),
        Line("archived events, each once", Counter(events), raw),
        Line("bad rows by reason", Counter(truth.bad_rows), None if original else bad),
        Line("incidents", Counter(truth.incidents), None if original else incidents),
        Line("alerts, at least one each", Counter(truth.incidents),
             told if original else Counter(set(told))),
    ]  # fmt: skip


def _flat(table: Any) -> Counter[Any]:
    return Counter({(key, time): n for key, row in table.items() for time, n in row.items()})


def _naive_views(stores: Stores) -> Counter[Any]:
    views: Counter[Any] = Counter()
    for item in stores.tables.items(PAGES):
        page = item["page_url"]["S"].partition("?")[0]
        views[page, item["timestamp_hour"]["S"]] += int(item["view_count"]["N"])
    return views


def _archived(stores: Stores, *, original: bool) -> tuple[Counter[Any], Counter[Any]]:
    """Return how often each event stands in the bucket, and bad rows by reason."""
    raw: Counter[Any] = Counter()
    bad: Counter[Any] = Counter()
    for key, stored in stores.bucket.objects.items():
        if original and key.startswith("year="):
            raw[json.loads(stored.body).get("event_id")] += 1
        elif not original and stored.body:
            for line in map(json.loads, gzip.decompress(stored.body).splitlines()):
                if key.startswith("raw/"):
                    raw[line["event_id"]] += 1
                else:
                    bad[line["reason"]] += 1
    return raw, bad


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--events", default=2000, show_default=True, help="Valid events to send.")
@click.option("--seed", default=7, show_default=True, help="Of traffic, order and faults.")
def main(events: int, seed: int) -> None:
    """Run both designs and print them beside the truth."""
    console = Console()
    traffic = generate(seed, events, START, broken=12, bots=2, duplicates=10, late=5, future=3)
    console.print(
        f"{len(traffic.records):,} records: {events:,} events (2 robots, 10 sent twice, late and "
        "future ones) and 12 broken records; 2 shards, one reshard in the middle."
    )
    ours = replay(traffic, seed, rate=_RATE, budget=_BUDGET)
    original = replay(traffic, seed, rate=_RATE, budget=_BUDGET, original=True)
    _print_faults(console, ours, original)
    lines = read_lines(traffic, ours.stores, original=False)
    naive = read_lines(traffic, original.stores, original=True)
    table = Table(title="Every count beside the truth", title_justify="left")
    table.add_column("what")
    table.add_column("truth", justify="right")
    table.add_column("clickstream-operator", justify="right")
    table.add_column("original's design", justify="right")
    for mine, theirs in zip(lines, naive, strict=True):
        table.add_row(mine.what, f"{mine.truth.total():,}", mine.text(), theirs.text())
    console.print(table)
    console.print("+ too many or false, - lost or wrong; both summed over all keys.")
    _print_cost(console, events, ours, original)
    if original.discarded:
        console.print(
            f"The original's processor gave up {original.discarded} records after 3 retries; with "
            "its Terraform's settings the first broken one blocks its shard until it expires."
        )
    exact = all(line.good for line in lines)
    verdict = (
        "[green]Exact: every count of clickstream-operator equals the truth.[/]"
        if exact
        else "[red]NOT EXACT.[/]"
    )
    console.print(verdict)
    if not exact:
        raise SystemExit(1)


def _print_faults(console: Console, ours: Replay, original: Replay) -> None:
    table = Table(title="What went wrong", title_justify="left")
    table.add_column("fault")
    table.add_column("clickstream-operator", justify="right")
    table.add_column("original's design", justify="right")
    mine, theirs = ours.faults.happened, original.faults.happened
    for fault in sorted(mine.keys() | theirs.keys(), key=lambda each: each.value):
        table.add_row(fault.value, f"{mine[fault]:,}", f"{theirs[fault]:,}")
    console.print(table)


def _print_cost(console: Console, events: int, ours: Replay, original: Replay) -> None:
    for name, run in (("clickstream-operator", ours), ("original's design", original)):
        usage = run.stores.usage
        console.print(
            f"{name}: {run.invocations:,} invocations, {usage.requests.total():,} requests, "
            f"{usage.write_units.total() * 1000 / events:,.0f} write units per 1,000 events"
        )


if __name__ == "__main__":
    main()
