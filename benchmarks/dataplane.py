"""The data plane's figures, limits beside them: ``make bench-dataplane``.

Exactness and detection come from their own benchmarks; what is here: write units, events a second,
cold import, packages, memory, dollars. Counts are exact; seconds and bytes are of this run and
machine. Speeds are events for each second of CPU time, the best of some runs; even so a busy
machine makes them worse, so the report has its load. "Original" is the design that this one
replaces: an update for each item of each event, and an object for each event.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

# The functions are packages of their own, which nothing installs.
sys.path.append(str(Path(__file__).parents[1] / "lambdas"))

from benchmarks.figures import Figure
from benchmarks.function_shares import measure_backlog, measure_worst_records
from benchmarks.loopback import Taker, loopback_clients, make_processor
from clickstream_operator.api.spec import Spec
from clickstream_operator.cost.estimate import estimate
from clickstream_operator.cost.prices import DEFAULT_REGION, prices_of
from clickstream_operator.cost.traffic import DAYS, Traffic, shards_needed
from processor.processor import Processor
from tests.lambdas.pipelines import NOW, invocation
from tests.lambdas.profiled import count_requests, events

ROOT: Final = Path(__file__).parents[1]
REPORT: Final = ROOT / "build" / "bench-dataplane.json"
PACKAGES: Final = ROOT / "build" / "lambdas"
TRAFFIC: Final = Traffic()
#: Records in a batch, shards, batches in the run, and the write units that 1,000 events may need.
_BATCHES: Final = ((29, 2, 150, 2050), (175, 2, 30, 1250), (700, 1, 15, 800), (1000, 1, 10, 600))
_CHEAP: Final = {"stream": {"shards": 1}, "processor": {"batchingWindowSeconds": 60}}
_ORIGINAL_WRITES: Final = 2.9
"""Writes of one event: session, counter, and for nine of ten a page."""
_SPEED_BATCHES: Final = 8
_MIB: Final = 1024 * 1024
_IMPORTS: Final = 7


def measure_writes() -> Iterator[Figure]:
    """Write units that the real functions need, for traffic like that of the cost model."""
    for batch, shards, batches, limit in _BATCHES:
        made = count_requests(TRAFFIC, shards=shards, batch=batch, batches=batches)
        parts = ("pages", "sessions", "counters", "lanes", "detector")
        note = ", ".join(f"{part} {made.per_thousand(getattr(made, part)):.0f}" for part in parts)
        yield Figure(
            f"write units for 1,000 events, batches of {batch}",
            round(made.per_thousand(made.writes)),
            limit,
            "WRU",
            original=_ORIGINAL_WRITES * 1000,
            note=note,
        )
        yield Figure(
            f"write units of the lane item for a batch of {batch}, tally included",
            round(made.lanes / made.batches, 2),
            # Two writes of one unit, and one for each container that starts.
            2 + shards / batches,
            "WRU",
        )


def speed_of(processor: Processor, batches: int = _SPEED_BATCHES) -> float:
    """Return events for each second of CPU time, in the best of some batches of 1,000."""
    payloads = list(events(TRAFFIC, 1000 * batches, shard=0, shards=1, seed=1))
    made = [
        invocation(payloads[start : start + 1000], start=start, arrival=NOW + start / 12)
        for start in range(0, len(payloads), 1000)
    ]
    processor.process(made.pop(0))
    best = 0.0
    for batch in made:
        started = time.process_time()
        processor.process(batch)
        best = max(best, 1000 / (time.process_time() - started))
    return best


def measure_speed() -> Iterator[Figure]:
    """Events a second and core: the handler alone, with clients, and the original's calls."""
    alone = speed_of(make_processor(Taker(), Taker(), 1))
    yield Figure("handler alone", round(alone), 10_000, "events/s and core", at_least=True)
    with loopback_clients() as clients:
        dynamodb, s3 = clients.make("dynamodb"), clients.make("s3")
        before = os.times()
        found = speed_of(make_processor(dynamodb, s3, 16), batches=6)
        after = os.times()
        kernel, own = after.system - before.system, after.user - before.user
        original = max(original_speed(dynamodb, s3) for _ in range(3))
        yield Figure(
            "with clients, against a server on loopback",
            round(found),
            2300,
            "events/s and core",
            at_least=True,
            original=round(original),
            note=f"{kernel / (kernel + own):.0%} of the time is the kernel's",
        )


