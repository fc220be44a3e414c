"""Counts what is too much or lost in thousands of faulty runs: ``make test-exact``.

The real handlers in the simulator of the event source mapping (`sandbox/event_source`): every item
and object is compared with the truth after each run. Then the same with each protocol weakened,
which must show. Counts are exact and the same for the same seeds; seconds are of this machine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from simulator.campaign import Campaign, run_campaign
from simulator.checks import KINDS
from simulator.weakened import CONTROLS

REPORT: Final = Path(__file__).parents[1] / "build" / "bench-exactness.json"
RUNS: Final = 10_000
#: A control is believed after this many wrong runs; it may take this many runs to find them.
_ENOUGH: Final = 3
_CONTROL_RUNS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `limit` is the most it may be, or with `at_least` the least."""

    what: str
    found: float
    limit: float
    unit: str
    at_least: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit holds."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit


def measure(
    runs: int = RUNS, *, controls: bool = True, jobs: int | None = None, show: bool = False
) -> list[Row]:
    """Run the campaign, then each control, and return the figures.

    Args:
        runs: faulty runs of the handlers as they are.
        controls: whether to run the weakened ones as well.
        jobs: processes; as many as processors when None.
        show: show progress on the terminal.
    """
    with Progress(console=Console(stderr=True), disable=not show) as progress:
        task = progress.add_task("handlers as they are", total=runs)
        campaign = run_campaign(runs, jobs=jobs, progress=lambda done: progress.advance(task, done))
        rows = _campaign_rows(campaign, runs)
        for control in CONTROLS if controls else ():
            task = progress.add_task(control.name, total=_CONTROL_RUNS)
            weak = run_campaign(
                _CONTROL_RUNS,
                control=control.name,
                enough=_ENOUGH,
                jobs=jobs,
                progress=lambda done, task=task: progress.advance(task, done),  # type: ignore[misc]
            )
            progress.update(task, visible=False)
            rows.append(_control_row(control.name, control.kinds[0], weak))
            # What is wrongly told a repeat stands as one everywhere: the balance sees nothing.
            if weak.lossy and not control.repeats:
                rows.append(_balance_row(control.name, weak))
    return rows


def _campaign_rows(campaign: Campaign, runs: int) -> list[Row]:
    differences = campaign.differences
    rows = [
        Row("faulty runs", campaign.runs, runs, "runs", at_least=True),
        Row("faults", campaign.faults.total(), campaign.runs, "faults", at_least=True),
    ]
    for kind in KINDS:
        note = f"of {differences.checked[kind]}"
        rows.append(Row(f"{kind}: too many or wrong", differences.over[kind], 0, "", note=note))
        rows.append(Row(f"{kind}: lost", differences.lost[kind], 0, "", note=note))
    if campaign.wrong:
        seeds = ", ".join(map(str, campaign.wrong[:10]))
        rows.append(Row("wrong runs", len(campaign.wrong), 0, "runs", note=f"seeds {seeds}"))
    return rows


def _control_row(name: str, kind: str, weak: Campaign) -> Row:
    over, lost = weak.differences.over[kind], weak.differences.lost[kind]
    note = f"{over} too many or wrong, {lost} lost of {weak.differences.checked[kind]}"
    note += f" in {weak.runs} runs"
    return Row(f"control, {name}", over + lost, 1, kind, at_least=True, note=note)


def _balance_row(name: str, weak: Campaign) -> Row:
    note = f"of {len(weak.lossy)} runs with loss or surplus"
    return Row(f"  not seen by the hourly balance, {name}", len(weak.unseen), 0, "runs", note=note)


def table(rows: Sequence[Row]) -> Table:
    """Return the figures as a table, limits beside them."""
    result = Table(title="Exactness under faults", title_justify="left")
    for column in ("figure", "found", "limit", "", "of what"):
        result.add_column(column, justify="right" if column in ("found", "limit") else "left")
    for row in rows:
        limit = f"{'>=' if row.at_least else '<='} {row.limit:,.0f}"
        verdict = "[green]ok[/]" if row.met else "[red]MISSED[/]"
        result.add_row(row.what, f"{row.found:,.0f}", limit, verdict, row.note)
    return result


@click.command(help=__doc__.partition("\n")[0] if __doc__ else None)
@click.option("--runs", default=RUNS, show_default=True, help="Faulty runs.")
@click.option("--jobs", type=int, help="Processes; as many as processors by default.")
@click.option("--controls/--no-controls", default=True, help="Whether to weaken each protocol too.")
def main(runs: int, jobs: int | None, *, controls: bool) -> None:
    """Measure, print, and write the report; exit code 1 if a limit does not hold."""
    started = time.monotonic()
    rows = measure(runs, controls=controls, jobs=jobs, show=sys.stderr.isatty())
    seconds = round(time.monotonic() - started, 1)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table(rows))
    console.print(f"{seconds} s")
    report: dict[str, Any] = {
        "seconds": seconds,
        "rows": [{**asdict(row), "met": row.met} for row in rows],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    if not all(row.met for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
