"""`bench`: rates that a pipeline takes, and how long its counts take to follow."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.changing import confirm
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.errors import CliError, ExitCode
from clickstream_operator.cli.output import Column, note, print_document, print_table, progress

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.sending import SendingSession
    from clickstream_operator.cli.stages import Stage

_COLUMNS: Final = (
    Column("RATE", numeric=True),
    Column("TAKEN/S", numeric=True),
    Column("AGAIN", numeric=True),
    Column("PUT MS", numeric=True),
    Column("99 %", numeric=True),
    Column("COUNTED S", numeric=True),
    Column("MOST", numeric=True),
    Column("PROBES", numeric=True),
)


@click.command("bench", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--rate",
    "rates",
    type=click.FloatRange(1),
    multiple=True,
    default=(50.0, 200.0),
    show_default=True,
    help="Events a second; may be given several times.",
)
@click.option(
    "--duration", type=click.FloatRange(1), default=10.0, show_default=True, help="Seconds a rate."
)
@click.option("--aggregate", is_flag=True, help="Pack records as Kinesis's own library does.")
@click.option(
    "--timeout",
    type=click.IntRange(1),
    default=180,
    show_default=True,
    help="Seconds to wait for the counts of a rate.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--profile", help="Profile of the AWS credential.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json")), default="table")
def command(
    name: str,
    *,
    cluster: Cluster,
    rates: tuple[float, ...],
    duration: float,
    aggregate: bool,
    timeout: int,
    yes: bool,
    profile: str | None,
    form: str,
) -> int:
    """Measure the rates that a pipeline takes, and when events are counted.

    Events are sent at each rate in turn, with a probe each second whose session is awaited in the
    table. They count as all others do, under pages and sessions with a label of this run. Exit code
    2 when the stream did not take all, or a probe was not counted in time.
    """
    from clickstream_operator.api import components  # noqa: PLC0415
    from clickstream_operator.aws.sending import SendingSession  # noqa: PLC0415
    from clickstream_operator.cli import aggregation, aws, events_sent, results, stages  # noqa: PLC0415
    from clickstream_operator.cli.sending import MonotonicClock  # noqa: PLC0415

    obj = find(cluster, name)
    total = sum(round(rate * duration) for rate in rates)
    where = f"{obj.key.namespace}/{name}"
    confirm(f"Send {total:,} events to {where}, which count there as all others?", agreed=yes)
    found: list[Stage] = []
    pack = aggregation.aggregated if aggregate else aggregation.alone

    async def measure(session: SendingSession, effective: Effective, rate: float) -> Stage:
        seed = secrets.randbelow(1 << 31)
        label = f"bench-{seed:x}"
        now = stages.utc_now()
        wish = events_sent.Wish("shop", max(1, round(rate * duration)), seed, label)
        traffic = events_sent.make(wish, obj.spec, now=now)
        packed = list(pack((one.partition_key, one.data) for one in traffic.records))

        async def reading(work: Any) -> Any:
            return await session.in_thread(lambda clients: work(results.reader(clients, effective)))

        return await stages.run_stage(
            session,
            effective.names[components.STREAM],
            packed,
            rate=rate,
            probes=lambda number: stages.probe(
                f"{label}-probe-{number}", f"/{label}/probe", obj.spec,
                now=stages.utc_now(),
            ),
            reading=reading,
            clock=MonotonicClock(),
            patience=timeout,
            on_progress=lambda sent: show(sent.events),
        )  # fmt: skip

    for rate in rates:
        with progress(round(rate * duration), f"{rate:g} events/s") as show:
            try:
                found.append(
                    aws.of_pipeline(
                        obj,
                        partial(measure, rate=rate),
                        profile=profile,
                        session=SendingSession,
                    )
                )
            except KeyboardInterrupt:
                raise CliError(
                    f"interrupted at {rate:g} events/s; what was sent is in the stream, and counts",
                    "run it again for whole figures",
                ) from None
    if form == "json":
        print_document([one.document() for one in found], form)
    else:
        print_table(_COLUMNS, [_row(one) for one in found])
        note("COUNTED is from sending a probe until its session is in the table: median and most")
    failed = any(one.given_up or one.probes_missing for one in found)
    return ExitCode.FOUND if failed else ExitCode.OK


def _row(one: Stage) -> tuple[str, ...]:
    return (
        f"{one.wanted:g}",
        f"{one.reached:,.1f}",
        f"{one.refused:,}",
        _figure(one.put_median, 1000),
        _figure(one.put_slowest, 1000),
        _figure(one.counted_median, 1),
        _figure(one.counted_slowest, 1),
        f"{one.probes - one.probes_missing}/{one.probes}",
    )


def _figure(seconds: float | None, factor: int) -> str:
    return "-" if seconds is None else f"{seconds * factor:,.1f}"
