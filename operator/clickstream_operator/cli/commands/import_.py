"""`import`: the manifest of a pipeline that adopts what is there already, with its data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.command import Command, Group
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import note

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


def _hand_over(made: Import, lines: list[str], *, source: str, file: str | None) -> None:
    """Print or write the manifest, and tell the steps and what there is to know."""
    from clickstream_operator.cli.new_manifest import commented  # noqa: PLC0415

    text = commented(
        made.body,
        heading=f"Made by `clickstream import` of {source}. Stream, bucket and tables are adopted "
        "in place; tenants[].adopt of the operator's settings must allow it.",
    )
    if file is None:
        click.echo(text, nl=False)
    else:
        try:
            with Path(file).open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError as error:
            raise CliError(f"{file} exists already", "choose another name with -o") from error
    for one in made.notes:
        note(f"note: {one}")
    click.echo("\n".join(lines), err=file is None)
