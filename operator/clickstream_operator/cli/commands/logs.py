"""`logs`: lines of a pipeline's functions, merged by time."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.options import Moment
from clickstream_operator.cli.output import note

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.cli.function_logs import Line
    from clickstream_operator.kube.objects import PipelineObject

_SECONDS: Final = 2.0
_LATE: Final = timedelta(seconds=30)
"""Lines arrive in CloudWatch Logs so late, and not in order."""
_FUNCTIONS: Final = ("processor", "detector")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_STYLES: Final = {"WARNING": "yellow", "ERROR": "red"}


@click.command("logs", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--since", type=Moment(), default="10m", show_default=True, help="90m, 24h ago, or a time."
)
@click.option("--function", type=click.Choice(_FUNCTIONS), help="Only this function.")
@click.option(
    "--level", type=click.Choice(_LEVELS), default="INFO", show_default=True, help="Lowest level."
)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("text", "json")), default="text")
def command(
    name: str,
    *,
    cluster: Cluster,
    since: datetime,
    function: str | None,
    level: str,
    follow: bool,
    profile: str | None,
    form: str,
) -> None:
    """Show log lines of the functions, merged by time.

    The functions log no member of an event. Metrics, and Lambda's lines about each run, come with
    --level DEBUG. With -o json each line is one JSON object.
    """
    obj = find(cluster, name)
    functions = (function,) if function else _FUNCTIONS
    seen: set[str] = set()
    shown = 0
    while True:
        now = datetime.now(UTC)
        found = _read(obj, functions, since, now, level=level, profile=profile)
        for line in found:
            if line.identity not in seen:
                _print(line, form)
                shown += 1
        if not follow:
            if not shown:
                note(f"no line since {since.isoformat(timespec='seconds')}")
            return
        seen = {line.identity for line in found}
        since = max(since, now - _LATE)
        time.sleep(_SECONDS)


def _read(
    obj: PipelineObject,
    functions: tuple[str, ...],
    since: datetime,
    until: datetime,
    *,
    level: str,
    profile: str | None,
) -> list[Line]:
    from clickstream_operator.cli import aws, function_logs  # noqa: PLC0415

    async def work(session: ReadOnlySession, effective: Effective) -> list[Line]:
        return await function_logs.read(session, effective, functions, since=since, until=until)

    return list(function_logs.at_least(aws.of_pipeline(obj, work, profile=profile), level))


def _print(line: Line, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(line.document(), ensure_ascii=False))
        return
    at = line.at.strftime("%Y-%m-%d %H:%M:%S")
    text = f"{at} {line.function:<9} {line.level:<7} {line.text()}"
    click.secho(text, fg=_STYLES.get(line.level))
