"""`ui`: a page in the browser that shows pipelines and their numbers as they come."""

from __future__ import annotations

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.output import note


@click.command("ui", cls=Command)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Pipelines of every namespace.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port on loopback. Default: any that is free.",
)
@click.option("--open", "opened", is_flag=True, help="Open it in the browser.")
@click.option("--profile", help="Profile of the AWS credential.")
def command(
    *,
    cluster: Cluster,
    all_namespaces: bool,
    port: int,
    opened: bool,
    profile: str | None,
) -> None:
    """Show pipelines and their numbers in the browser, until Ctrl-C.

    The page is on loopback, and only who opens the printed address sees it: the address works
    once. It reads with your rights in the cluster and in AWS, and can't write.
    """
    from clickstream_operator.cli import aws  # noqa: PLC0415
    from clickstream_operator.cli.live_view import serve  # noqa: PLC0415

    aws.refuse_in_the_operators_pod()

    def on_ready(address: str) -> None:
        click.echo(address)
        note("the address works once; Ctrl-C ends it")
        if opened:
            click.launch(address)

    serve(cluster, all_namespaces=all_namespaces, profile=profile, port=port, on_ready=on_ready)
