"""Seconds until the command line answers, beside the limits: ``python -m benchmarks.command_line``.

Each figure is the median of whole processes. The limit holds for the processor time, which other
work on the machine does not change. Exit code 1 when one is over its limit.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import click

CLICKSTREAM: Final = str(Path(sys.executable).with_name("clickstream"))
LIMITS: Final = {
    ("--help",): 0.2,
    ("completion", "bash"): 0.2,
    ("explain", "--help"): 0.2,
}


def seconds(arguments: tuple[str, ...], runs: int) -> tuple[float, float]:
    """Median seconds of a whole process: by the clock, and of a processor."""
    clock, processor = [], []
    for _ in range(runs + 1):
        started, used = time.perf_counter(), _used()
        subprocess.run([CLICKSTREAM, *arguments], check=True, capture_output=True)
        clock.append(time.perf_counter() - started)
        processor.append(_used() - used)
    # The first run may still compile the modules.
    return statistics.median(clock[1:]), statistics.median(processor[1:])


def _used() -> float:
    """Processor seconds of all processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@click.command()
@click.option("--runs", default=15, show_default=True)
def main(*, runs: int) -> None:
    """Print a table, and fail when a command is slower than its limit."""
    slow = False
    print(f"{'command':<30} {'clock':>8} {'processor':>9} {'limit':>6}")
    for arguments, limit in LIMITS.items():
        clock, processor = seconds(arguments, runs)
        slow = slow or processor > limit
        name = f"clickstream {' '.join(arguments)}"
        print(f"{name:<30} {clock:>8.3f} {processor:>9.3f} {limit:>6.1f}")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
