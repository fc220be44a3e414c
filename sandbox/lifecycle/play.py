"""Plays the session from start to end and writes what came of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console

from sandbox import standing
from sandbox.instance import Sandbox
from sandbox.lifecycle import endings
from sandbox.lifecycle.screen import Screen
from sandbox.lifecycle.session import CLOCK, Session, Stuck
from sandbox.lifecycle.steps import STEPS, base

REPORT: Final = Path(__file__).parents[2] / "build" / "lifecycle.json"
_WIDTH: Final = 160


def play(*, keep: bool) -> tuple[Sandbox, bool]:
    """Play all steps; whether each was as it should be. With `keep` the last end is left out."""
    console = Console()
    if not console.is_terminal:
        # A file has no width of its own.
        console = Console(width=_WIDTH)
    started = time.monotonic()
    console.print("Starting the sandbox with the hard AWS, and the operator", highlight=False)
    sandbox = standing.launch(hard_aws=True) if keep else Sandbox.start(hard_aws=True)
    session = Session(sandbox, Screen(console))
    try:
        right = _play(session, keep=keep)
    finally:
        if keep:
            session.operator.release_port()
            sandbox.release_ports()
        else:
            sandbox.stop()
    seconds = time.monotonic() - started
    _save(session, seconds)
    passed = sum(one.right for one in session.reports)
    expected = len(STEPS) + (not keep)
    verdict = "[green]PASS[/green]" if right else "[red]FAIL[/red]"
    console.print(
        f"\n{verdict}  {passed} of {expected} steps, {seconds:.0f} s in all; "
        f"details in {REPORT.relative_to(REPORT.parents[1])}",
        highlight=False,
    )
    return sandbox, right


def _play(session: Session, *, keep: bool) -> bool:
    session.sandbox.hard_aws.run_clock(CLOCK)
    session.operator.install()
    session.operator.start()
    try:
        for step in STEPS:
            step(session)
        if not keep:
            endings.end(session, base(session))
    except Stuck:
        return False
    return all(one.right for one in session.reports)


def _save(session: Session, seconds: float) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    steps = [{**asdict(one), "right": one.right} for one in session.reports]
    REPORT.write_text(json.dumps({"seconds": round(seconds, 1), "steps": steps}, indent=2) + "\n")
