"""`query`: SQL and reports over the archive of a pipeline, on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from clickstream_operator.cli.answers import print_answer
from clickstream_operator.cli.cluster import Cluster, cluster_options, complete_pipelines, find
from clickstream_operator.cli.command import Command
from clickstream_operator.cli.options import Moment
from clickstream_operator.cli.output import note

if TYPE_CHECKING:
    from clickstream_operator.kube.objects import PipelineObject
    from clickstream_operator.query.archive_copy import Span
    from clickstream_operator.query.duckdb_engine import Engine

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
@click.option(
    "--engine",
    type=click.Choice(("duckdb", "athena")),
    default="duckdb",
    show_default=True,
    help="DuckDB on this machine, or Athena with what `clickstream catalog` made.",
)
@click.option("--workgroup", help="Athena's workgroup. Default: that of the catalogue.")
@click.option("--database", help="Athena's database. Default: that of the catalogue.")
@click.option(
    "--most-gib",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Refuse to ask Athena when the archive of the time is larger.",
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
    engine: str,
    workgroup: str | None,
    database: str | None,
    most_gib: float,
    profile: str | None,
    form: str,
    to: Path | None,
) -> None:
    """Ask the archive of a pipeline in SQL, or by a report.

    The objects of the time are copied to this machine, with your AWS credential, and kept for the
    next question. Views: events (each once), archived_events (repeats of a producer included),
    page_views, sessions, bad_rows. Without SQL and report on a terminal you may ask again and
    again.

    With --engine athena the same text runs there, over the hours of the time only: what it may cost
    is told before, what it read after.
    """
    from clickstream_operator.query.archive_copy import Span  # noqa: PLC0415

    _check(
        ("give SQL or --report, not both", bool(sql and report)),
        ("--steps belong to --report funnel", bool(steps) and report != "funnel"),
        ("--since must be before --until", since >= until),
        ("-o parquet and --to FILE belong together", (form == "parquet") != (to is not None)),
        ("--print-sql prints a report; give --report", print_sql and not report),
        (
            "--workgroup and --database belong to --engine athena",
            bool(workgroup or database) and engine != "athena",
        ),
    )
    if report:
        sql = _report_sql(report, since, until, limit=limit, steps=steps, window=window)
    if engine == "athena":
        _on_athena(
            find(cluster, name),
            sql,
            report,
            Span(since, until),
            form,
            where=(workgroup, database, most_gib),
            only_print=print_sql,
            profile=profile,
        )
        return
    if print_sql:
        click.echo(sql)
        return
    if not sql and (not sys.stdin.isatty() or form == "parquet"):
        raise click.UsageError("give SQL, for example 'select count(*) from events', or --report")
    _on_this_machine(
        find(cluster, name),
        sql,
        report,
        Span(since, until),
        form,
        cache=(cache_dir, cache_mib * _MEBIBYTE),
        memory=memory,
        to=to.resolve() if to else None,
        profile=profile,
    )


def _check(*rules: tuple[str, bool]) -> None:
    """Refuse what does not belong together: the first rule that is broken."""
    for said, broken in rules:
        if broken:
            raise click.UsageError(said)


def _report_sql(
    report: str, since: datetime, until: datetime, *, limit: int, steps: str | None, window: str
) -> str:
    from clickstream_operator.query.sql import ReportError, report_sql  # noqa: PLC0415

    try:
        return report_sql(
            report,
            since_ms=_milliseconds(since),
            until_ms=_milliseconds(until),
            limit=limit,
            steps=[each.strip() for each in steps.split(",")] if steps else (),
            window=window,
        )
    except ReportError as error:
        raise click.UsageError(str(error)) from error


def _on_this_machine(
    obj: PipelineObject,
    sql: str | None,
    report: str | None,
    span: Span,
    form: str,
    *,
    cache: tuple[Path | None, int],
    memory: str,
    to: Path | None,
    profile: str | None,
) -> None:
    """Ask DuckDB, once or until the end of input."""
    from clickstream_operator.cli import archive  # noqa: PLC0415
    from clickstream_operator.query.sql import REPORTS  # noqa: PLC0415

    folder, bound = cache
    with archive.opened(
        obj,
        span,
        (REPORTS[report].kind,) if report else ("raw", "bad"),
        whole_sessions=report is not None,
        cache=archive.Cache(folder or archive.default_folder(), bound),
        memory=memory,
        profile=profile,
        writable=[to] if to else (),
    ) as engine:
        if to is not None and sql is not None:
            engine.write_parquet(sql, to)
            note(f"wrote {to}")
        elif sql is not None:
            print_answer(engine.query(sql), form)
        else:
            _ask(engine, form)


def _on_athena(
    obj: PipelineObject,
    sql: str | None,
    report: str | None,
    span: Span,
    form: str,
    *,
    where: tuple[str | None, str | None, float],
    only_print: bool,
    profile: str | None,
) -> None:
    """Ask Athena, or print what it would be asked."""
    from clickstream_operator.cli import archive_on_athena  # noqa: PLC0415
    from clickstream_operator.query.sql import REPORTS  # noqa: PLC0415

    if not sql:
        raise click.UsageError("--engine athena takes SQL or --report")
    if form == "parquet":
        raise click.UsageError("-o parquet is written by --engine duckdb")
    athena = archive_on_athena.Athena(*where)
    whole = report is not None
    if only_print:
        click.echo(archive_on_athena.text_of(obj, sql, span, athena, whole_sessions=whole).text)
        return
    if report:
        kinds: tuple[str, ...] = (REPORTS[report].kind,)
    else:
        kinds = ("raw", "bad") if "bad_" in sql.lower() else ("raw",)
    print_answer(
        archive_on_athena.ask(obj, sql, span, kinds, athena, whole_sessions=whole, profile=profile),
        form,
    )


def _ask(engine: Engine, form: str) -> None:
    """Answer one query after the other, until end of input."""
    from clickstream_operator.query.duckdb_engine import QueryError  # noqa: PLC0415

    note("SQL, ended by ; - views: events, archived_events, page_views, sessions, bad_rows")
    for text in _statements(input):
        try:
            print_answer(engine.query(text), form)
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


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)
