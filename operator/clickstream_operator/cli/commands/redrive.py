"""`redrive`: batches that Lambda gave up on are taken back, bad rows are replayed."""

from __future__ import annotations

import click

from clickstream_operator.cli.changing import confirm
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note, print_line


@click.command("redrive", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@click.argument("keys", nargs=-1)
@cluster_options
@click.option("--reason", help="Of bad objects only the rows with this reason.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("text", "json")), default="text")
def command(
    name: str,
    keys: tuple[str, ...],
    *,
    cluster: Cluster,
    reason: str | None,
    yes: bool,
    profile: str | None,
    form: str,
) -> None:
    """Take back batches that Lambda gave up on, or replay bad rows.

    Without KEYS all given-up batches; KEYS are names of objects in the bucket, under aws/lambda/ or
    bad/, which the dead letters name. Each may be given again: what is done stays as it is. It
    needs rights on tables and bucket, which docs/how-to/redrive.md lists.
    """
    from clickstream_operator.cli import aws, repair  # noqa: PLC0415

    bad = [key for key in keys if key.startswith("bad/")]
    other = [key for key in keys if not key.startswith(("bad/", "aws/lambda/"))]
    if other:
        raise click.UsageError(f"{other[0]} is neither under bad/ nor under aws/lambda/")
    if bad and len(bad) < len(keys):
        raise click.UsageError("give bad objects and given-up batches in two calls")
    if reason and not bad:
        raise click.UsageError("--reason is for objects under bad/")
    obj = find(cluster, name)
    effective = aws.checked(obj, profile=profile)
    what = f"{len(keys)} objects" if keys else "all batches that Lambda gave up on"
    note("rows that are valid now are counted once, and archived; nothing is taken away")
    confirm(f"Redrive {what} of {obj.key.namespace}/{name}?", agreed=yes)
    arguments = ["bad", *bad, *(["--reason", reason] if reason else [])] if bad else [
        "failed", *keys,
    ]  # fmt: skip
    count = 0
    for line in repair.lines(effective, arguments, profile=profile):
        count += bool(line.get("key"))
        # The last line sums up what was repaired of all of them.
        if count:
            print_line(line, repair.text(line), form)
    if not count:
        raise CliError("there was nothing to redrive")
