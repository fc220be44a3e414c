"""`version`: the version of this tool."""

from __future__ import annotations

from importlib.metadata import version

import click

from clickstream_operator.cli.command import Command


@click.command("version", cls=Command)
def command() -> None:
    """Print the version."""
    click.echo(f"client   {version('clickstream-operator')}")
