"""The tools of the audit, in an environment of their own.

Some of them pin what the project uses in other versions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sandbox.programs import toolchain

_LOCK: Final = Path(__file__).parents[2] / "locks" / "audit.txt"


def locate() -> Path:
    """Return the folder of the environment; the first time it is installed."""
    return toolchain.environment("audit", _LOCK, "Installing the audit tools")


def command(tools: Path, name: str) -> list[str]:
    """Return the words that start a tool."""
    program = tools / "bin" / name
    # The scripts name the interpreter of the folder that the environment was made in.
    is_script = program.read_bytes()[:2] == b"#!"
    return [*([str(tools / "bin" / "python")] if is_script else []), str(program)]
