"""A command on a terminal of a given width: what a person would see."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

_STYLES: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x1b\x07]*(?:\x1b\\|\x07)")


def on_terminal(
    command: Sequence[str], *, environment: Mapping[str, str], columns: int = 80
) -> tuple[int, str]:
    """Exit code of a command, and all that it writes to a terminal of so many columns."""
    terminal, inside = pty.openpty()
    try:
        process = subprocess.Popen(
            command,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**os.environ, "COLUMNS": str(columns), **environment},
        )
    finally:
        os.close(inside)
    parts: list[bytes] = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:
        pass  # The last process closed the terminal: Linux answers with an error.
    finally:
        os.close(terminal)
    return process.wait(), b"".join(parts).decode().replace("\r\n", "\n")


def without_styles(shown: str) -> str:
    """What was written to a terminal, without the codes that style it."""
    return _STYLES.sub("", shown)
