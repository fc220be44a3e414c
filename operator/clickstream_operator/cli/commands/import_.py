"""`import`: the manifest of a pipeline that adopts what is there already, with its data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.command import Command, Group
from clickstream_operator.cli.options import region_or_us_east_1
from clickstream_operator.cli.output import hand_over, note

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from clickstream_operator.cli.deployments import Import

_SOME_FILE: Final = "pipeline.yaml"
_TIME: Final = re.compile(r".*(Z|[+-]\d\d:\d\d)")


@click.group("import", cls=Group)
def command() -> None:
    """Write the manifest that adopts what Terraform or somebody made.

    Stream, bucket and the three tables are adopted in place, with their data; functions, roles,
    queue, topic, logs and dashboard are made new. The manifest and the steps around it are printed;
    nothing is changed.
    """


def _at(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    """A time in UTC; the present one where none is given."""
    if value is None:
        return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value} is no time; for example 2026-11-01T00:00:00Z") from error
    if not _TIME.fullmatch(value):
        raise click.BadParameter(f"{value} has no zone; add Z for UTC")
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _manifest_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-o", "--output", "file", help="File to write; it must not exist yet."),
        click.option(
            "--starting-at",
            metavar="TIME",
            callback=_at,
            help="Time from which the pipeline counts. Default: now.",
        ),
        click.option("-n", "--namespace", default="default", show_default=True),
        click.option("--name", default="", help="Name of the pipeline. Default: by the stream."),
    ):
        function = option(function)
    return function


@command.command("terraform", cls=Command)
@click.argument("state", metavar="STATE|DIR", type=click.Path(allow_dash=True))
@click.option("--workspace", help="Workspace of a folder. Default: the selected one.")
@click.option("--stream", default="", help="Stream of the deployment, where a state has several.")
@_manifest_options
def terraform(
    state: str,
    *,
    workspace: str | None,
    stream: str,
    name: str,
    namespace: str,
    starting_at: str,
    file: str | None,
) -> None:
    """Read a Terraform state: a file, a folder, or - for `terraform state pull`.

    The parts are found by what they say of one another, whatever the configuration calls them. The
    steps are a shell script: the mappings to turn off, the lines of `terraform state rm`, and what
    `terraform destroy` may then remove. With -o they go to standard output, else to standard error.
    """
    from clickstream_operator.cli.deployments import make_import  # noqa: PLC0415
    from clickstream_operator.cli.deployments.state import read_state  # noqa: PLC0415
    from clickstream_operator.cli.deployments.state_deployment import locate  # noqa: PLC0415
    from clickstream_operator.cli.deployments.state_files import open_state  # noqa: PLC0415
    from clickstream_operator.cli.deployments.steps import steps  # noqa: PLC0415

    opened = open_state(state, workspace)
    located = locate(read_state(opened.content, opened.source), stream=stream)
    made = make_import(located.deployment, name=name, namespace=namespace, starting_at=starting_at)
    lines = steps(
        made,
        located.deployment,
        file=file or _SOME_FILE,
        adopted=located.adopted,
        replaced=located.replaced,
        others=located.others,
    )
    _hand_over(made, lines, source=opened.source, file=file)


@command.command("aws", cls=Command)
@click.option("--stream", required=True, help="Name of the stream.")
@click.option("--region", default=region_or_us_east_1, show_default="AWS_REGION, else us-east-1")
@click.option("--profile", help="Profile of the AWS credential.")
@_manifest_options
def from_aws(
    *,
    stream: str,
    region: str,
    profile: str | None,
    name: str,
    namespace: str,
    starting_at: str,
    file: str | None,
) -> None:
    """Find the parts from the stream alone, with your credential, which can't write here.

    The mappings on the stream lead to the functions, these name tables and bucket. A pipeline that
    lost its object gets one back, with the settings that its functions have.
    """
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.aws.read_only import ReadOnlySession  # noqa: PLC0415
    from clickstream_operator.cli import aws  # noqa: PLC0415
    from clickstream_operator.cli.deployments import Deployment, make_import  # noqa: PLC0415
    from clickstream_operator.cli.deployments.aws_deployment import find_deployment  # noqa: PLC0415
    from clickstream_operator.cli.deployments.own_pipeline import (  # noqa: PLC0415
        OwnPipeline,
        with_settings,
    )
    from clickstream_operator.cli.deployments.steps import steps  # noqa: PLC0415

    async def work(session: ReadOnlySession) -> tuple[Deployment, OwnPipeline | None]:
        return await find_deployment(session, stream)

    try:
        found, own = aws.run(region, work, profile=profile)
    except AwsError as error:
        raise aws.told(error) from error
    made = make_import(found, name=name, namespace=namespace, starting_at=starting_at)
    if own is None:
        lines = steps(made, found, file=file or _SOME_FILE)
    else:
        made = with_settings(made, own)
        lines = [f"clickstream plan -f {file or _SOME_FILE}  # what it has, it takes back"]
    _hand_over(made, lines, source=f"stream {stream}", file=file)


def _hand_over(made: Import, lines: list[str], *, source: str, file: str | None) -> None:
    """Print or write the manifest, and tell the steps and what there is to know."""
    from clickstream_operator.cli.new_manifest import commented  # noqa: PLC0415

    text = commented(
        made.body,
        heading=f"Made by `clickstream import` of {source}. Stream, bucket and tables stay in "
        "place with their data; the operator's setting tenants[].adopt must allow an adoption.",
    )
    hand_over(text, file)
    for one in made.notes:
        note(f"note: {one}")
    click.echo("\n".join(lines), err=file is None)
