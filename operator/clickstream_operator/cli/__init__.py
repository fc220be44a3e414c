"""Command line for people: `kubectl clickstream`, offline and with the user's own rights."""

from clickstream_operator.cli.errors import CliError, ExitCode

__all__ = ["CliError", "ExitCode"]
