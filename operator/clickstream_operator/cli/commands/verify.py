"""`verify`: a full comparison with AWS now, printed with its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.api import components
from clickstream_operator.cli.changing import request_reconcile, wait_for_answer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import (
    Column,
    note,
    print_document,
    print_sentence,
    print_table,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickstream_operator.api.v1alpha1 import Condition, Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.kube.objects import PipelineObject

_COLUMNS: Final = (
    Column("RESOURCE"),
    Column("STATE"),
    Column("COMPARED", wide=True),
    Column("NAME", wide=True),
    Column("MESSAGE"),
)
_TOLD: Final = ("Ready", "DriftDetected", "NumbersBalanced", "EventsMapped")
"""Conditions that say whether AWS is as it should be, the numbers, and what they are made from."""


@click.command("verify", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait."
)
@click.option(
    "--numbers",
    is_flag=True,
    help="Read the last day's hourly balances too, with your AWS credential.",
)
@click.option("--profile", help="Profile of the AWS credential, for --numbers.")
@click.option(
    "-o", "--output", "form", type=click.Choice(("table", "wide", "json", "yaml")), default="table"
)
def command(
    name: str, *, cluster: Cluster, timeout: int, numbers: bool, profile: str | None, form: str
) -> int:
    """Compare a pipeline with AWS now, and print what was found.

    The operator compares every field and tag of every resource, with its own rights: it is asked by
    the annotation clickstream.dev/reconcile-requested-at. What differs is listed, with -o wide all.
    With --numbers each hour of the last day is listed: what its lanes received, counted and
    archived, what stands in the tables, and how many records Kinesis says that it took.
    Exit code 2 when something differs, the pipeline is not healthy, or its events are not
    understood.
    """
    from clickstream_operator.cli import balances, results, view  # noqa: PLC0415

    obj = find(cluster, name)
    asked = request_reconcile(cluster, obj)
    obj = wait_for_answer(cluster, obj, asked, seconds=timeout)
    hours = _hours(obj, profile) if numbers else []
    verified = _verified(obj) and not any(row[1] == balances.DIFFERENT for row in hours)
    if form in {"json", "yaml"}:
        document = {"requestedAt": asked, "verified": verified, **view.document(obj, {})}
        if numbers:
            document["balance"] = results.document_rows("balance", hours)
        print_document(document, form)
    else:
        _print(obj, wide=form == "wide")
        if hours:
            print_table(balances.COLUMNS, hours)
        elif numbers:
            note("no hour was closed in the last day")
    return ExitCode.OK if verified else ExitCode.FOUND


def _hours(obj: PipelineObject, profile: str | None) -> list[tuple[object, ...]]:
    """Rows of the balances of the last day."""
    from clickstream_operator.cli import aws, balances, results  # noqa: PLC0415

    now = datetime.now(UTC)

    async def work(session: ReadOnlySession, effective: Effective) -> list[tuple[object, ...]]:
        def read(clients: Callable[[str], Any]) -> list[tuple[object, ...]]:
            stream = effective.names[components.STREAM]
            reader = results.reader(clients, effective)
            since = now - timedelta(days=1)
            return balances.rows(*balances.read(reader, clients, stream, since=since, until=now))

        return await session.in_thread(read)

    with waiting("reading the balances"):
        return aws.of_pipeline(obj, work, profile=profile)


def _verified(obj: PipelineObject) -> bool:
    """Whether it is healthy, nothing in AWS or in its numbers differs, and its mapping fits."""
    from clickstream_operator.cli import view  # noqa: PLC0415

    told = {one.type: one.status for one in obj.status.conditions}
    return (
        view.is_healthy(obj)
        and told.get("DriftDetected") != "True"
        and "False" not in (told.get("NumbersBalanced"), told.get("EventsMapped"))
        and not any(one.drift for one in obj.status.resources)
    )


def _print(obj: PipelineObject, *, wide: bool) -> None:
    from clickstream_operator.cli import view  # noqa: PLC0415

    resources = obj.status.resources
    rows: list[tuple[Any, ...]] = [
        (one.name, one.state, one.last_verified, one.physical_name, view.says(one))
        for one in resources
        if wide or one.drift or one.state not in {"Ready", "Retained"}
    ]
    if rows:
        print_table(_COLUMNS, rows, wide=wide)
    for condition in _conditions(obj):
        says = f": {condition.message}" if condition.message else ""
        note(f"{condition.type} {condition.status} ({condition.reason}){says}")
    where = f"{obj.key.namespace}/{obj.key.name}"
    at = obj.status.last_verified
    if not at:
        print_sentence(f"{where}: not everything could be compared with AWS yet")
        return
    differing = sum(bool(one.drift) for one in resources)
    found = f"{differing} differ" if differing else "all are as the spec says"
    said = f"{where}: {len(resources)} resources compared with AWS, the last at {at}: {found}"
    print_sentence(said)


def _conditions(obj: PipelineObject) -> list[Condition]:
    return [one for one in obj.status.conditions if one.type in _TOLD]
