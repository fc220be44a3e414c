"""`completion`: the script by which a shell completes commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from clickstream_operator.cli.command import Command

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CLICKSTREAM_COMPLETE"


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.option("--name", default="clickstream", show_default=True, help="Program to complete.")
@click.pass_context
def command(context: click.Context, shell: str, name: str) -> None:
    """Print the completion script of a shell.

    Load it with: source <(clickstream completion bash). For `kubectl clickstream` nothing is to be
    loaded where kubectl's own completion is: it asks `kubectl_complete-clickstream`, which is
    installed beside this tool.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"no completion for {shell}", context)
    made = found(context.find_root().command, {}, name, _VARIABLE)
    # `source()` would start a shell first, to ask for its version.
    click.echo(made.source_template % made.source_vars())
