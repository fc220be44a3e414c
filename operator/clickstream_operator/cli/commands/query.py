"""`query`: SQL and reports over the archive of a pipeline, on this machine."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.options import Moment
from clickstream_operator.cli.output import Column, note, print_document, print_table

if TYPE_CHECKING:
    from clickstream_operator.query.duckdb_engine import Engine, Result

_REPORTS: Final = (
    "top-pages", "traffic-by-hour", "traffic-by-day", "entry-pages", "exit-pages", "bounce",
    "time-on-page", "funnel", "retention", "paths", "channels", "campaigns", "robots",
    "events-per-minute", "bad-rows",
)  # fmt: skip
_MEBIBYTE: Final = 1 << 20
_PROMPT: Final = "clickstream> "


@click.command("query", cls=Command)
@click.argument("name", shell_complete=complete_pipelines)
@click.argument("sql", required=False)
@cluster_options
@click.option("--report", type=click.Choice(_REPORTS), help="A report in place of SQL.")
@click.option(
    "--steps",
    help="Steps of the report funnel, with commas: a page (/cart, /product/*) or event:TYPE.",
)
@click.option(
    "--window", default="1d", show_default=True, help="Time of a funnel, from first step to last."
)
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="Rows of a report."
)
@click.option(
    "--since",
    type=Moment(),
    default="7d",
    show_default=True,
    help="Begin of the events: 90m, 24h, 7d ago, or a time in UTC.",
)
@click.option("--until", type=Moment(), default="now", show_default=True, help="End, likewise.")
@click.option("--print-sql", is_flag=True, help="Print the text of the report, and ask nothing.")
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the copies. Default: clickstream/archive in the user's cache folder.",
)
@click.option(
    "--cache-mib",
    type=click.IntRange(1),
    default=4096,
    show_default=True,
    help="Most mebibytes that copies may take.",
)
@click.option(
    "--memory", default="1GB", show_default=True, help="Memory of the database; beyond, the disk."
)
@click.option("--profile", help="Profile of the AWS credential.")
@click.option(
    "-o", "--output", "form", type=click.Choice(("table", "csv", "json", "yaml", "parquet")),
    default="table",
)  # fmt: skip
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="File of -o parquet.")
def command(
    name: str,
    *,
    sql: str | None,
    cluster: Cluster,
    report: str | None,
    steps: str | None,
    window: str,
    limit: int,
    since: datetime,
    until: datetime,
    print_sql: bool,
    cache_dir: Path | None,
    cache_mib: int,
    memory: str,
    profile: str | None,
    form: str,
    to: Path | None,
) -> None:
    """Ask the archive of a pipeline in SQL, or by a report.

    The objects of the time are copied to this machine, with your AWS credential, and kept for the
    next question. Views: events (each once), archived_events (repeats of a producer included),
    page_views, sessions, bad_rows. Without SQL and report on a terminal you may ask again and
    again.
    """
    from clickstream_operator.query.archive_copy import Span  # noqa: PLC0415
    from clickstream_operator.query.sql import REPORTS, ReportError, report_sql  # noqa: PLC0415

    if sql and report:
        raise click.UsageError("give SQL or --report, not both")
    if steps and report != "funnel":
        raise click.UsageError("--steps belong to --report funnel")
    if since >= until:
        raise click.UsageError("--since must be before --until")
    if (form == "parquet") != (to is not None):
        raise click.UsageError("-o parquet and --to FILE belong together")
    if report:
        try:
            sql = report_sql(
                report,
                since_ms=_milliseconds(since),
                until_ms=_milliseconds(until),
                limit=limit,
                steps=[each.strip() for each in steps.split(",")] if steps else (),
                window=window,
            )
        except ReportError as error:
            raise click.UsageError(str(error)) from error
    if print_sql:
        if not report:
            raise click.UsageError("--print-sql prints a report; give --report")
        click.echo(sql)
        return
    if not sql and (not sys.stdin.isatty() or form == "parquet"):
        raise click.UsageError("give SQL, for example 'select count(*) from events', or --report")
    from clickstream_operator.cli import archive  # noqa: PLC0415

    kinds = (REPORTS[report].kind,) if report else ("raw", "bad")
    with archive.opened(
        find(cluster, name),
        Span(since, until),
        kinds,
        whole_sessions=report is not None,
        cache=archive.Cache(cache_dir or archive.default_folder(), cache_mib * _MEBIBYTE),
        memory=memory,
        profile=profile,
        writable=[to.resolve()] if to else (),
    ) as engine:
        if to is not None and sql is not None:
            engine.write_parquet(sql, to.resolve())
            note(f"wrote {to}")
        elif sql is not None:
            _print(engine.query(sql), form)
        else:
            _ask(engine, form)


def _ask(engine: Engine, form: str) -> None:
    """Answer one query after the other, until end of input."""
    from clickstream_operator.query.duckdb_engine import QueryError  # noqa: PLC0415

    note("SQL, ended by ; - views: events, archived_events, page_views, sessions, bad_rows")
    for text in _statements(input):
        try:
            _print(engine.query(text), form)
        except QueryError as error:
            note(str(error))


def _statements(read: Callable[[str], str]) -> Iterator[str]:
    """Yield what a person types, statement by statement."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415 - gives `input` its history and keys
    lines: list[str] = []
    while True:
        try:
            line = read(" " * len(_PROMPT) if lines else _PROMPT)
        except EOFError:
            return
        lines.append(line)
        text = "\n".join(lines).strip()
        if text in {"exit", "quit"}:
            return
        if not text:
            lines = []
        elif text.endswith(";"):
            lines = []
            yield text


def _print(result: Result, form: str) -> None:
    if form in {"json", "yaml"}:
        print_document(
            [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows], form
        )
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([["" if v is None else _plain(v) for v in row] for row in result.rows])
    elif not result.rows:
        note("no rows")
    else:
        columns = [
            Column(
                name.upper().replace("_", " "),
                numeric=all(isinstance(row[number], int | float | None) for row in result.rows),
            )
            for number, name in enumerate(result.columns)
        ]
        print_table(columns, [[_shown(value) for value in row] for row in result.rows])


def _plain(value: Any) -> Any:
    """A value as JSON has it; times are UTC."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z" if value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _shown(value: Any) -> str:
    """A value for people."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="milliseconds")
        return text.removesuffix(".000").removesuffix(":00").removesuffix(" 00:00")
    return " ".join(str(value).split())


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)
