"""`verify`: a full comparison with AWS now, printed with its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

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
)

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Condition
    from clickstream_operator.kube.objects import PipelineObject

_COLUMNS: Final = (
    Column("RESOURCE"),
    Column("STATE"),
    Column("COMPARED", wide=True),
    Column("NAME", wide=True),
    Column("MESSAGE"),
)
_TOLD: Final = ("Ready", "DriftDetected", "NumbersBalanced")
"""Conditions that say whether AWS is as it should be, and the numbers."""


@click.command("verify", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--timeout", type=click.IntRange(1), default=120, show_default=True, help="Seconds to wait."
)
@click.option(
    "-o", "--output", "form", type=click.Choice(("table", "wide", "json", "yaml")), default="table"
)
def command(name: str, *, cluster: Cluster, timeout: int, form: str) -> int:
    """Compare a pipeline with AWS now, and print what was found.

    The operator compares every field and tag of every resource, with its own rights: it is asked by
    the annotation clickstream.dev/reconcile-requested-at. What differs is listed, with -o wide all.
    Exit code 2 when something differs, or the pipeline is not healthy.
    """
    from clickstream_operator.cli import view  # noqa: PLC0415

    obj = find(cluster, name)
    asked = request_reconcile(cluster, obj)
    obj = wait_for_answer(cluster, obj, asked, seconds=timeout)
    if form in {"json", "yaml"}:
        document = {"requestedAt": asked, "verified": _verified(obj), **view.document(obj, {})}
        print_document(document, form)
    else:
        _print(obj, wide=form == "wide")
    return ExitCode.OK if _verified(obj) else ExitCode.FOUND


def _verified(obj: PipelineObject) -> bool:
    """Whether it is healthy, and nothing in AWS or in its numbers differs."""
    from clickstream_operator.cli import view  # noqa: PLC0415

    told = {one.type: one.status for one in obj.status.conditions}
    return (
        view.is_healthy(obj)
        and told.get("DriftDetected") != "True"
        and told.get("NumbersBalanced") != "False"
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
