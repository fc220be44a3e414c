"""`export`: a pipeline as a configuration of another tool, with everything that it has in AWS."""

from __future__ import annotations

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import hand_over, note


@click.command("export", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@click.option("--to", "tool", type=click.Choice(("terraform",)), required=True)
@click.option("-o", "--output", "file", help="File to write; it must not exist yet.")
@cluster_options
@click.option("--profile", help="Profile of the AWS credential.")
def command(
    name: str, *, tool: str, file: str | None, cluster: Cluster, profile: str | None
) -> None:
    """Write a pipeline as a configuration of Terraform, with import blocks.

    Every resource is read from AWS with your credential, which can't write here. Code, the secret
    hash key and the functions' configuration object stay as they are. Delete the object with AWS
    left alone before Terraform takes over: two owners undo each other's changes.
    """
    from clickstream_operator.api.v1alpha1 import FORCE_DELETE  # noqa: PLC0415
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.aws.read_only import ReadOnlySession  # noqa: PLC0415
    from clickstream_operator.cli import aws  # noqa: PLC0415
    from clickstream_operator.cli.operator_config import read_config  # noqa: PLC0415
    from clickstream_operator.cli.terraform import Found, configuration, read_all  # noqa: PLC0415

    obj = find(cluster, name)
    effective = obj.status.effective
    if effective is None:
        raise CliError(f"{name} was never applied", f"there is nothing to export to {tool}")
    config = read_config(cluster.reader(), effective)

    async def work(session: ReadOnlySession) -> tuple[list[Found], list[str]]:
        return await read_all(obj, config, session)

    try:
        found, missing = aws.run(effective.region, work, profile=profile)
    except AwsError as error:
        raise aws.told(error) from error
    text, left_out = configuration(f"{obj.key.namespace}/{name}", effective, found)
    hand_over(text, file)
    for one in missing:
        note(f"note: {one} is not in AWS and was left out")
    for one in left_out:
        note(f"note: {one} was left out: its address has not confirmed the subscription")
    note(
        "next: terraform init, terraform plan. Before you apply, give AWS one owner: annotate "
        f"csp/{name} with {FORCE_DELETE}=true and delete it, which leaves AWS alone"
    )
