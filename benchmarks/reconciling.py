"""Counts what the operator costs AWS and the machine: ``make bench-operator``.

One sandbox, one counting proxy in front of the emulator, the operator as a process. Counts are
exact; seconds and bytes are of this run on this machine, with nothing but loopback in between.

Terraform runs beside it, on the same resources and through the same proxy, where its binary and its
provider are there (`terraform_run`); elsewhere its figures are recorded ones, and marked so.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from benchmarks import terraform_run
from benchmarks.bench import Bench
from benchmarks.terraform_run import Counted
from sandbox import Sandbox

REPORT: Final = Path(__file__).parents[1] / "build" / "bench-operator.json"
_MANY: Final = 50
_IDLE_SECONDS: Final = 60.0
_RESYNCS: Final = 20
#: Over longer than the ten seconds of each minute in which the emulator starts the processes of all
#: scheduled functions, on the processors that the operator has.
_EDITS: Final = 31
_BETWEEN_EDITS: Final = 1.0
_RESYNC_SECONDS: Final = 60
#: The 65 of a creation, and three polls of each of eight resources that take their time.
_STRICT_CREATION: Final = 65 + 3 * 8
#: Calls of a fast observation, with which the reconcile after the edit begins: properties that
#: change often, and the tags that AWS's index did not have.
_FAST_OBSERVATION: Final = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """One row."""

    what: str
    found: float
    limit: float
    """The most that it may be."""
    unit: str
    terraform: str = ""
    """Terraform's figure; empty: not run."""

    @property
    def met(self) -> bool:
        """Whether the limit holds."""
        return self.found <= self.limit


#: Of Terraform 1.11.4 with provider aws 5.100.0 on moto 5.2, without alarms and with one role.
RECORDED: Final = {
    "create": ("143", "67 s"),
    "observe": ("64", ""),
    "change": ("83", ""),
    "delete": ("114", "24 s"),
}


def _beside(counted: dict[str, Counted] | None) -> dict[str, tuple[str, str]]:
    """Calls and seconds of Terraform by step, as text."""
    if counted is None:
        return {step: (f"{calls}*", f"{seconds}*" if seconds else "")
                for step, (calls, seconds) in RECORDED.items()}  # fmt: skip
    return {step: (str(one.calls), f"{one.seconds:g} s") for step, one in counted.items()}


def measure_one(bench: Bench, terraform: dict[str, tuple[str, str]]) -> list[Figure]:
    """One pipeline: create, observe, change, delete."""
    bench.calls()
    seconds = bench.apply(["one"])
    bench.settle("one")
    created, _ = bench.calls()
    memory = bench.memory()
    bench.request_reconcile("one", "first")
    full, writes = bench.calls()
    for number in range(_RESYNCS):
        bench.request_reconcile("one", f"again-{number}")
    _, again = bench.calls()
    bench.apply(["one"], {"stream": {"shards": 4, "retentionHours": 48}, **_LONGER})
    changed, _ = bench.calls()
    gone = bench.delete()
    deleted, _ = bench.calls()
    return [
        Figure("create: AWS calls", created, 65, "calls", terraform["create"][0]),
        Figure("create: apply to Ready, buckets off", round(seconds, 1), 3, "s",
               terraform["create"][1]),
        Figure("full observation: AWS calls", full, 38, "calls", terraform["observe"][0]),
        Figure("full observation: AWS writes", writes, 0, "writes", "never clean*"),
        Figure(f"{_RESYNCS} more full observations: AWS writes", again, 0, "writes"),
        Figure("shards 2 to 4 and retention: calls beyond the observation",
               changed - _FAST_OBSERVATION, 8, "calls", terraform["change"][0]),
        Figure("delete: AWS calls", deleted, 75, "calls", terraform["delete"][0]),
        Figure("delete", round(gone, 1), 3, "s", terraform["delete"][1]),
        Figure("memory with 1 pipeline", memory, 200, "MiB", "654 MiB*"),
    ]  # fmt: skip


