"""`events`: what happened to pipelines, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.output import Column, note, print_document, print_table

_COLUMNS: Final = (
    Column("AGE", numeric=True),
    Column("PIPELINE"),
    Column("TYPE"),
    Column("REASON"),
    Column("MESSAGE"),
)


@click.command("events", cls=Command)
@click.argument("name", required=False, shell_complete=complete_pipelines)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Events of every namespace.")
@click.option("--warnings", is_flag=True, help="Only those that a person must act on.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json", "yaml")))
def command(
    name: str | None, *, cluster: Cluster, all_namespaces: bool, warnings: bool, form: str | None
) -> None:
    """Show what happened to pipelines, oldest first.

    Kubernetes keeps Events for an hour, unless the API server is told otherwise.
    """
    from clickstream_operator.cli import view  # noqa: PLC0415

    if name is not None:
        namespace = find(cluster, name).key.namespace
    else:
        namespace = "" if all_namespaces else cluster.namespace
    found = sorted(cluster.reader().events(namespace, name=name or ""), key=_time)
    if warnings:
        found = [one for one in found if one.get("type") == "Warning"]
    if form in {"json", "yaml"}:
        print_document([_document(one) for one in found], form)
    elif not found:
        note("no events in the time for which Kubernetes keeps them")
    else:
        now = datetime.now(UTC)
        rows = [
            (
                view.age(_time(one), now),
                one["regarding"]["name"],
                one.get("type", ""),
                one.get("reason", ""),
                " ".join(one.get("note", "").split()),
            )
            for one in found
        ]
        print_table(_COLUMNS, rows)


def _time(event: dict[str, Any]) -> str:
    times = (event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((str(at) for at in times if at), "")


def _document(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "time": _time(event),
        "namespace": event["regarding"].get("namespace", ""),
        "pipeline": event["regarding"]["name"],
        "type": event.get("type", ""),
        "reason": event.get("reason", ""),
        "message": event.get("note", ""),
    }
