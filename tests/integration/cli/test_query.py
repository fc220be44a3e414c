"""`query`: SQL and reports over an archive in the emulator's S3."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from clickstream_operator.api import components
from tests.integration.cli.runs import called, shown
from tests.integration.pilot import Pilot, run
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import write

EVENTS = [
    ("/product/1", "u1", "s1", "page_view", "11:00:00"),
    ("/cart", "u1", "s1", "page_view", "11:01:00"),
    ("/cart", "u1", "s1", "purchase", "11:02:00"),
    ("/product/2", "u2", "s2", "page_view", "11:30:00"),
]
TIME = ("--since", "2026-11-23T11:00", "--until", "2026-11-23T12:00")


@pytest.fixture
def archived(pilot: Pilot, tmp_path: Path) -> Pilot:
    """A pipeline that is ready, with the archive that the real processor wrote of four events."""
    pilot.apply({})
    run(pilot.converge())
    pipeline = Pipeline()
    documents = [
        event(
            page_url=page, user_id=user, session_id=session, event_type=kind,
            timestamp=f"2026-11-23T{at}Z",
        )
        for page, user, session, kind, at in EVENTS
    ]  # fmt: skip
    write(pipeline, [*documents, b"no JSON"], start=0)
    effective = pilot.status()["effective"]
    bucket = effective["names"][components.ARCHIVE]
    s3 = pilot.client("s3")
    for key, (body, metadata) in pipeline.s3.objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
    pilot.forget_calls()
    return pilot


def test_reports_and_sql_in_every_form(archived: Pilot, tmp_path: Path) -> None:
    """Table, CSV, JSON and Parquet; the second question fetches nothing, and nothing is written."""
    name, cache = archived.name, ("--cache-dir", str(tmp_path / "copy"))
    top = called(archived, "query", name, "--report", "top-pages", *TIME, *cache)
    assert top.returncode == 0, top.stderr
    assert [line.split() for line in top.stdout.splitlines()] == [
        ["PAGE", "VIEWS", "VISITORS"],
        ["/cart", "1", "1"],
        ["/product/1", "1", "1"],
        ["/product/2", "1", "1"],
    ]
    assert "objects of the archive" in top.stderr
    funnel = ("--report", "funnel", "--steps", "/product/*, /cart, event:purchase")
    done = called(archived, "query", name, *funnel, *TIME, *cache, "-o", "json")
    assert [each["visitors"] for each in json.loads(done.stdout)] == [2, 1, 1]
    sql = "select event_type, event_time, count(*) as n from events group by 1, 2 order by 2, 1"
    rows = called(archived, "query", name, sql, *TIME, *cache, "-o", "csv").stdout
    assert list(csv.reader(rows.splitlines()))[:2] == [
        ["event_type", "event_time", "n"],
        ["page_view", "2026-11-23T11:00:00Z", "1"],
    ]
    target = tmp_path / "out.parquet"
    wrote = called(
        archived, "query", name, "select * from bad_rows", *TIME, *cache, "-o", "parquet",
        "--to", str(target),
    )  # fmt: skip
    assert wrote.returncode == 0, wrote.stderr
    assert duckdb.read_parquet(str(target)).aggregate("reason").fetchall() == [("not_json",)]
    assert archived.writes() == {}


@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_the_whole_answer(archived: Pilot, tmp_path: Path, columns: int) -> None:
    """Nothing is wider than the screen, and nothing is cut."""
    arguments = ("query", archived.name, "--report", "traffic-by-hour", *TIME)
    code, screen = shown(
        archived, *arguments, "--cache-dir", str(tmp_path / "copy"), columns=columns
    )
    assert code == 0
    assert "2026-11-23 11:00" in screen
    assert max(len(line.rstrip()) for line in screen.splitlines()) <= columns


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("select nosuch from events",), 1, "line 1, column 8: Binder Error"),
        (("select 1; select 2",), 1, "2 statements; give one SELECT"),
        (("select * from read_text('/etc/hostname')",), 1, "disabled by configuration"),
        (("select 1", "--report", "bounce"), 3, "give SQL or --report, not both"),
        (("--report", "funnel"), 3, "funnel takes 2 to 20 steps, got 0"),
        (("--report", "bounce", "--steps", "/a,/b"), 3, "--steps belong to --report funnel"),
        (("--since", "1h", "--until", "2h", "select 1"), 3, "--since must be before --until"),
        (("select 1", "-o", "parquet"), 3, "-o parquet and --to FILE belong together"),
        ((), 3, "give SQL, for example"),
        (("select 1", "--memory", "lots"), 1, "Memory must have a number"),
    ],
)
def test_what_is_wrong_is_one_line(
    archived: Pilot, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """With its place, or with what to do."""
    done = called(
        archived, "query", archived.name, *arguments, "--cache-dir", str(tmp_path / "copy")
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_cache_without_room_and_a_folder_that_cannot_be_written(
    archived: Pilot, tmp_path: Path
) -> None:
    """The remedy is the option."""
    folder = tmp_path / "file"
    folder.write_text("in the way")
    done = called(archived, "query", archived.name, "select 1", *TIME, "--cache-dir", str(folder))
    assert done.returncode != 0
    assert "--cache-dir" in done.stderr


def test_a_catalogue_is_printed_and_athena_is_asked_with_it(archived: Pilot) -> None:
    """The emulator's Athena has no rows of ours: it proves calls and words, never queries."""
    printed = called(archived, "catalog", archived.name)
    assert printed.returncode == 0, printed.stderr
    stacks = archived.client("cloudformation")
    stacks.create_stack(StackName="catalogue", TemplateBody=printed.stdout)
    effective = archived.status()["effective"]
    group = archived.client("athena").get_work_group(WorkGroup=effective["base"])["WorkGroup"]
    assert group["Configuration"]["EnforceWorkGroupConfiguration"] is True
    archived.forget_calls()
    engine = ("--engine", "athena", "--report", "top-pages", *TIME)
    done = called(archived, "query", archived.name, *engine, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert "the archive of this time has 0.000 GiB, $0.0000" in done.stderr
    assert "Athena read" in done.stderr
    [sent] = archived.client("athena").list_query_executions(WorkGroup=effective["base"])[
        "QueryExecutionIds"
    ]
    asked = archived.client("athena").get_query_execution(QueryExecutionId=sent)
    text = called(archived, "query", archived.name, *engine, "--print-sql").stdout
    assert asked["QueryExecution"]["Query"].strip() == text.strip()
    assert archived.writes() == {}


def test_what_is_wrong_for_athena_is_one_line(archived: Pilot) -> None:
    """Before anything is asked that costs."""
    parquet = ("select 1", "-o", "parquet", "--to", "x")
    for arguments, code, said in (
        (("select 1", "--most-gib", "0"), 1, "above --most-gib 0; nothing was asked; choose a"),
        (("drop table raw_lines",), 1, "only SELECT reads the archive"),
        (("select 1", "--database", "a-b"), 1, "a-b is no name of a database"),
        ((), 3, "--engine athena takes SQL or --report"),
        (parquet, 3, "-o parquet is written by --engine duckdb"),
    ):
        done = called(archived, "query", archived.name, "--engine", "athena", *arguments, *TIME)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert archived.writes() == {}