def measure_strict(bench: Bench) -> list[Figure]:
    """One pipeline on AWS's states, limits and delays, with the token buckets on."""
    bench.calls()
    seconds = bench.apply(["strict"])
    bench.settle("strict")
    what, reads = bench.most_reads()
    created, writes = bench.calls()
    bench.request_reconcile("strict", "first")
    full, corrections = bench.calls()
    gone = bench.delete()
    deleted, _ = bench.calls()
    return [
        Figure("strict AWS, create: AWS writes", writes, 47, "writes"),
        Figure("strict AWS, create: AWS calls", created, _STRICT_CREATION, "calls"),
        Figure(f"strict AWS, create: reads of {what}", reads, 3, "reads"),
        Figure("strict AWS, create: apply to Ready", round(seconds, 1), 125, "s"),
        Figure("strict AWS, full observation: AWS calls", full, 38, "calls"),
        Figure("strict AWS, full observation: AWS writes", corrections, 0, "writes"),
        Figure("strict AWS, delete: AWS calls", deleted, 95, "calls"),
        Figure("strict AWS, delete", round(gone, 1), 50, "s"),
    ]


#: What retention 48 h asks of the times that depend on it.
_LONGER: Final[dict[str, Any]] = {
    "tables": {"ttl": {"pageMetricsDays": 7, "sessionMetricsHours": 72, "countersHours": 72}}
}


def measure_many(bench: Bench) -> list[Figure]:
    """Fifty pipelines: create, rest, edit one, delete."""
    names = [f"many-{number:02d}" for number in range(_MANY)]
    bench.calls()
    seconds = bench.apply(names)
    created, _ = bench.calls()
    bench.apply(names, {"resyncIntervalSeconds": _RESYNC_SECONDS})
    for name in names:
        bench.settle(name)
    bench.calls()
    before = bench.kubernetes_writes()
    time.sleep(_IDLE_SECONDS)
    idle, writes = bench.calls()
    kubernetes = bench.kubernetes_writes() - before
    edits = []
    for number in range(_EDITS):
        change = {"processor": {"memoryMiB": 512 + number}}
        edits.append(bench.seconds_to_first_write(names[number], change))
        time.sleep(_BETWEEN_EDITS)
    memory = bench.memory()
    gone = bench.delete()
    return [
        Figure(f"{_MANY} at once: all Ready, buckets off", round(seconds, 1), 25, "s"),
        Figure(f"{_MANY} at once: AWS calls", created, 3250, "calls"),
        Figure(f"{_MANY} idle: AWS calls a second", round(idle / _IDLE_SECONDS, 1), 18, "calls/s"),
        Figure(f"{_MANY} idle: AWS writes", writes, 0, "writes"),
        Figure(f"{_MANY} idle: Kubernetes writes", kubernetes, 0, "writes"),
        Figure(
            "edit to first AWS write, median, kubectl included", round(median(edits), 2), 0.5, "s"
        ),
        Figure(f"memory with {_MANY} pipelines", memory, 240, "MiB"),
        Figure(f"{_MANY} deleted at once", round(gone, 1), 60, "s"),
    ]


def _show(figures: list[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    for title, right in (("", False), ("found", True), ("at most", True), ("Terraform", True)):
        table.add_column(title, justify="right" if right else "left")
    table.add_column("")
    for figure in figures:
        verdict = "[green]met[/green]" if figure.met else "[red]MISSED[/red]"
        table.add_row(
            figure.what,
            f"{figure.found:g} {figure.unit}",
            f"{figure.limit:g} {figure.unit}",
            figure.terraform,
            verdict,
        )
    Console().print(table)


@click.command()
@click.option("--one", is_flag=True, help="Only the rows about one pipeline.")
def main(*, one: bool) -> None:
    """Print the operator's figures beside their limits, and write build/bench-operator.json."""
    with Sandbox.start(strict_aws=("none",)) as sandbox:
        why_not = terraform_run.absent()
        # Before the operator, so that neither slows the other down.
        counted = None if why_not else terraform_run.measure(sandbox)
        sandbox.reset_aws()
        bench = Bench(sandbox, rate_limits=False)
        figures = measure_one(bench, _beside(counted))
        if not one:
            figures += measure_many(bench)
        bench.stop()
        sandbox.reset_aws()
        sandbox.strict_aws.reset(["all"])
        strict = Bench(sandbox, rate_limits=True)
        figures += measure_strict(strict)
        strict.stop()
    _show(figures)
    console = Console()
    console.print("* recorded earlier, not in this run", highlight=False)
    if why_not:
        console.print(f"Terraform did not run: {why_not}", highlight=False, soft_wrap=True)
    REPORT.parent.mkdir(exist_ok=True)
    report = [{**asdict(figure), "met": figure.met} for figure in figures]
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
