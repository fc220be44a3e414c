"""Plays a session from start to end and writes what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console

from sandbox import standing
from sandbox.demos.scripted.screen import Screen
from sandbox.demos.scripted.session import Session, Stuck
from sandbox.instance import Sandbox

#: Virtual seconds of AWS's waits in a real one: a stream that is UPDATING for 30 s takes one here.
CLOCK: Final = 30.0
_BUILD: Final = Path(__file__).parents[3] / "build"
_WIDTH: Final = 160

_Kind = TypeVar("_Kind", bound=Session)


def play(
    opening: str,
    prepare: Callable[[Sandbox, Screen], _Kind],
    steps: Sequence[Callable[[_Kind], None]],
    *,
    report: str,
    keep: bool,
    iam_enforcement: bool = False,
) -> tuple[Sandbox, bool]:
    """Play the steps on a sandbox with the strict AWS; whether each was as it should be.

    Args:
        opening: the first line.
        prepare: makes the session.
        steps: what it plays. After a step that is stuck none is played.
        report: name of the file in ``build/`` that gets every check.
        keep: leave the sandbox and the operator running.
        iam_enforcement: refuse what the policies of the caller do not allow; not with `keep`.
    """
    console = Console()
    if not console.is_terminal:
        # A file has no width of its own.
        console = Console(width=_WIDTH)
    started = time.monotonic()
    console.print(opening, highlight=False)
    if keep:
        sandbox = standing.launch(strict_aws=True)
    else:
        sandbox = Sandbox.start(strict_aws=True, iam_enforcement=iam_enforcement)
    try:
        sandbox.strict_aws.run_clock(CLOCK)
        session = prepare(sandbox, Screen(console))
        right = _play(session, steps)
        if keep:
            session.leave()
    finally:
        if keep:
            sandbox.release_ports()
        else:
            sandbox.stop()
    seconds = time.monotonic() - started
    _save(session, seconds, report)
    passed = sum(one.right for one in session.reports)
    verdict = "[green]PASS[/green]" if right else "[red]FAIL[/red]"
    console.print(
        f"\n{verdict}  {passed} of {len(steps)} steps, {seconds:.0f} s in all; "
        f"details in {_BUILD.name}/{report}",
        highlight=False,
    )
    return sandbox, right


def _play(session: _Kind, steps: Sequence[Callable[[_Kind], None]]) -> bool:
    try:
        for step in steps:
            step(session)
    except Stuck:
        return False
    return all(one.right for one in session.reports)


def _save(session: Session, seconds: float, report: str) -> None:
    _BUILD.mkdir(exist_ok=True)
    steps = [{**asdict(one), "right": one.right} for one in session.reports]
    text = json.dumps({"seconds": round(seconds, 1), "steps": steps}, indent=2)
    (_BUILD / report).write_text(text + "\n")
