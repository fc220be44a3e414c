"""`status`: one pipeline on one screen, or all of them in a table; the exit code says health."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import (
    Cluster,
    cluster_options,
    complete_pipelines,
    find,
    listed,
)
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import ExitCode
from clickstream_operator.cli.output import (
    Column,
    clear,
    note,
    print_document,
    print_sentence,
    print_table,
)

if TYPE_CHECKING:
    from clickstream_operator.cli.traffic import Traffic
    from clickstream_operator.kube.objects import PipelineObject

_SECONDS: Final = 2.0
_LIST: Final = (
    Column("NAMESPACE"),
    Column("NAME"),
    Column("READY"),
    Column("REASON"),
    Column("VERIFIED", numeric=True),
    Column("COST", numeric=True),
    Column("STREAM", wide=True),
    Column("MESSAGE", wide=True),
)
_CONDITIONS: Final = (Column("CONDITION"), Column("STATUS"), Column("REASON"), Column("MESSAGE"))
_RESOURCES: Final = (
    Column("RESOURCE"),
    Column("STATE"),
    Column("AGE", numeric=True),
    Column("VERIFIED", numeric=True),
    Column("NAME", wide=True),
    Column("MESSAGE"),
)


@click.command("status", cls=Command)
@click.argument("name", required=False, shell_complete=complete_pipelines)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Pipelines of every namespace.")
@click.option("-l", "--selector", default="", help="Only pipelines with these labels.")
@click.option("-w", "--watch", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--no-aws", is_flag=True, help="Ask only the cluster: no rate, lag, dead letters.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "-o", "--output", "form", type=click.Choice(("table", "wide", "json", "yaml")), default="table"
)
def command(
    name: str | None,
    *,
    cluster: Cluster,
    all_namespaces: bool,
    selector: str,
    watch: bool,
    no_aws: bool,
    profile: str | None,
    form: str,
) -> int:
    """Show how pipelines are: conditions, resources, traffic, cost.

    With a NAME it is one screen, without one a table. Rate, lag and dead letters are read from AWS
    with your own credential. Exit code 2 when a pipeline is not healthy.
    """
    while True:
        if name is None:
            if watch:
                clear()
            code = _all(cluster, all_namespaces=all_namespaces, selector=selector, form=form)
            if not watch:
                return code
            time.sleep(_SECONDS)
            continue
        obj = find(cluster, name)
        traffic = None if no_aws else _traffic(obj, profile)
        if watch:
            clear()
        healthy = _show(obj, traffic, form)
        if not watch:
            return ExitCode.OK if healthy else ExitCode.FOUND
        time.sleep(_SECONDS)


def _all(cluster: Cluster, *, all_namespaces: bool, selector: str, form: str) -> int:
    from clickstream_operator.cli import view  # noqa: PLC0415

    found = listed(cluster, all_namespaces=all_namespaces, selector=selector)
    if form in {"json", "yaml"}:
        print_document([view.document(one, {}) for one in found], form)
    elif not found:
        where = "any namespace" if all_namespaces else f"namespace {cluster.namespace}"
        note(f"no pipeline in {where}")
    else:
        now = datetime.now(UTC)
        print_table(_LIST, [_row(one, now) for one in found], wide=form == "wide")
    return ExitCode.OK if all(map(view.is_healthy, found)) else ExitCode.FOUND


def _row(obj: PipelineObject, now: datetime) -> tuple[str, ...]:
    from clickstream_operator.cli import view  # noqa: PLC0415

    status = obj.status
    ready, reason = view.ready_reason(status)
    message = next((one.message for one in status.conditions if one.type == "Ready"), "")
    return (
        obj.key.namespace,
        obj.key.name,
        ready,
        reason,
        view.age(status.last_verified, now),
        status.estimated_monthly_cost,
        str(status.outputs.get("kinesisStreamName", "")),
        message,
    )


def _traffic(obj: PipelineObject, profile: str | None) -> Traffic | None:
    """The traffic from AWS; None, and a note, where it can't be read."""
    from clickstream_operator.cli import aws, traffic  # noqa: PLC0415
    from clickstream_operator.cli.errors import CliError  # noqa: PLC0415

    if obj.status.effective is None:
        return None
    read = partial(traffic.read, obj=obj, now=datetime.now(UTC))
    try:
        return aws.of_pipeline(obj, read, profile=profile)
    except CliError as error:
        note(f"no rate, lag and dead letters: {error}")
    return None


def _show(obj: PipelineObject, traffic: Traffic | None, form: str) -> bool:
    from clickstream_operator.cli import view  # noqa: PLC0415

    healthy = view.is_healthy(obj)
    if form in {"json", "yaml"}:
        print_document(view.document(obj, traffic.document() if traffic else {}), form)
        return healthy
    status, now = obj.status, datetime.now(UTC)
    print_sentence("   ".join(_head(obj, now)))
    if traffic is not None:
        click.echo(traffic.line())
    click.echo()
    rows: list[tuple[Any, ...]] = [
        (one.type, one.status, one.reason, one.message) for one in status.conditions
    ]
    if rows:
        print_table(_CONDITIONS, rows)
        click.echo()
    rows = []
    for part, resources in view.parts(status.resources):
        rows.append((part, "", "", "", "", ""))
        rows += [
            (
                f"  {title}",
                one.state,
                view.age(one.last_transition_time, now),
                view.age(one.last_verified, now),
                one.physical_name,
                view.says(one),
            )
            for title, one in view.collapsed(resources)
        ]
    if rows:
        print_table(_RESOURCES, rows, wide=form == "wide")
    if obj.deleting:
        note("it is being deleted")
    elif not rows:
        note("the operator has not seen it yet: does it run, and does it watch this namespace?")
    return healthy


def _head(obj: PipelineObject, now: datetime) -> list[str]:
    from clickstream_operator.cli import view  # noqa: PLC0415

    status, effective = obj.status, obj.status.effective
    ready, reason = view.ready_reason(status)
    parts = [f"{obj.key.namespace}/{obj.key.name}", f"Ready {ready} ({reason})"]
    if effective is not None:
        parts.append(f"AWS {effective.account} {effective.region}")
    if status.last_verified:
        parts.append(f"verified {view.age(status.last_verified, now)} ago")
    if status.estimated_monthly_cost:
        parts.append(f"${status.estimated_monthly_cost} a month")
    return parts
