"""`tail`: counts and incidents of a pipeline as they come, with a summary at the end."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.output import Column, clear, is_terminal, note, print_table

if TYPE_CHECKING:
    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.cli.live import Watch
    from clickstream_operator.kube.objects import PipelineObject
    from clickstream_operator.query import PipelineReader

_MOST_INCIDENTS: Final = 10
_COLUMNS: Final = (
    Column("TYPE"),
    Column("NOW", numeric=True),
    Column("BEFORE", numeric=True),
    Column("SUM", numeric=True),
    Column("MINUTES"),
)


@click.command("tail", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--type", "kinds", multiple=True, help="Event type; may be given several times. Default: all."
)
@click.option(
    "--minutes", type=click.IntRange(2, 120), default=20, show_default=True, help="Minutes shown."
)
@click.option(
    "--every", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Seconds between."
)
@click.option("--for", "seconds", type=click.FloatRange(0), help="End after so many seconds.")
@click.option("--profile", help="Profile of the AWS credential.")
def command(
    name: str,
    *,
    cluster: Cluster,
    kinds: tuple[str, ...],
    minutes: int,
    every: float,
    seconds: float | None,
    profile: str | None,
) -> None:
    """Show counts and incidents as they come, until Ctrl-C.

    Events by type and minute of their own time: of this minute, of the one before, and all that are
    shown as a curve. Without --type the counters' table is read whole once, to find the types. At
    the end, also by Ctrl-C, a line sums up.
    """
    from clickstream_operator.cli import live  # noqa: PLC0415

    obj = find(cluster, name)
    began = datetime.now(UTC)
    watch: Watch | None = None
    end = None if seconds is None else time.monotonic() + seconds
    try:
        while True:
            now = datetime.now(UTC)
            since = min(began, now).strftime("%Y-%m-%dT%H:%M")
            first = live.minutes_until(min(began, now), minutes)[0]
            known = tuple(watch.counts) if watch else kinds
            counts, incidents = _read(obj, known, first, since, profile)
            if watch is None:
                before = {kind: sum(each.values()) for kind, each in counts.items()}
                watch = live.Watch(began, before)
            watch.see(counts)
            fresh = {key: line for key, line in incidents.items() if key not in watch.incidents}
            watch.incidents |= fresh
            _show(watch, now, minutes, list(fresh.values()))
            if end is not None and time.monotonic() >= end:
                break
            time.sleep(every)
    except KeyboardInterrupt:
        click.echo("", err=True)
    if watch is not None:
        note(f"{obj.key.namespace}/{name}: {watch.summary(datetime.now(UTC))}")


def _show(watch: Watch, now: datetime, minutes: int, fresh: list[str]) -> None:
    """On a terminal the present state in place of the one before, elsewhere line after line."""
    clear()
    rows = watch.rows(now, minutes, plain=not is_terminal())
    if rows:
        print_table(_COLUMNS, rows)
    else:
        click.echo("no event is counted yet")
    lines = list(watch.incidents.values())[-_MOST_INCIDENTS:] if is_terminal() else fresh
    for line in lines:
        click.secho(line, fg="red")


def _read(
    obj: PipelineObject, kinds: tuple[str, ...], first: str, since: str, profile: str | None
) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Counts by type and minute from the first minute on, and incidents since the beginning."""
    from clickstream_operator.cli import aws, results  # noqa: PLC0415

    def read(reader: PipelineReader) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
        if kinds:
            counts = {kind: reader.counts(kind, since=first) for kind in kinds}
        else:
            counts = {
                kind: {minute: count for minute, count in each.items() if minute >= first}
                for kind, each in reader.all_counts().items()
            }
        incidents = {
            one.incident_id: f"{one.event_time} {one.severity} {one.rule} {one.subject}".rstrip()
            for one in reader.incidents(since=since)
        }
        return counts, incidents

    async def work(
        session: ReadOnlySession, effective: Effective
    ) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
        return await session.in_thread(lambda clients: read(results.reader(clients, effective)))

    return aws.of_pipeline(obj, work, profile=profile)
