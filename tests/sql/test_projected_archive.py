"""The tables and views that a catalogue has, read by a real Trino through Glue."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest

from clickstream_operator.query.sql import REPORTS, VIEWS, report_sql
from clickstream_operator.query.sql.bounded import bounded
from clickstream_operator.query.sql.columns import VIEW_COLUMNS
from sandbox.lake import Lake
from sandbox.trino import TrinoError
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import milliseconds, write

pytestmark = pytest.mark.sql


@pytest.fixture(scope="module")
def database(lake: Lake) -> str:
    """A database over events of three hours of two days, and over what is none of an archive."""
    pipeline = Pipeline()
    for start, time in enumerate(
        ("2026-11-22T23:10:00Z", "2026-11-23T00:10:00Z", "2026-11-23T12:00:00Z")
    ):
        write(pipeline, [event(timestamp=time, page_url=f"/{start}"), b"no JSON"], start=start * 10)
    objects = {key: body for key, (body, _) in pipeline.s3.objects.items()}
    objects["raw/dt=2026-11-23/hr=05/void.0.0.jsonl.gz"] = b""
    other = {"_clickstream": {"lane": "x", "sequence": "1", "sub": 0, "arrival": 1, "time": 1}}
    objects["aws/lambda/other.jsonl.gz"] = gzip.compress(json.dumps(other).encode())
    return lake.loaded(objects, days="2026-11-20,2026-11-23")


def test_partitions_are_projected_by_day_and_hour(lake: Lake, database: str) -> None:
    """Each object is in the partition of its folder; a filter reads that one alone."""
    found = lake.trino.query(
        "select dt, hr, count(*) from raw_lines where dt between '2026-11-22' and '2026-11-23' "
        "group by dt, hr order by dt, hr",
        schema=database,
    ).rows
    assert found == [("2026-11-22", "23", 1), ("2026-11-23", "00", 1), ("2026-11-23", "12", 1)]
    # An object that can't be read, in an hour that is not asked for.
    lake.s3.put_object(
        Bucket=database.replace("_", "-"),
        Key="raw/dt=2026-11-21/hr=00/broken.jsonl.gz",
        Body=b"no gzip",
    )
    hour = "select count(*) from bad_lines where dt = '2026-11-23' and hr = '12'"
    assert lake.trino.query(hour, schema=database).rows == [(1,)]
    with pytest.raises(TrinoError):
        lake.trino.query(
            "select count(line) from raw_lines where dt = '2026-11-21'", schema=database
        )
    lake.s3.delete_object(
        Bucket=database.replace("_", "-"), Key="raw/dt=2026-11-21/hr=00/broken.jsonl.gz"
    )


def test_views_have_the_types_that_glue_tells(lake: Lake, database: str) -> None:
    """Else Trino calls a view stale and refuses it."""
    for view in VIEWS:
        described = lake.trino.query(f"describe {view}", schema=database).rows
        assert {column: kind for column, kind, *_ in described} == VIEW_COLUMNS[view]


def test_a_report_reads_through_views_and_projection(lake: Lake, database: str) -> None:
    """All that Athena needs of the definitions, in one query."""
    bounds = (milliseconds("2026-11-22T00:00:00Z"), milliseconds("2026-11-24T00:00:00Z"))
    text = report_sql("top-pages", since_ms=bounds[0], until_ms=bounds[1])
    assert lake.trino.query(text, schema=database).rows == [
        ("/0", 1, 1),
        ("/1", 1, 1),
        ("/2", 1, 1),
    ]


def test_control_another_folder_is_no_partition(lake: Lake, database: str) -> None:
    """Lines outside `raw/` are in no view."""
    found = lake.trino.query(
        "select count(*) from archived_events where lane = 'x'", schema=database
    )
    assert found.rows == [(0,)]


def test_wrong_sql_has_line_and_column(lake: Lake, database: str) -> None:
    """As Athena tells them."""
    with pytest.raises(TrinoError, match="nosuch") as refused:
        lake.trino.query("select *\nfrom events where nosuch = 1", schema=database)
    assert (refused.value.line, refused.value.column) == (2, 19)


ARRIVALS = (datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, 0, 59, tzinfo=UTC))


def test_a_bounded_text_reads_the_hours_of_its_span_only(lake: Lake, database: str) -> None:
    """With its own WITH or without; event time bounds the views where that is asked for."""
    plain = bounded("select page from events order by 1", database=database, arrivals=ARRIVALS)
    assert lake.trino.query(plain.text).rows == [("/0",), ("/1",)]
    own = "with pages as (select page from page_views)\nselect count(*) from pages"
    assert lake.trino.query(bounded(own, database=database, arrivals=ARRIVALS).text).rows == [(2,)]
    first = milliseconds("2026-11-23T00:00:00Z")
    exact = bounded(
        "select page from events", database=database, arrivals=ARRIVALS,
        bounds_ms=(first, first + 3_600_000),
    )  # fmt: skip
    assert lake.trino.query(exact.text).rows == [("/1",)]
    bad = bounded("select count(*) from bad_rows", database=database, arrivals=ARRIVALS)
    assert lake.trino.query(bad.text).rows == [(2,)]


def test_every_report_is_one_text_with_its_views(lake: Lake, database: str) -> None:
    """As `query --engine athena` sends it."""
    day = (milliseconds("2026-11-22T00:00:00Z"), milliseconds("2026-11-24T00:00:00Z"))
    for name in REPORTS:
        steps = ["/*", "/*"] if name == "funnel" else []
        report = report_sql(name, since_ms=day[0], until_ms=day[1], steps=steps)
        text = bounded(report, database=database, arrivals=ARRIVALS).text
        assert isinstance(lake.trino.query(text).rows, list)


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select *\nfrom events where nosuch = 1", (2, 19)),
        ("with a as (select nosuch from events) select * from a", (1, 19)),
        ("select 1; select 2", (1, 9)),
    ],
)
def test_the_place_of_an_error_is_that_of_the_persons_text(
    lake: Lake, database: str, sql: str, place: tuple[int, int]
) -> None:
    """The lines before it are taken off."""
    made = bounded(sql, database=database, arrivals=ARRIVALS)
    with pytest.raises(TrinoError) as refused:
        lake.trino.query(made.text)
    assert (refused.value.line - made.lines, refused.value.column) == place
