"""Processes are recognised beyond their id, and nothing else is ever signalled."""

import dataclasses
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import SandboxError
from sandbox.processes.process import Process, marked, runs, spawn, stop, tail, wait_until

PATIENCE = 10.0
STUBBORN = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(600)\n"
)


def start(mark: str, folder: Path, *command: str) -> Process:
    """Start a marked process."""
    return spawn(command, environment={}, mark=mark, directory=folder, log=folder / "log")


@pytest.fixture
def mark() -> Iterator[str]:
    """Return a mark of this test; what bears it is ended afterwards."""
    value = uuid.uuid4().hex
    yield value
    stop(marked(value), grace=0)


def test_a_process_runs_until_it_is_stopped(mark: str, tmp_path: Path) -> None:
    """The record of a process tells whether it lives."""
    process = start(mark, tmp_path, "/bin/sleep", "600")
    assert process.command == ("/bin/sleep", "600")
    assert process.alive()
    assert runs(process.pid, process.started)
    stop([process])
    assert not process.alive()
    assert not runs(process.pid, process.started)


@pytest.mark.parametrize(
    "difference", [{"started": 1}, {"boot": "another"}, {"command": ("/bin/sleep", "601")}]
)
def test_another_process_with_the_recorded_id_is_left_alone(
    mark: str, tmp_path: Path, difference: dict[str, object]
) -> None:
    """A reused process id must not get someone else killed."""
    process = start(mark, tmp_path, "/bin/sleep", "600")
    recorded = dataclasses.replace(process, **difference)  # type: ignore[arg-type]
    assert not recorded.alive()
    stop([recorded])
    assert process.alive()


def test_who_ignores_term_is_killed(mark: str, tmp_path: Path) -> None:
    """Stop is TERM, a grace, KILL."""
    process = start(mark, tmp_path, sys.executable, "-c", STUBBORN)
    assert wait_until(lambda: "ready" in (tmp_path / "log").read_text(), PATIENCE)
    process.send(signal.SIGTERM)
    assert process.alive()
    stop([process], grace=0.1)
    assert not process.alive()


def test_marks_find_children_by_run_and_by_component(mark: str, tmp_path: Path) -> None:
    """Children inherit the mark; a mark that is merely longer is another run's."""
    start(f"{mark}/one", tmp_path, "/bin/sh", "-c", "sleep 600; true")
    start(f"{mark}x/two", tmp_path, "/bin/sleep", "600")
    assert wait_until(lambda: len(marked(f"{mark}/one")) == 2, PATIENCE)
    assert len(marked(mark)) == 2
    assert len(marked(f"{mark}x")) == 1
    stop(marked(f"{mark}x"))


def test_the_environment_of_the_caller_does_not_leak(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxies and credentials of the caller are not for the sandbox's programs."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/somewhere")
    process = start(mark, tmp_path, "/bin/sleep", "600")
    environment = Path(f"/proc/{process.pid}/environ").read_text()
    assert environment == f"CLICKSTREAM_SANDBOX={mark}\0"


def test_a_program_that_cannot_start_is_an_error(mark: str, tmp_path: Path) -> None:
    """A missing program is not mistaken for one that ended."""
    with pytest.raises(FileNotFoundError):
        start(mark, tmp_path, "/nonexistent/program")


def test_a_program_that_ends_at_once_is_an_error(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is gone before it was recorded is reported, not recorded."""

    def gone(pid: int) -> Process:
        raise ProcessLookupError(pid)

    monkeypatch.setattr(Process, "of", gone)
    with pytest.raises(SandboxError, match="/bin/true ended at once"):
        start(mark, tmp_path, "/bin/true")


def test_tail_shows_the_end_and_names_the_log(tmp_path: Path) -> None:
    """The end of a log is what explains a failed start."""
    log = tmp_path / "log"
    log.write_text("\n".join(f"line {number}" for number in range(100)))
    assert tail(log, lines=1) == f"Last lines of {log}:\n  line 99"
    assert tail(tmp_path / "none") == f"Last lines of {tmp_path / 'none'}:"


def test_an_ended_child_is_not_alive_as_a_zombie() -> None:
    """A child that nobody has waited for counts as gone."""
    with subprocess.Popen(["/bin/sleep", "600"]) as child:
        process = Process.of(child.pid)
        child.kill()
        assert wait_until(lambda: not process.alive(), PATIENCE)


def test_without_proc_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Linux the sandbox says why it does not work."""
    monkeypatch.setattr("sandbox.processes.process._PROC", tmp_path / "none")
    with pytest.raises(SandboxError, match="needs Linux"):
        start("mark", tmp_path, "/bin/true")
