"""Collection builds nothing, whatever the tests need: editors collect all the time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sandbox.aws import emulator
from sandbox.programs import binaries, helm
from tests.needed_programs import locators

ROOT = Path(__file__).parents[3]


def test_collection_builds_nothing(tmp_path: Path) -> None:
    """On a new machine, with empty caches, no program is fetched or built."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    # A download or a build would fail soon: the proxy is not there, nor is a compiler.
    apart = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": str(Path(sys.executable).parent),
        "https_proxy": "http://127.0.0.1:9",
    }
    done = subprocess.run(
        [*command, "tests"],
        cwd=ROOT,
        env={**os.environ, **apart},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tests collected" in done.stdout
    built = tmp_path / "cache" / "clickstream-operator"
    assert not built.exists() or {one.name for one in built.iterdir()} <= {"pycache"}


def test_a_run_builds_what_its_fixtures_need() -> None:
    """An API server and the emulator for a cluster, both majors for Helm, nothing for the rest."""
    assert list(locators({"tmp_path", "monkeypatch"})) == []
    assert list(locators({"sandbox"})) == [binaries.locate, emulator.locate]
    assert list(locators({"cluster"})) == [binaries.locate, emulator.locate]
    assert len(list(locators({"helm_major"}))) == len(helm.MAJORS)
