"""The tables and views that a catalogue has, read by a real Trino through Glue."""

from __future__ import annotations

import gzip
import json

import pytest

from clickstream_operator.query.sql import VIEWS, report_sql
from clickstream_operator.query.sql.columns import VIEW_COLUMNS
from sandbox.trino import TrinoError
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import milliseconds, write
from tests.unit.query.second_engine import Lake

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
