"""Collecting the tests costs nothing: an editor and `pytest -k` do it all the time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_collection_builds_nothing(tmp_path: Path) -> None:
    """On a new machine, with empty caches, no program is fetched or built."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "tests collected" in done.stdout
    built = tmp_path / "cache" / "clickstream-operator"
    assert not built.exists() or {one.name for one in built.iterdir()} <= {"pycache"}
