"""Seconds until the command line answers, beside the limits: ``python -m benchmarks.command_line``.

Each figure is the median of whole processes. The limit holds for the processor time, which other
work on the machine does not change. `plan` is of one ready pipeline in a sandbox of its own. Exit
code 1 when one is over its limit.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from sandbox import Sandbox
from sandbox.errors import SandboxError
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until

CLICKSTREAM: Final = str(Path(sys.executable).with_name("clickstream"))
LIMITS: Final = {
    ("--help",): 0.2,
    ("completion", "bash"): 0.2,
    ("explain", "--help"): 0.2,
    ("send", "--help"): 0.2,
    ("doctor", "--help"): 0.2,
}
PLAN: Final = ("plan", "quickstart")
PLAN_LIMIT: Final = 3.0
_MANIFEST: Final = Path(__file__).parents[1] / "examples" / "quickstart.yaml"
_PLAN_RUNS: Final = 5
_READY_SECONDS: Final = 120.0


def seconds(
    arguments: tuple[str, ...], runs: int, environment: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Median seconds of a whole process: by the clock, and of a processor."""
    variables = {**os.environ, **(environment or {})}
    clock, processor = [], []
    for _ in range(runs + 1):
        started, used = time.perf_counter(), _used()
        subprocess.run([CLICKSTREAM, *arguments], check=True, capture_output=True, env=variables)
        clock.append(time.perf_counter() - started)
        processor.append(_used() - used)
    # The first run may still compile the modules.
    return statistics.median(clock[1:]), statistics.median(processor[1:])


def _used() -> float:
    """Processor seconds of all processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def ready_pipeline() -> Iterator[dict[str, str]]:
    """A sandbox with one ready pipeline; yields the variables by which commands reach it.

    Raises:
        SandboxError: it did not become ready.
    """

    def ready() -> bool:
        answer = sandbox.kubectl("get", "csp", PLAN[1], "-o", "json").stdout
        conditions = json.loads(answer).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    with Sandbox.start() as sandbox:
        operator = OperatorProcess(sandbox)
        operator.install()
        operator.start()
        sandbox.kubectl("apply", "-f", str(_MANIFEST))
        if not wait_until(ready, _READY_SECONDS):
            raise SandboxError(f"the pipeline was not Ready after {_READY_SECONDS:.0f} s")
        yield {**sandbox.aws_environment(), "KUBECONFIG": str(sandbox.kubeconfig)}


@click.command()
@click.option("--runs", default=15, show_default=True)
@click.option("--plan/--no-plan", default=True, help="Time `plan` in a sandbox as well.")
def main(*, runs: int, plan: bool) -> None:
    """Print a table, and fail when a command is slower than its limit."""
    print(f"{'command':<30} {'clock':>8} {'processor':>9} {'limit':>6}")
    slow = [_row(arguments, limit, seconds(arguments, runs)) for arguments, limit in LIMITS.items()]
    if plan:
        with ready_pipeline() as environment:
            slow.append(_row(PLAN, PLAN_LIMIT, seconds(PLAN, _PLAN_RUNS, environment)))
    sys.exit(1 if any(slow) else 0)


def _row(arguments: tuple[str, ...], limit: float, measured: tuple[float, float]) -> bool:
    """Print a row; whether it is over its limit."""
    clock, processor = measured
    name = f"clickstream {' '.join(arguments)}"
    print(f"{name:<30} {clock:>8.3f} {processor:>9.3f} {limit:>6.1f}")
    return processor > limit


if __name__ == "__main__":
    main()
