"""`report`: page views, visitors, sessions and more for a time range, from a pipeline's tables."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.api import components
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.options import Moment
from clickstream_operator.cli.output import note, print_document, print_table, waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from clickstream_operator.api.v1alpha1 import Effective
    from clickstream_operator.aws.read_only import ReadOnlySession
    from clickstream_operator.cli.results import Rows

_SHOWN: Final = (
    "summary", "hours", "pages", "events", "sessions", "incidents",
    "robots", "channels", "browsers", "balance",
)  # fmt: skip


@click.command("report", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@cluster_options
@click.option(
    "--since",
    type=Moment(),
    default="24h",
    show_default=True,
    help="Begin: 90m, 24h, 7d ago, or a time in UTC.",
)
@click.option("--until", type=Moment(), default="now", show_default=True, help="End, likewise.")
@click.option(
    "--show",
    "tables",
    type=click.Choice(_SHOWN),
    multiple=True,
    help="Table; may be given several times. Default: summary and pages.",
)
@click.option(
    "--top", type=click.IntRange(1), default=10, show_default=True, help="Rows of pages at most."
)
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(("table", "csv", "json", "yaml")),
    default="table",
)
def command(
    name: str,
    *,
    cluster: Cluster,
    since: datetime,
    until: datetime,
    tables: tuple[str, ...],
    top: int,
    profile: str | None,
    form: str,
) -> None:
    """Show page views, visitors, sessions and more of a time range.

    They are read from the pipeline's tables with your AWS credential. Views and visitors are
    counted by hour, so the hours at both ends count whole. Summary, events, sessions, robots,
    channels and browsers read a whole table. Views, visitors, events, channels and browsers are
    those of people; robots has each class of them. Balance has each closed hour, with the records
    that Kinesis took (STREAM) beside it.
    Visitors are exact to 96, then within about 3 %. CSV has one table.
    """
    from clickstream_operator.cli import aws, balances, results  # noqa: PLC0415
    from clickstream_operator.pipeline.function_config import event_form  # noqa: PLC0415

    if since >= until:
        raise click.UsageError("--since must be before --until")
    if form == "csv" and len(tables) > 1:
        raise click.UsageError("CSV has one table: give one --show")
    wanted = tables or (("summary",) if form == "csv" else ("summary", "pages"))
    span = results.Span(since, until)
    obj = find(cluster, name)

    def read(effective: Effective, clients: Callable[[str], Any]) -> dict[str, Rows]:
        reader = results.reader(clients, effective)

        def balance() -> Rows:
            stream = effective.names[components.STREAM]
            return balances.rows(*balances.read(reader, clients, stream, since=since, until=until))

        views = event_form(obj.spec)["pageViewTypes"]
        return results.read(reader, span, wanted, views=views, balance=balance)

    async def work(session: ReadOnlySession, effective: Effective) -> dict[str, Rows]:
        return await session.in_thread(partial(read, effective))

    with waiting("reading the tables"):
        found = aws.of_pipeline(obj, work, profile=profile)
    if "pages" in found:
        found["pages"] = found["pages"][:top]
    if form in {"json", "yaml"}:
        print_document(results.document(found, span), form)
    elif form == "csv":
        ((only, rows),) = found.items()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([column.head.lower() for column in results.COLUMNS[only]])
        writer.writerows(rows)
    else:
        for number, (table, rows) in enumerate(found.items()):
            if number:
                click.echo()
            if rows:
                print_table(results.COLUMNS[table], rows)
            else:
                note(f"no {table} in this time")
        note(f"{obj.key.namespace}/{name}, {span.text()}")
