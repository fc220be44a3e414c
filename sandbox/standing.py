"""The standing sandbox: the one that `up` starts and that stays until `down`, one per user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.instance import Sandbox
from sandbox.processes.progress import say
from sandbox.processes.run import Run
from sandbox.programs.cache import locked


def folder() -> Path:
    """Return where it lives, `${XDG_STATE_HOME:-~/.local/state}/clickstream-operator/sandbox`."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "clickstream-operator" / "sandbox"


def current() -> Run | None:
    """Return the recorded run, whether its processes still run or not; None without one."""
    return Run.load(_run_folder())


def up(*, iam_enforcement: bool, audit_log: Path | None, strict_aws: bool) -> Run:
    """Start the standing sandbox and return its run; one that runs already is left as it is.

    What a crashed run left is ended and removed first.
    """
    with _alone():
        run = current()
        if run is not None and run.running():
            _check_same(run, iam_enforcement=iam_enforcement, strict_aws=strict_aws)
            say("The sandbox is running already.")
            return run
        sandbox = _launch(
            run, iam_enforcement=iam_enforcement, audit_log=audit_log, strict_aws=strict_aws
        )
        sandbox.release_ports()
        return sandbox.run


def launch(*, strict_aws: bool = False) -> Sandbox:
    """Start the standing sandbox for somebody who goes on to use it, as the demo does.

    Raises:
        SandboxError: one is running already.
    """
    with _alone():
        run = current()
        if run is not None and run.running():
            raise SandboxError("A sandbox is running already: `python -m sandbox down` first.")
        return _launch(run, iam_enforcement=False, audit_log=None, strict_aws=strict_aws)


def _launch(
    left: Run | None, *, iam_enforcement: bool, audit_log: Path | None, strict_aws: bool
) -> Sandbox:
    if left is not None:
        say("Removing what an earlier run left.")
        left.stop()
    shutil.rmtree(_run_folder(), ignore_errors=True)
    _run_folder().mkdir(mode=0o700)
    return Sandbox.launch(
        _run_folder(), iam_enforcement=iam_enforcement, audit_log=audit_log, strict_aws=strict_aws
    )


def down() -> bool:
    """Stop the standing sandbox and remove its files; return False when there was none."""
    with _alone():
        run = current()
        if run is None:
            return False
        run.stop()
        return True


def _check_same(run: Run, *, iam_enforcement: bool, strict_aws: bool) -> None:
    wanted = {"iam_enforcement": iam_enforcement, "strict_aws": strict_aws}
    for name, value in wanted.items():
        if run.facts.get(name, "false") != str(value).lower():
            raise SandboxError(
                f"The sandbox is running already, with another --{name.replace('_', '-')}: "
                "`python -m sandbox down` first."
            )


def _run_folder() -> Path:
    return folder() / "run"


@contextmanager
def _alone() -> Iterator[None]:
    folder().mkdir(parents=True, exist_ok=True)
    with locked(folder() / "lock", waiting="Waiting for another sandbox command to end"):
        yield
