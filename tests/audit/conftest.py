"""The tools of the audit, in an environment of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.programs import audit_tools as tools_of_audit

ROOT = Path(__file__).parents[2]

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def audit_tools() -> Path:
    """The environment that the tools are in."""
    return tools_of_audit.locate()


@pytest.fixture(scope="session")
def tool(audit_tools: Path) -> Tool:
    """Run a tool by its name in the root of the project; its exit code is the caller's to judge."""

    def run(name: str, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*tools_of_audit.command(audit_tools, name), *words],
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
