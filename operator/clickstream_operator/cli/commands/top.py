"""`top`: rate, lag, errors, dead letters and cost over pipelines."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, listed
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.output import (
    Column,
    clear,
    note,
    print_document,
    print_table,
    waiting,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.cli.traffic import Traffic
    from clickstream_operator.kube.objects import ObjectKey, PipelineObject

_SECONDS: Final = 10.0
_COLUMNS: Final = (
    Column("NAMESPACE"),
    Column("NAME"),
    Column("READY"),
    Column("EVENTS/S", numeric=True),
    Column("LAG S", numeric=True),
    Column("ERRORS", numeric=True),
    Column("DEAD", numeric=True),
    Column("COST", numeric=True),
)


@click.command("top", cls=Command)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="Pipelines of every namespace.")
@click.option("-l", "--selector", default="", help="Only pipelines with these labels.")
@click.option("-w", "--watch", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json", "yaml")))
def command(
    *,
    cluster: Cluster,
    all_namespaces: bool,
    selector: str,
    watch: bool,
    profile: str | None,
    form: str | None,
) -> None:
    """Show rate, lag, errors, dead letters and cost of pipelines.

    Most events first. Rate is the mean, lag and errors are those of the last five minutes, as
    CloudWatch has them; dead letters are those in the queue; cost is the estimate for a month.
    """
    while True:
        found = listed(cluster, all_namespaces=all_namespaces, selector=selector)
        with nullcontext() if watch else waiting("asking CloudWatch"):
            traffics = _traffics(found, profile)
        pairs = sorted(
            ((one, traffics.get(one.key)) for one in found),
            key=lambda pair: (-((pair[1] and pair[1].events_per_second) or 0), pair[0].key),
        )
        if watch:
            clear()
        if form in {"json", "yaml"}:
            print_document([_document(*pair) for pair in pairs], form)
        elif pairs:
            print_table(_COLUMNS, [_row(*pair) for pair in pairs])
        else:
            note("no pipeline")
        if not watch:
            return
        time.sleep(_SECONDS)


def _traffics(found: Sequence[PipelineObject], profile: str | None) -> dict[ObjectKey, Traffic]:
    """The traffic by pipeline; a note says of the others why it can't be read."""
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.cli import aws  # noqa: PLC0415

    regions: dict[str, list[PipelineObject]] = {}
    for one in found:
        if one.status.effective is not None:
            regions.setdefault(one.status.effective.region, []).append(one)
    traffics: dict[ObjectKey, Traffic] = {}
    for region, inside in regions.items():
        try:
            traffics |= aws.run(region, partial(_of_region, inside), profile=profile)
        except AwsError as error:
            note(f"{region}: {aws.told(error)}")
        except CliError as error:
            note(f"{region}: {error}")
    return traffics


async def _of_region(
    inside: Sequence[PipelineObject], session: ReadOnlySession
) -> dict[ObjectKey, Traffic]:
    """The traffic of pipelines of one region; without those whose account is another."""
    answers = await asyncio.gather(*(_traffic(one, session) for one in inside))
    return {one.key: each for one, each in zip(inside, answers, strict=True) if each}


async def _traffic(obj: PipelineObject, session: ReadOnlySession) -> Traffic | None:
    from clickstream_operator.aws.errors import AwsError  # noqa: PLC0415
    from clickstream_operator.cli import aws, traffic  # noqa: PLC0415

    effective = obj.status.effective
    if effective is None:
        return None
    try:
        await aws.ensure_account(session, effective)
        return await traffic.read(session, effective, obj, now=datetime.now(UTC))
    except CliError as error:
        note(f"{obj.key.namespace}/{obj.key.name}: {error}")
    except AwsError as error:
        if error.credentials_are_bad:
            raise
        note(f"{obj.key.namespace}/{obj.key.name}: {aws.told(error)}")
    return None


def _row(obj: PipelineObject, traffic: Traffic | None) -> tuple[str, ...]:
    from clickstream_operator.cli import view  # noqa: PLC0415

    found = traffic.document() if traffic else {}
    ready, _ = view.ready_reason(obj.status)
    return (
        obj.key.namespace,
        obj.key.name,
        ready,
        _figure(found.get("eventsPerSecond"), 1),
        _figure(found.get("lagSeconds"), 1),
        _figure(found.get("errors"), 0),
        _figure(found.get("deadLetters"), 0),
        obj.status.estimated_monthly_cost or "-",
    )


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _document(obj: PipelineObject, traffic: Traffic | None) -> dict[str, Any]:
    from clickstream_operator.cli import view  # noqa: PLC0415

    return {
        "namespace": obj.key.namespace,
        "name": obj.key.name,
        "ready": view.ready_reason(obj.status)[0],
        "estimatedMonthlyCost": obj.status.estimated_monthly_cost,
        **(traffic.document() if traffic else {}),
    }
