"""`suspend`: `spec.suspend` of a pipeline."""

from __future__ import annotations

import click

from clickstream_operator.cli.changing import set_suspended
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines
from clickstream_operator.cli.command import Command


@click.command("suspend", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
def command(name: str, *, cluster: Cluster) -> None:
    """Stop writing to AWS; the operator only observes.

    It sets spec.suspend to true. Where the manifest is kept in git, set it there: what applies the
    manifest would take this back.
    """
    set_suspended(cluster, name, suspended=True)
