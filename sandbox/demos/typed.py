"""Commands typed on a terminal of 80 columns: what it shows is printed, judged and kept."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from sandbox.instance import Sandbox
from sandbox.processes.terminal import on_terminal, without_styles

COLUMNS: Final = 80
_PLUGIN: Final = str(Path(sys.executable).with_name("kubectl-clickstream"))


@dataclass(slots=True)
class Typed:
    """One command, and what came of it."""

    command: str
    shown: str
    seconds: float
    faults: list[str] = field(default_factory=list)


class TypedSession:
    """A person at a terminal beside a sandbox; `commands` are those of the command line."""

    def __init__(self, sandbox: Sandbox, console: Console, settings: Mapping[str, str]) -> None:
        self._sandbox = sandbox
        self._console = console
        # A dumb terminal shows no moving signs, which a transcript can't hold.
        self._environment = {
            **sandbox.aws_environment(),
            "KUBECONFIG": str(sandbox.kubeconfig),
            "TERM": "dumb",
            **settings,
        }
        self.commands: list[Typed] = []
        self._transcript: list[str] = []

    @property
    def right(self) -> bool:
        """Whether every command did what it should."""
        return not any(one.faults for one in self.commands)

    def say(self, text: str) -> None:
        """A sentence before the next command."""
        self._console.print(f"\n[bold]{text}[/bold]", highlight=False)
        self._transcript.append(f"\n{text}\n")

    def clickstream(self, *arguments: str, code: int = 0, shows: Sequence[str] = ()) -> str:
        """Type a command of the command line; returns what the terminal shows.

        Args:
            arguments: those of the command.
            code: the exit code that is right.
            shows: patterns, each of which must be on the screen.
        """
        started = time.monotonic()
        found, shown = on_terminal(
            [_PLUGIN, *arguments], columns=COLUMNS, environment=self._environment
        )
        screen = "\n".join(line.rstrip() for line in without_styles(shown).strip().splitlines())
        command = Typed(
            f"kubectl clickstream {' '.join(arguments)}", screen, time.monotonic() - started
        )
        if found != code:
            command.faults.append(f"it ended with {found} in place of {code}")
        command.faults += [
            f"it does not show {pattern!r}"
            for pattern in shows
            if not re.search(pattern, screen, re.MULTILINE)
        ]
        wide = [line for line in screen.splitlines() if len(line.rstrip()) > COLUMNS]
        if wide and not _is_document(arguments):
            command.faults.append(f"a line has {len(wide[0])} columns: {wide[0]}")
        self.commands.append(command)
        self._print(command.command, screen)
        for fault in command.faults:
            self._console.print(f"[red]FAIL[/red] {fault}", highlight=False, markup=True)
        return screen

    def kubectl(self, *arguments: str) -> str:
        """Type a command of kubectl, which must succeed; returns what it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        printed = self._sandbox.kubectl(*arguments).stdout.rstrip()
        self._print(f"kubectl {' '.join(arguments)}", printed)
        return printed

    def typed(self, command: str, printed: str = "") -> None:
        """A command that the session runs by other means."""
        self._print(command, printed)

    def transcript(self) -> str:
        """The session as a page in Markdown, without a heading."""
        return "\n".join(self._transcript).strip() + "\n"

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "right": self.right,
            "commands": [
                {
                    "command": one.command,
                    "seconds": round(one.seconds, 2),
                    "faults": one.faults,
                }
                for one in self.commands
            ],
        }

    def _print(self, command: str, printed: str) -> None:
        self._console.print(f"[cyan]$ {command}[/cyan]", highlight=False, soft_wrap=True)
        if printed:
            self._console.print(printed, highlight=False, markup=False, soft_wrap=True)
        block = f"$ {command}\n{printed}".rstrip()
        self._transcript.append(f"```text\n{block}\n```")


def _is_document(arguments: Sequence[str]) -> bool:
    """Whether a command prints a file's content, whose lines are as long as they are."""
    return arguments[0] in {"export", "import", "render"}


@contextmanager
def empty_folder() -> Iterator[Path]:
    """An empty folder as the present one."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(here)
