"""The command line: exit codes, where output goes, and the pure parts below it."""

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import SandboxError, __main__, standing
from sandbox.kubernetes import kubeapi
from sandbox.processes import ports, private, progress
from sandbox.processes.run import Program, Run


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "clickstream-operator" / "sandbox" / "run"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["sandbox", *arguments])
    try:
        __main__.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_status_and_down_without_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to show is exit code 3; nothing to stop is fine. Messages are not data."""
    assert run(monkeypatch, "status") == 3
    assert run(monkeypatch, "down") == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "No sandbox is running" in output.err
    assert "No sandbox was running" in output.err


def test_status_shows_what_runs(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table and the JSON say the same."""
    state.mkdir(parents=True)
    recorded = Run.create(state)
    recorded.facts = {"iam_enforcement": "false"}
    recorded.launch(Program("probe", ["/bin/sleep", "600"], "http://127.0.0.1:1", lambda: True))
    recorded.confirm()
    pid = recorded.components["probe"].process.pid

    assert run(monkeypatch, "status") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"component  {'pid'.ljust(len(str(pid)))}  address             state",
        f"probe      {pid}  http://127.0.0.1:1  running",
    ]
    assert run(monkeypatch, "status", "-o", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)["components"]
    assert row == {
        "component": "probe",
        "pid": pid,
        "address": "http://127.0.0.1:1",
        "state": "running",
    }
    assert run(monkeypatch, "up", "--iam-enforcement") == 1
    assert "`python -m sandbox down` first" in capsys.readouterr().err
    assert run(monkeypatch, "down") == 0
    assert not state.exists()


def test_failures_are_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --debug nobody sees a traceback."""

    def fail(**_: object) -> Run:
        raise SandboxError("etcd ended.")

    monkeypatch.setattr(standing, "up", fail)
    assert run(monkeypatch, "up") == 1
    assert capsys.readouterr().err == "Error: etcd ended.\n"
    with pytest.raises(SandboxError):
        run(monkeypatch, "--debug", "up")
    assert run(monkeypatch, "nonsense") == 2


def test_an_interrupt_has_its_own_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is 130, as shells expect."""

    def interrupt(**_: object) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr(standing, "up", interrupt)
    assert run(monkeypatch, "up") == 130


def test_progress_is_plain_lines_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CI log gets a start, signs of life and an end, no control characters."""
    monkeypatch.setattr(progress, "_PLAIN_INTERVAL", 0.001)
    seen = ""
    with progress.step("Building", lambda: "package x"):
        while "package x" not in seen:
            seen += capsys.readouterr().err
    seen += capsys.readouterr().err
    assert seen.startswith("Building ...\nBuilding: 0 s  package x\n")
    assert seen.endswith("Building: done in 0 s\n")
    assert "\x1b" not in seen
    with pytest.raises(OSError, match="x"), progress.step("Building"):
        raise OSError("x")
    assert capsys.readouterr().err.endswith("Building: failed after 0 s\n")


def test_a_reserved_port_refuses_connections_and_can_be_served() -> None:
    """No one else gets the port, and its server can listen beside the reservation."""
    reservation = ports.Reservation()
    probe = f"import socket; socket.create_connection(('127.0.0.1', {reservation.port}))"
    assert (
        subprocess.run([sys.executable, "-c", probe], check=False, capture_output=True)
        .stderr.strip()
        .endswith(b"Connection refused")
    )
    with socket.create_server(("127.0.0.1", reservation.port)):
        pass
    assert reservation.address == f"127.0.0.1:{reservation.port}"
    reservation.release()


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    """Also when a file with other rights stood there before."""
    path = tmp_path / "kubeconfig"
    path.touch(0o644)
    access = kubeapi.KubeAPI(url="https://127.0.0.1:1", ca=tmp_path / "ca.crt", token="t")
    access.write_kubeconfig(path, user="default:operator", namespace="default")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["users"] == [
        {"name": "default:operator", "user": {"token": "t"}}
    ]
    private.write(path, b"other")
    assert path.read_bytes() == b"other"
