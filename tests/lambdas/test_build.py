"""Packages: the same bytes every time, small, complete without the operator."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

LAMBDAS = Path(__file__).parents[2] / "lambdas"


def load_builder(path: Path) -> ModuleType:
    """Return the build script at a path as a module."""
    spec = importlib.util.spec_from_file_location("package_builder", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_packages_are_reproducible(tmp_path: Path) -> None:
    """Built twice, and from a copy with other times and permissions, the bytes are equal."""
    copy = tmp_path / "copy"
    shutil.copytree(LAMBDAS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1, 1))
    (copy / "shared" / "__pycache__").mkdir()
    (copy / "shared" / "__pycache__" / "stale.pyc").write_bytes(b"x")
    builder = load_builder(LAMBDAS / "build.py")
    one, two = builder.build(tmp_path / "one"), builder.build(tmp_path / "two")
    three = load_builder(copy / "build.py").build(tmp_path / "three", builder.SCRIPTS)
    assert one == two == three
    assert json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8")) == one
    for function in builder.FUNCTIONS:
        data = (tmp_path / "one" / f"{function}.zip").read_bytes()
        assert hashlib.sha256(data).hexdigest() == one[function]["sha256"]
        assert len(data) < 5 * 1024 * 1024


@pytest.mark.parametrize("function", ["processor", "detector", "collector"])
def test_package_imports_without_the_operator(tmp_path: Path, function: str) -> None:
    """Unpacked alone, a package imports its entry point and nothing of the operator."""
    load_builder(LAMBDAS / "build.py").build(tmp_path)
    with zipfile.ZipFile(tmp_path / f"{function}.zip") as package:
        names = package.namelist()
        package.extractall(tmp_path / "task")
    allowed = {function, "shared", "clickstream_layout"}
    assert {name.partition("/")[0] for name in names} == allowed
    assert not [name for name in names if "pycache" in name]
    code = (
        f"import sys, {function}.handler as h; assert callable(h.handle); "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('clickstream_operator', 'boto3')]; "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "task", check=True)


def test_the_collector_alone_brings_the_script(tmp_path: Path) -> None:
    """Its package has the built script, classic and as a module; without one nothing is built."""
    builder = load_builder(LAMBDAS / "build.py")
    builder.build(tmp_path)
    for name in ("collector", "processor", "detector", "redrive"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as package:
            scripts = {each for each in package.namelist() if not each.endswith((".py", ".json"))}
            assert scripts == (
                {"collector/clickstream.js", "collector/clickstream.mjs"}
                if name == "collector"
                else set()
            )
            for each in scripts:
                assert package.read(each) == (builder.SCRIPTS / Path(each).name).read_bytes()
    with pytest.raises(FileNotFoundError):
        builder.build(tmp_path / "other", tmp_path / "nothing")


def imported_packages(folder: Path) -> set[str]:
    """Top-level packages that the modules of a folder import, anywhere in them."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found


def test_functions_bring_along_nothing() -> None:
    """They import the standard library and the SDK that Lambda has; the layout only the former."""
    folders = [path.parent for path in LAMBDAS.glob("*/__init__.py")]
    own = {folder.name for folder in folders}
    # Of Python 3.14 only: the archive's Zstd, where the runtime has it.
    standard = {*sys.stdlib_module_names, "compression"}
    assert own > {"processor", "detector", "collector", "shared", "clickstream_layout"}
    for folder in folders:
        others = imported_packages(folder) - own - standard
        assert others <= (set() if folder.name == "clickstream_layout" else {"botocore", "boto3"})
