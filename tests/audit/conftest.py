"""The tools of the audit, in an environment of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.programs import toolchain

ROOT = Path(__file__).parents[2]

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def audit_tools() -> Path:
    """The environment that the tools are in."""
    return toolchain.environment(
        "audit", ROOT / "locks" / "audit.txt", "Installing the audit tools"
    )


@pytest.fixture(scope="session")
def tool(audit_tools: Path) -> Tool:
    """Run a tool by its name in the root of the project; its exit code is the caller's to judge."""

    def run(name: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        program = audit_tools / "bin" / name
        # The scripts name the interpreter of the folder that the environment was made in.
        is_script = program.read_bytes()[:2] == b"#!"
        command = [str(audit_tools / "bin" / "python")] if is_script else []
        return subprocess.run(
            [*command, str(program), *words],
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
