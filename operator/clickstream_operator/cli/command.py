"""Commands: the class of each, and the group that loads a command when it is called.

Loading one command loads no other, so that `--help` and completion stay fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from keyword import iskeyword
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from clickstream_operator.cli.errors import nearest

_COMMANDS: Final = "clickstream_operator.cli.commands"
SETTINGS: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"]}
"""Of every command, as click keeps a command's own help option from the first time on."""
DEBUG: Final = "clickstream.debug"
"""Key in the meta data of a click context: whether `--debug` was given."""


def _note_debug(context: click.Context, _option: click.Parameter, given: bool) -> None:  # noqa: FBT001 - click's signature
    if given:
        context.meta[DEBUG] = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_note_debug,
        help="Show a traceback when the command fails.",
    )


class Command(click.Command):
    """A command that takes `-h` and `--debug`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"context_settings": SETTINGS, **options})
        self.params.append(_debug_option())


class Group(click.Group):
    """A group of commands that are defined beside it, each with `--debug`."""

    command_class = Command

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"context_settings": SETTINGS, **options})
        self.params.append(_debug_option())


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the table: its heading in the help, and its summary."""

    heading: str
    summary: str


class LazyGroup(click.Group):
    """The commands of a table, each in the module of its name, with `_` for `-`."""

    def __init__(self, *args: Any, table: Mapping[str, Entry], **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table
        self.params.append(_debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command; None for an unknown name."""
        if cmd_name not in self.table:
            return None
        name = cmd_name.replace("-", "_")
        # `import` is a word of the language, which no module should have for a name.
        module = import_module(f"{_COMMANDS}.{name}_" if iskeyword(name) else f"{_COMMANDS}.{name}")
        loaded: click.Command = module.command
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command in the arguments; an unknown one is refused with the nearest name."""
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            near = nearest(name, self.table)
            hint = f"did you mean {near}?" if near else "--help lists the commands"
            ctx.fail(f"there is no command {name}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands by heading, without loading one."""
        headings = dict.fromkeys(entry.heading for entry in self.table.values())
        width = max(map(len, self.table))
        for heading in headings:
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (name.ljust(width), entry.summary)
                        for name, entry in self.table.items()
                        if entry.heading == heading
                    ]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, without loading one."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.table.items()
            if name.startswith(incomplete)
        ]
