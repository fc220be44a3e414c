"""`explain`: the meaning of a reason or of an alert, and what to do."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from clickstream_operator.cli import runbooks
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, nearest
from clickstream_operator.cli.output import print_markdown


def _complete(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    lower = incomplete.lower()
    return [CompletionItem(name) for name in runbooks.names() if name.lower().startswith(lower)]


@click.command("explain", cls=Command)
@click.argument("reason", required=False, shell_complete=_complete)
def command(reason: str | None) -> None:
    """Explain a reason or an alert, with its remedy.

    REASON is one of a condition, of a resource in the status or of an Event, or the name of an
    alert. Without it, all are listed.
    """
    if reason is None:
        click.echo("\n".join(runbooks.names()))
        return
    known = {name.lower(): name for name in runbooks.names()}
    name = known.get(reason.lower())
    if name is None:
        near = nearest(reason, known.values())
        hint = f"did you mean {near}?" if near else "explain without a name lists them"
        raise CliError(f"there is no reason {reason}", hint)
    print_markdown(runbooks.text_of(name))
