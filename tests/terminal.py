"""Runs of the command line: on a terminal of a given width, and with pipes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from clickstream_operator.cli.__main__ import run
from sandbox.processes import terminal

CLICKSTREAM: Final = str(Path(sys.executable).with_name("clickstream"))


def on_terminal(
    arguments: Sequence[str], *, columns: int = 80, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit code of `clickstream`, and what a terminal of so many columns shows, without styles."""
    code, shown = raw_on_terminal(arguments, columns=columns, environment=environment)
    return code, terminal.without_styles(shown)


def raw_on_terminal(
    arguments: Sequence[str], *, columns: int = 80, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The same with the codes that style it."""
    settings = {"TERM": "xterm", **(environment or {})}
    return terminal.on_terminal([CLICKSTREAM, *arguments], columns=columns, environment=settings)


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
