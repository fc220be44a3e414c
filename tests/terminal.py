"""Runs of the command line: on a terminal of a given width, and with pipes."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from clickstream_operator.cli.__main__ import run

CLICKSTREAM: Final = str(Path(sys.executable).with_name("clickstream"))
_STYLES: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x1b\x07]*(?:\x1b\\|\x07)")


def on_terminal(
    arguments: Sequence[str], *, columns: int = 80, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit code of `clickstream`, and what a terminal of so many columns shows, without styles."""
    code, shown = raw_on_terminal(arguments, columns=columns, environment=environment)
    return code, _STYLES.sub("", shown)


def raw_on_terminal(
    arguments: Sequence[str], *, columns: int = 80, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The same with the codes that style it."""
    terminal, inside = pty.openpty()
    try:
        process = subprocess.Popen(
            [CLICKSTREAM, *arguments],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **(environment or {})},
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


@dataclass(frozen=True, slots=True)
class Done:
    """What a run left behind."""

    returncode: int
    stdout: str
    stderr: str


def piped(
    arguments: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
) -> Done:
    """A run of `clickstream` with pipes in place of a terminal, inside this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "stdin", io.StringIO(given)),
        patch.dict(os.environ, environment or {}),
    ):
        code = run(arguments, name="clickstream")
    return Done(code, out.getvalue(), err.getvalue())


def process(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A run of `clickstream` as a process, with pipes in place of a terminal."""
    return subprocess.run(
        [CLICKSTREAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )


@contextmanager
def beside(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A run of `clickstream` that goes on beside the test; ended with it at the latest."""
    with subprocess.Popen(
        [CLICKSTREAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    ) as started:
        try:
            yield started
        finally:
            started.kill()
