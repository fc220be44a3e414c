"""`reconcile`: everything is compared with AWS now, and the answer is awaited."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

import click

from clickstream_operator.cli.changing import writer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.output import note

_SECONDS: Final = 0.5


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
    from clickstream_operator.api.v1alpha1 import RECONCILE_REQUESTED_AT  # noqa: PLC0415
    from clickstream_operator.cli import view  # noqa: PLC0415

    obj = find(cluster, name)
    where = f"{obj.key.namespace}/{name}"
    asked = datetime.now(UTC).isoformat()
    writer(cluster).annotate(obj.key, RECONCILE_REQUESTED_AT, asked)
    if not timeout:
        note(f"asked for {where}; `status` shows when it is done")
        return ExitCode.OK
    end = time.monotonic() + timeout
    while obj.status.last_handled_reconcile_at != asked:
        if time.monotonic() > end:
            raise CliError(
                f"no answer for {where} within {timeout} s",
                "does the operator run, and does it watch this namespace?",
            )
        time.sleep(_SECONDS)
        obj = find(cluster, name)
    ready, reason = view.ready_reason(obj.status)
    verified = obj.status.last_verified
    click.echo(f"{where}: Ready {ready} ({reason}){f', verified {verified}' if verified else ''}")
    return ExitCode.OK if view.is_healthy(obj) else ExitCode.FOUND
