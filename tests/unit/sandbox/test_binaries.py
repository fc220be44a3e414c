"""Where the programs come from, and what is said when they cannot be had."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from sandbox import SandboxError
from sandbox.programs import binaries, released


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache, no assets, and a network without releases."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setattr(released, "download", lambda version, folder: False)
    return tmp_path


def script(path: Path, text: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)
    return path


def use_go(monkeypatch: pytest.MonkeyPatch, machine: Path, text: str, version: str) -> None:
    """Put a pretended go command on PATH."""
    script(machine / "bin" / "go", f'[ "$1" = env ] && echo {version} && exit\n{text}')
    monkeypatch.setenv("PATH", f"{machine / 'bin'}:{os.defpath}")


def test_the_version_is_the_one_of_go_mod() -> None:
    """All pins of one release agree: the module, its staging modules, and the stamp."""
    minor = binaries.version().removeprefix("v1")
    go_mod = (Path(binaries.__file__).parent / "controlplane" / "go.mod").read_text()
    pins = [line.split()[-1] for line in go_mod.splitlines() if "=> k8s.io/" in line]
    assert set(pins) == {f"v0{minor}"}
    assert len(pins) == 33
    assert f"gitVersion={binaries.version()}" in binaries._link_flags()


def test_complete_assets_are_used(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has the programs builds nothing."""
    for name in binaries.PROGRAMS:
        script(machine / "assets" / name, "")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(machine / "assets"))
    assert binaries.locate() == machine / "assets"


def test_incomplete_assets_are_passed_over(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usual envtest archive has no controller manager: say so and go on."""
    for name in ("etcd", "kube-apiserver", "kubectl"):
        script(machine / "assets" / name, "")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(machine / "assets"))
    build = 'while [ "$1" != -o ]; do shift; done\ntouch "$2"'
    use_go(monkeypatch, machine, build, "go1.99.0")
    assert binaries.locate() != machine / "assets"
    assert "it lacks kube-controller-manager" in capsys.readouterr().err


def test_a_build_is_cached_under_all_four_names(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second call builds nothing, and the binary is stamped and reproducible."""
    calls = machine / "calls"
    # The output is the argument after -o.
    build = f'echo "$@" >> {calls}\nwhile [ "$1" != -o ]; do shift; done\necho built > "$2"'
    use_go(monkeypatch, machine, build, "go1.26.8")
    folder = binaries.locate()
    assert folder == binaries.locate()
    assert len(calls.read_text().splitlines()) == 1
    assert "-trimpath -mod=readonly" in calls.read_text()
    assert {path.name for path in folder.iterdir()} == {*binaries.PROGRAMS, "controlplane"}
    assert (folder / "kubectl").read_text() == "built\n"


def test_a_failed_build_shows_the_compiler(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is in the message and the log stays."""
    use_go(monkeypatch, machine, "echo main.go:1: broken; exit 1", "go1.26.8")
    with pytest.raises(SandboxError, match=r"(?s)go build .* failed.*main\.go:1: broken"):
        binaries.locate()
    entries = list((machine / "cache" / "clickstream-operator").glob("controlplane-*"))
    assert [path.suffix for path in sorted(entries)] == [".lock", ".log"]


@pytest.mark.parametrize("version", ["go1.25.9", "nonsense"])
def test_without_a_usable_go_one_line_says_what_to_install(
    machine: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """An old Go is as good as none when the package registry is out of reach."""
    use_go(monkeypatch, machine, "exit 1", version)

    def refuse(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        output = version if command[1:] == ["env", "GOVERSION"] else ""
        return subprocess.CompletedProcess(command, 1, stdout=output, stderr="no network\n")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(SandboxError) as error:
        binaries.locate()
    message = str(error.value)
    assert message.startswith("Install Go 1.26 or newer and put it on PATH")
    assert "no network" in message
    assert "\n" not in message
