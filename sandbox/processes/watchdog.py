"""Ends an ephemeral sandbox when the process that started it is gone, however it ended.

A process of its own: a handler inside the starter would not survive `kill -9`, and a parent-death
signal is tied to the starting thread and does not reach Lambda workers.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from sandbox.processes.process import Process, runs
from sandbox.processes.run import Program, Run

_POLL = 0.5


def program() -> Program:
    """Return the program that watches the calling process."""
    owner = Process.of(os.getpid())
    return Program(
        name="watchdog",
        command=[
            sys.executable,
            "-m",
            "sandbox.processes.watchdog",
            str(owner.pid),
            str(owner.started),
        ],
        address="",
        ready=lambda: True,
        environment={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONDONTWRITEBYTECODE": "1",  # Only what the user runs may write into the tree.
        },
    )


def main(pid: int, started: int) -> None:
    """Wait until the process `pid` is gone, then end the run of the working directory."""
    while runs(pid, started):
        time.sleep(_POLL)
    run = Run.load(Path.cwd())
    if run is not None:
        run.components.pop("watchdog", None)
        run.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
