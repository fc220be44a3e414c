"""`rebuild`: hours and sessions computed again from the archive."""

from __future__ import annotations

import re
from typing import Final

import click

from clickstream_operator.cli.changing import confirm
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, print_line

_HOUR: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d")


@click.command("rebuild", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@click.argument("hours", nargs=-1)
@cluster_options
@click.option("--session", "sessions", multiple=True, help="A session, whole; may be repeated.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("text", "json")), default="text")
def command(
    name: str,
    hours: tuple[str, ...],
    *,
    cluster: Cluster,
    sessions: tuple[str, ...],
    yes: bool,
    profile: str | None,
    form: str,
) -> None:
    """Compute hours and sessions again from the archive.

    HOURS are hours of event time in UTC, such as 2026-11-23T12. An hour that is over comes out as
    it was. An item that holds more than the archive is left as it is, and named. It needs rights on
    tables and bucket, which docs/how-to/redrive.md lists.
    """
    from clickstream_operator.cli import aws, repair  # noqa: PLC0415

    for hour in hours:
        if not _HOUR.fullmatch(hour):
            raise click.UsageError(f"{hour} is no hour: write it as 2026-11-23T12, in UTC")
    if not hours and not sessions:
        raise click.UsageError("give HOURS such as 2026-11-23T12, or --session")
    obj = find(cluster, name)
    if not obj.spec.archive.enabled:
        raise CliError(f"{name} has no archive to rebuild from", "archive.enabled is false")
    effective = aws.checked(obj, profile=profile)
    note("items are replaced by what the archive says, never by less than they hold")
    what = ", ".join([*hours, *(f"session {one}" for one in sessions)])
    confirm(f"Rebuild {what} of {obj.key.namespace}/{name}?", agreed=yes)
    chosen = [f"--session={one}" for one in sessions]
    for line in repair.lines(effective, ["rebuild", *hours, *chosen], profile=profile):
        print_line(line, repair.text(line), form)
