"""The script of web pages as it is built: small, its own, the same everywhere."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "build" / "web"
SOURCES = ROOT / "web" / "clickstream"


@pytest.fixture
def builder() -> ModuleType:
    """The program that builds the script."""
    spec = importlib.util.spec_from_file_location("web_build", ROOT / "web" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "most"), [("clickstream.js", 1200), ("clickstream.mjs", 1229)])
def test_size(name: str, most: int) -> None:
    """At most 1.2 KB on the wire."""
    assert len(gzip.compress((BUILT / name).read_bytes(), 9, mtime=0)) <= most


@pytest.mark.parametrize("name", ["clickstream.js", "clickstream.mjs"])
def test_nothing_that_a_strict_policy_refuses(name: str) -> None:
    """No code from text, no element, no cookie, and nothing that keeps a page from bfcache."""
    text = (BUILT / name).read_text(encoding="utf-8")
    for forbidden in (
        r"\beval\b", r"new Function", r"cookie", r"innerHTML", r"createElement", r"localStorage",
        r"unload", r"document\.write", r"https?://",
    ):  # fmt: skip
        assert not re.search(forbidden, text), forbidden


def test_nothing_of_others_is_bundled() -> None:
    """The sources import only one another, so no licence but ours applies to the file."""
    package = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    assert set(package) == {"name", "private", "type", "license", "devDependencies"}
    assert all(re.fullmatch(r"[\d.]+", version) for version in package["devDependencies"].values())
    for path in (SOURCES / "src").glob("*.ts"):
        for found in re.findall(r'from "(.+)"', path.read_text(encoding="utf-8")):
            assert found.startswith("./")


def test_every_package_of_the_build_is_pinned_by_a_hash() -> None:
    """Its lock file names a hash for each, and no place that it comes from."""
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert "resolved" not in json.dumps(packages)


def test_the_build_is_reproducible(builder: ModuleType, tmp_path: Path) -> None:
    """From nothing, with a cache of its own, the bytes are those of the packages."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, str(ROOT / "web" / "build.py"), "--output", str(tmp_path / "built")]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    for name in builder.FILES:
        assert (tmp_path / "built" / name).read_bytes() == (BUILT / name).read_bytes()


def test_without_npm_the_remedy_is_named(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was built before, npm is needed; where it was, it is not."""
    monkeypatch.setenv("PATH", "")
    builder.build(tmp_path / "warm")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(builder.BuildError, match="install Node"):
        builder.build(tmp_path / "cold")


def test_a_wheel_of_the_sdist_needs_no_npm(tmp_path: Path) -> None:
    """The sdist brings what is built; a wheel of a checkout without npm lacks it, and says so."""
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)  # noqa: S607
    (tree,) = tmp_path.glob("clickstream_operator-*/")
    nothing = {"PATH": "", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([*build, "-t", "wheel"], cwd=tree, env=nothing, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = "clickstream_operator/cli/web/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith(inside)}
        assert names == {
            f"{inside}{name}" for name in ("clickstream.js", "clickstream.mjs", "clickstream.d.ts")
        }
        for name in names:
            assert archive.read(name) == (BUILT / Path(name).name).read_bytes()
    for path in (tree / "web" / "built").iterdir():
        path.unlink()
    without = [*build[:-1], str(tmp_path / "without"), "-t", "wheel"]
    done = subprocess.run(
        without, cwd=tree, env=nothing, check=True, capture_output=True, text=True
    )
    assert "npm is needed" in done.stdout + done.stderr
    (wheel,) = (tmp_path / "without").glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(inside)]
