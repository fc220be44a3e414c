"""A clone of the working tree as a newcomer has it, and the clusters that the pages begin with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.operator_process import OperatorProcess

# ruff: noqa: PLC0415 the unit tests beside them pay nothing for the sandbox


def _git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=docs", "-c", "user.email=docs@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of the working tree, changed ones included."""
    copy = tmp_path_factory.mktemp("origin") / "clickstream-operator"
    for name in _git(ROOT, "ls-files", "-co", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    _git(copy, "init", "--quiet", "--initial-branch=main")
    _git(copy, "add", "--all")
    _git(copy, "commit", "--quiet", "--message=The working tree")
    return copy


@pytest.fixture(scope="session")
def clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with its environment and the function packages."""
    folder = tmp_path_factory.mktemp("clone") / "clickstream-operator"
    _git(ROOT, "clone", "--quiet", str(repository), str(folder))
    subprocess.run(
        ["make", "install", "lambdas"],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="session")
def operated() -> Iterator[tuple[Sandbox, OperatorProcess]]:
    """A cluster with a running operator."""
    from sandbox import Sandbox
    from sandbox.operator_process import OperatorProcess

    with Sandbox.start() as sandbox:
        operator = OperatorProcess(sandbox)
        operator.install()
        operator.start()
        yield sandbox, operator
        operator.stop()


@pytest.fixture(scope="session")
def empty() -> Iterator[Sandbox]:
    """A cluster without the operator."""
    from sandbox import Sandbox

    with Sandbox.start() as sandbox:
        yield sandbox
