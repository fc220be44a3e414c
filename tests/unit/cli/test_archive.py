"""The archive for krew: the same bytes each time, shared packages once, a launcher that knows."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import clickstream_layout
import clickstream_operator

ROOT = Path(__file__).parents[3]
KREW = ROOT / "examples" / "krew"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """The script that builds the archives."""
    spec = spec_from_file_location("krew_build", KREW / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(folder: Path, files: dict[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_the_archive_is_the_same_each_time(build: Any, tmp_path: Path) -> None:
    """Whatever the times, the order of creation and what an installer notes of its machine."""
    first = tree(tmp_path / "a", {"lib/any/x.py": "1", "lib/any/y.py": "2"})
    noted = {
        "lib/any/x-1.dist-info/RECORD": str(tmp_path),
        "lib/any/x-1.dist-info/direct_url.json": str(tmp_path),
        "lib/any/__pycache__/x.pyc": "machine",
    }
    second = tree(tmp_path / "b", {"lib/any/y.py": "2", "lib/any/x.py": "1", **noted})
    for one in second.rglob("*"):
        os.utime(one, (time.time() - 1000,) * 2)
    assert build.packed(first) == build.packed(second)
    tree(second, {"lib/any/x.py": "3"})
    assert build.packed(first) != build.packed(second)


def test_only_the_commands_can_be_executed(build: Any, tmp_path: Path) -> None:
    """They begin with the interpreter that they need."""
    made = tree(tmp_path, {"LICENSE": "x", "lib/any/m.py": "x"})
    for name in build.COMMANDS:
        (made / name).write_text((KREW / "launcher.py").read_text())
    with tarfile.open(fileobj=io.BytesIO(build.packed(made))) as archive:
        modes = {one.name: one.mode for one in archive}
        assert all((one.uid, one.gid, one.mtime) == (0, 0, 0) for one in archive)
    executable = {name for name, mode in modes.items() if mode == 0o755}
    assert executable == set(build.COMMANDS)


def test_a_package_that_differs_stays_whole(build: Any, tmp_path: Path) -> None:
    """A package can't be in two folders of the path; what is equal for all stands once."""
    common = {"pure/a.py": "1", "mixed/a.py": "1"}
    one = tree(tmp_path / "3.11", {**common, "mixed/b.so": "11"})
    two = tree(tmp_path / "3.12", {**common, "mixed/b.so": "12", "alone.py": "only here"})
    build.share({"3.11": one, "3.12": two}, tmp_path / "any")
    assert (tmp_path / "any/pure/a.py").read_text() == "1"
    assert not (one / "pure").exists()
    assert not (two / "pure").exists()
    assert (one / "mixed/a.py").exists()
    assert (two / "mixed/a.py").exists()
    assert {file.name for file in (tmp_path / "any").iterdir()} == {"pure"}
    assert (two / "alone.py").exists()


def test_the_manifest_gets_the_sums(build: Any) -> None:
    """Each platform its own; one that was not built keeps its place."""
    sums = {"linux-amd64": "a" * 64, "darwin-arm64": "b" * 64}
    body = yaml.safe_load(build.filled((KREW / "clickstream.yaml").read_text(), sums))
    platforms = body["spec"]["platforms"]
    found = {
        "-".join(one["selector"]["matchLabels"][key] for key in ("os", "arch")): one
        for one in platforms
    }
    assert found.keys() == build.PLATFORMS.keys()
    for name, one in found.items():
        assert one["uri"].endswith(f"/{build.archive_name(name)}")
        assert one["sha256"] == sums.get(name, "0" * 64)
        assert one["bin"] in build.COMMANDS
    assert body["spec"]["version"] == f"v{build.version()}"
    # krew, "Plugin manifest": at most so many characters in its list.
    assert len(body["spec"]["shortDescription"]) <= 50
    assert set(build.PYTHONS) == {"3.11", "3.12", "3.13", "3.14"}
    assert all(one in body["spec"]["caveats"] for one in build.PYTHONS)


def _launched(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of the launcher with the tree's own packages beside it."""
    launcher = folder / name
    launcher.write_text((KREW / "launcher.py").read_text())
    lib = folder / "lib" / "any"
    lib.mkdir(parents=True)
    for package in (clickstream_operator, clickstream_layout):
        source = Path(package.__path__[0])
        (lib / source.name).symlink_to(source)
    return subprocess.run(
        [sys.executable, str(launcher), *arguments], capture_output=True, text=True, check=False
    )


def test_the_launcher_is_the_command(tmp_path: Path) -> None:
    """By the name by which kubectl finds it."""
    done = _launched(tmp_path, "kubectl-clickstream", "explain", "OwnershipConflict")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# OwnershipConflict")


def test_the_launcher_completes(tmp_path: Path) -> None:
    """By the name by which kubectl asks for completions."""
    done = _launched(tmp_path, "kubectl_complete-clickstream", "expla")
    assert done.stdout.splitlines()[0].startswith("explain\t")


def test_another_python_is_told(tmp_path: Path) -> None:
    """In one line, also by one that is too old for the rest."""
    text = (KREW / "launcher.py").read_text()
    known = "((3, 11), (3, 12), (3, 13), (3, 14))"
    assert known in text
    (tmp_path / "kubectl-clickstream").write_text(text.replace(known, "((2, 7),)"))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "kubectl-clickstream")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: kubectl clickstream needs Python 2.7 as python3; this is")
