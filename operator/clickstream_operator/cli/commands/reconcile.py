"""`reconcile`: everything is compared with AWS now, and the answer is awaited."""

from __future__ import annotations

import click

from clickstream_operator.cli.changing import request_reconcile, wait_for_answer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import note


@click.command("reconcile", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--timeout", type=click.IntRange(0), default=120, show_default=True, help="Seconds to wait."
)
def command(name: str, *, cluster: Cluster, timeout: int) -> int:
    """Compare everything with AWS now, and wait for the answer.

    It sets the annotation clickstream.dev/reconcile-requested-at. Exit code 2 when the pipeline is
    not healthy afterwards. With --timeout 0 the answer is not awaited.
    """
    from clickstream_operator.cli import view  # noqa: PLC0415

    obj = find(cluster, name)
    where = f"{obj.key.namespace}/{name}"
    asked = request_reconcile(cluster, obj)
    if not timeout:
        note(f"asked for {where}; `status` shows when it is done")
        return ExitCode.OK
    obj = wait_for_answer(cluster, obj, asked, seconds=timeout)
    ready, reason = view.ready_reason(obj.status)
    verified = obj.status.last_verified
    click.echo(f"{where}: Ready {ready} ({reason}){f', verified {verified}' if verified else ''}")
    return ExitCode.OK if view.is_healthy(obj) else ExitCode.FOUND
