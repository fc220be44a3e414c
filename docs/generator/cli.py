"""The reference page of the command line, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from clickstream_operator.cli.app import TABLE, app
from clickstream_operator.cli.errors import ExitCode
from docs.generator.markdown import page, table

_NAME: Final = "kubectl clickstream"
_COLUMNS: Final = 88
_MEANINGS: Final = {
    ExitCode.OK: "done; nothing differs, everything is healthy",
    ExitCode.ERROR: "it could not be done; one line on standard error says why and what to do",
    ExitCode.FOUND: "done, and it found changes (`--detailed-exitcode`) or something not healthy",
    ExitCode.USAGE: "wrong options or arguments; nothing was done",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
}


def cli_page() -> str:
    """Commands with their help, and the exit codes."""
    context = click.Context(app, info_name=_NAME, **app.context_settings)
    parts = [
        "The same tool is `clickstream` and, as a plugin of kubectl, `kubectl clickstream`.",
        "[The command line](../how-to/command-line.md) says how to install it and where to begin.",
        "Data goes to standard output, messages to standard error.",
        "Output is laid out on a terminal and plain elsewhere; `NO_COLOR` takes the colors away.\n",
        table(
            ("command", "does"),
            ((f"[`{name}`](#{name})", entry.summary) for name, entry in TABLE.items()),
        ),
        "## Exit codes\n",
        table(("code", "means"), ((code.value, text) for code, text in _MEANINGS.items())),
        "## Commands\n",
    ]
    for name in TABLE:
        command = app.get_command(context, name)
        if command is None:
            raise RuntimeError(f"the table of commands names {name}, which is not there")
        parts += _sections(command, context, name, depth=3)
    return page("Command line", "\n".join(parts))


def _sections(
    command: click.Command, parent: click.Context, name: str, *, depth: int
) -> Iterator[str]:
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=_COLUMNS, color=False
    )
    title = context.command_path.removeprefix(f"{_NAME} ")
    yield f"{'#' * depth} {title}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _sections(found, context, child, depth=depth + 1)