def original_speed(dynamodb: Any, s3: Any, number: int = 300) -> float:
    """Return events for each second of CPU time when each event is three updates and an object."""
    update = {
        "Key": {"k": {"S": "x"}},
        "UpdateExpression": "ADD #n :n",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    payloads = list(events(TRAFFIC, number, shard=0, shards=1, seed=1))
    started = time.process_time()
    for index, payload in enumerate(payloads):
        json.loads(payload)
        for table in ("pages", "sessions", "counters"):
            dynamodb.update_item(TableName=table, **update)
        s3.put_object(Bucket="archive", Key=f"raw/{index}.json", Body=payload)
    return number / (time.process_time() - started)


def run_python(code: str) -> str:
    """Return what a fresh interpreter prints; it finds the functions and the tests."""
    path = os.pathsep.join([str(ROOT / "lambdas"), str(ROOT / "operator"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTHONPYCACHEPREFIX", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def measure_footprint() -> Iterator[Figure]:
    """Cold import, packages, memory."""
    for function in ("processor", "detector"):
        code = (
            "import time; t = time.process_time(); "
            f"import {function}.handler; print(time.process_time() - t)"
        )
        seconds = min(float(run_python(code)) for _ in range(_IMPORTS))
        note = f"best of {_IMPORTS}, compiled before"
        yield Figure(
            f"cold import of the {function}", round(seconds * 1000), 250, "ms of CPU", note=note
        )
    for package in sorted(PACKAGES.glob("*.zip")):
        size = package.stat().st_size / _MIB
        yield Figure(f"package {package.name}", round(size, 2), 5, "MiB")
    code = (
        "import resource\n"
        "from benchmarks.dataplane import *\n"
        "payloads = list(events(TRAFFIC, 10_000, shard=0, shards=1, seed=1))\n"
        "batch = invocation(payloads)\n"
        "del payloads\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "make_processor(Taker(), Taker(), 16).process(batch)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before / 1024)\n"
    )
    memory, before = map(float, run_python(code).split())
    yield Figure(
        "memory, a batch of 10,000 records",
        round(memory),
        256,
        "MiB",
        note=f"{before:.0f} MiB before the handler began, the benchmark's own modules included",
    )


def measure_dollars() -> Iterator[Figure]:
    """Dollars a month by the cost model, which a test holds against counted requests."""
    for title, members, limit in (
        ("spec: {}", {}, 80.0),
        ("1 shard, 60 s window", _CHEAP, 37.0),
    ):
        spec = Spec.model_validate(members)
        for volume in (1_000_000, 10_000_000, 100_000_000):
            traffic = Traffic(events_per_day=volume)
            needed = shards_needed(traffic)
            sized = spec
            if needed > spec.stream.shards:
                stream = spec.stream.model_copy(update={"shards": needed})
                sized = spec.model_copy(update={"stream": stream})
            found = estimate(sized, region=DEFAULT_REGION, traffic=traffic)
            yield Figure(
                f"{volume // 1_000_000}M events a day, {title}",
                round(found.dollars, 2),
                limit if volume == TRAFFIC.events_per_day else None,
                "dollars a month",
                original=round(original_dollars(traffic), 2),
                note=f"{sized.stream.shards} shards",
            )


def original_dollars(traffic: Traffic) -> float:
    """Return what the original's table writes and objects alone would cost a month."""
    prices = prices_of(DEFAULT_REGION)
    return traffic.events_per_day * DAYS * (
        _ORIGINAL_WRITES * prices["dynamodb.writeUnit"] + prices["s3.put"]
    )  # fmt: skip


def measure_elsewhere(runs: int) -> Iterator[Figure]:
    """The rows of the benchmarks of exactness and detection; each that is missing is named."""
    for name, arguments in (
        ("exactness", {"runs": runs, "controls": False}),
        ("detection", {}),
    ):
        if importlib.util.find_spec(f"benchmarks.{name}") is None:
            yield Figure(name, None, None, "", note=f"benchmarks/{name}.py is missing")
            continue
        for row in importlib.import_module(f"benchmarks.{name}").measure(**arguments):
            yield _figure(name, row)


def _figure(source: str, row: Any) -> Figure:
    """A row of another benchmark; one whose limit is text says there whether it was met."""
    limit, at_least = row.limit, getattr(row, "at_least", False)
    if isinstance(limit, str):
        sign, _, number = limit.partition(" ")
        limit, at_least = (float(number) if number else None), sign == ">="
    return Figure(
        f"{source}: {row.what}",
        row.found,
        limit,
        row.unit,
        at_least=at_least,
        original=getattr(row, "naive", None),
        note=getattr(row, "note", ""),
    )


def measure(runs: int) -> list[Figure]:
    """All figures. `runs`: faulty runs of the exactness campaign."""
    return [
        *measure_elsewhere(runs),
        *measure_writes(),
        *measure_speed(),
        *measure_worst_records(),
        *measure_backlog(),
        *measure_footprint(),
        *measure_dollars(),
    ]


def show(figures: list[Figure]) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "found", "limit", "original", "", ""):
        table.add_column(title, justify="right" if title else "left")
    for figure in figures:
        sign = ">=" if figure.at_least else "<="
        limit = "" if figure.limit is None else f"{sign} {figure.limit:,g}"
        found = "not measured" if figure.found is None else f"{figure.found:,g} {figure.unit}"
        verdict = "[green]met[/green]" if figure.met else "[red]MISSED[/red]"
        original = "" if figure.original is None else f"{figure.original:,g}"
        shown = verdict if limit or figure.found is None else ""
        table.add_row(figure.what, found, limit, original, shown, f"[dim]{figure.note}[/dim]")
    Console(width=None if sys.stdout.isatty() else 190).print(table)


@click.command()
@click.option("--runs", default=10_000, show_default=True, help="Faulty runs for exactness.")
def main(runs: int) -> None:
    """Print the data plane's figures beside their limits, and write build/bench-dataplane.json."""
    load = os.getloadavg()[0]
    figures = measure(runs)
    show(figures)
    print(f"Load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    REPORT.parent.mkdir(exist_ok=True)
    report = {
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "processors": os.cpu_count(),
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    if not all(figure.met for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
