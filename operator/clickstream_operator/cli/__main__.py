"""Entry point of `kubectl-clickstream` and `clickstream`: errors become one line and an exit code.

Started by the scripts of the wheel; calls `app`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from clickstream_operator.cli import output
from clickstream_operator.cli.app import app
from clickstream_operator.cli.command import DEBUG
from clickstream_operator.cli.errors import CliError, ExitCode

COMPLETION_VARIABLE: Final = "_CLICKSTREAM_COMPLETE"
"""Variable by which a shell asks for completions."""
_PLUGIN: Final = "kubectl-clickstream"
_WIDEST_HELP: Final = 100


def main() -> None:
    """Run the command of the command line, and exit."""
    name = program_name(sys.argv[0])
    if os.environ.get(COMPLETION_VARIABLE):
        app.main(prog_name=name, complete_var=COMPLETION_VARIABLE)
    sys.exit(run(sys.argv[1:], name=name))


def program_name(path: str) -> str:
    """The name that a person typed: kubectl starts its plugin by the file's name."""
    return "kubectl clickstream" if Path(path).name.startswith(_PLUGIN) else "clickstream"


def run(arguments: Sequence[str], *, name: str) -> int:
    """Run one command. Returns its exit code; a failure is one line on standard error."""
    meta: dict[str, bool] = {}
    try:
        # By itself click takes no terminal for narrower than 50 columns.
        columns = min(output.width(), _WIDEST_HELP)
        with app.make_context(name, list(arguments), terminal_width=columns) as context:
            meta = context.meta
            code = app.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        return _usage(error, name)
    except (KeyboardInterrupt, click.Abort):
        click.echo("", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has closed it: nobody is left to tell, also at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except Exception as error:
        if meta.get(DEBUG):
            raise
        click.echo(f"error: {_line(error)}", err=True)
        return ExitCode.ERROR
    return code if isinstance(code, int) else ExitCode.OK


def _usage(error: click.UsageError, name: str) -> int:
    """Tell of wrong usage: the fault, and where the right usage is shown."""
    path = error.ctx.command_path if error.ctx else name
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return ExitCode.USAGE
    click.echo(f"error: {_line(error.format_message())}", err=True)
    click.echo(f"see: {path} --help", err=True)
    return ExitCode.USAGE


def _line(error: Exception | str) -> str:
    """One line for a person; of an error that nobody expected with its class, and what to do."""
    text = " ".join(str(error).split())
    if isinstance(error, str | CliError | click.ClickException):
        return text
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {text}; run it again with --debug, and report what it shows"


if __name__ == "__main__":
    main()
