"""Processes that the sandbox starts: how each is recognised later and how all of them are stopped.

A process id alone says little after a crash: the id may belong to someone else by then. So a record
holds the id, the boot, the start time and the command line, and nothing is signalled unless all of
them match. In addition every process carries a mark in its environment, which its own children
inherit: that finds Lambda workers, and a process whose starter was killed before it was recorded.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.errors import SandboxError

MARK = "CLICKSTREAM_SANDBOX"
"""Environment variable that marks what belongs to a sandbox: `<mark of the run>/<component>`."""

_PROC = Path("/proc")
_POLL = 0.02
_GRACE = 8.0
# Indexes in /proc/<pid>/stat after the command name: process state and start time.
_STATE, _START_TIME = 0, 19

# Handles of our own children: without them an ended child would stay as a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told apart from any later one with the same id."""

    pid: int
    started: int
    """Clock ticks between boot and start."""
    boot: str
    command: tuple[str, ...]

    @classmethod
    def of(cls, pid: int) -> Process:
        """Read the identity of the running process `pid`; raise `ProcessLookupError` if none."""
        try:
            state, started = _stat(pid)
            command = (_PROC / str(pid) / "cmdline").read_bytes()
        except OSError as error:
            raise ProcessLookupError(pid) from error
        if state in "ZX":
            raise ProcessLookupError(pid)
        words = command.decode(errors="surrogateescape").split("\0")[:-1]
        return cls(pid=pid, started=started, boot=_boot(), command=tuple(words))

    def alive(self) -> bool:
        """Tell whether exactly this process still runs."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        try:
            return Process.of(self.pid) == self
        except ProcessLookupError:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process, and to no other one that took its id."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    mark: str,
    directory: Path,
    log: Path,
) -> Process:
    """Start `command` in a session of its own, so that a Ctrl-C meant for us does not reach it.

    The environment is exactly `environment` and the mark: proxies, credentials and certificate
    settings of the caller do not leak in.
    """
    if not _PROC.is_dir():
        raise SandboxError("The sandbox needs Linux: it recognises its processes by /proc.")
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**environment, MARK: mark},
            start_new_session=True,
        )
    _children[child.pid] = child
    try:
        # For an instant between exec and the new program's first instruction it is empty.
        while not (process := Process.of(child.pid)).command:
            time.sleep(_POLL)
    except ProcessLookupError:
        raise SandboxError(f"{command[0]} ended at once.\n{tail(log)}") from None
    return process


@atexit.register
def _let_go() -> None:
    """Children that outlive us on purpose are no leak: tell `subprocess` so."""
    for child in _children.values():
        child.returncode = child.poll() or 0


def stop(processes: Iterable[Process], *, grace: float = _GRACE) -> None:
    """End `processes`: TERM, wait up to `grace` seconds for all, then KILL what is left."""
    processes = list(processes)
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _GRACE)):
        for process in processes:
            process.send(number)
        if wait_until(lambda: not any(process.alive() for process in processes), patience):
            return


def marked(mark: str) -> list[Process]:
    """Return the running processes whose mark is `mark` or lies below it (`mark/component`)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in _PROC.glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            if any(word == wanted or word.startswith(wanted + b"/") for word in variables):
                found.append(Process.of(int(folder.name)))
        except OSError:
            continue  # It ended meanwhile, or belongs to another user: not ours.
    return found


def runs(pid: int, started: int) -> bool:
    """Tell whether the process `pid` that started at `started` still runs.

    Unlike `Process.alive` this holds for a process that changes its own command line.
    """
    try:
        process = Process.of(pid)
    except ProcessLookupError:
        return False
    # A process that ends lets go of its command line shortly before it counts as dead.
    return process.started == started and bool(process.command)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition` for up to `seconds`; return whether it became true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log and where the whole of it is."""
    try:
        last = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        last = []
    return "\n".join([f"Last lines of {log}:", *(f"  {line[:300]}" for line in last)])


def _stat(pid: int) -> tuple[str, int]:
    # The command name in parentheses may hold spaces and parentheses itself.
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return fields[_STATE], int(fields[_START_TIME])


@cache
def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
