"""From the printed template to rows: CloudFormation makes it, and a query is asked as of Athena."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli import athena
from clickstream_operator.cli.catalog_template import template
from clickstream_operator.cli.errors import CliError
from clickstream_operator.query.sql import report_sql
from clickstream_operator.query.sql.bounded import bounded
from sandbox.lake import Lake
from sandbox.trino import TrinoError
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import milliseconds, write

pytestmark = pytest.mark.sql

BUCKET = "shop-archive"
CATALOGUE = athena.Catalogue.of("shop-abcd2345")
ARRIVALS = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


@pytest.fixture(scope="module")
def deployed(lake: Lake) -> Lake:
    """The stack of a pipeline's catalogue, over an archive of three views and a click."""
    pipeline = Pipeline()
    documents = [
        event(page_url="/a", user_id="u1", session_id="s1", timestamp="2026-11-23T10:00:00Z"),
        event(page_url="/b", user_id="u1", session_id="s1", timestamp="2026-11-23T10:00:30Z"),
        event(page_url="/b", user_id="u2", session_id="s2", timestamp="2026-11-23T10:01:00Z"),
        event(event_type="click", timestamp="2026-11-23T10:02:00.250Z"),
    ]
    write(pipeline, documents, start=0)
    lake.s3.create_bucket(Bucket=BUCKET)
    for key, (body, _) in pipeline.s3.objects.items():
        lake.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    made = template(
        CATALOGUE, bucket=BUCKET, expiration_days=None, scan_limit_gib=100, results_days=7
    )
    stacks = lake.client("cloudformation")
    stacks.create_stack(StackName="catalogue", TemplateBody=json.dumps(made))
    stacks.get_waiter("stack_create_complete").wait(
        StackName="catalogue", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return lake


class AthenaOnTrino:
    """Athena's API as far as `athena.ask` calls it; a Trino answers."""

    def __init__(self, lake: Lake) -> None:
        self._trino = lake.trino
        self._queries: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    async def call(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        """Answer one call."""
        assert service == "athena"
        if operation == "start_query_execution":
            identity = f"query-{next(self._numbers)}"
            assert given["WorkGroup"] == CATALOGUE.workgroup
            self._queries[identity] = given
            return {"QueryExecutionId": identity}
        query = self._queries[given["QueryExecutionId"]]
        try:
            answer = self._trino.query(
                query["QueryString"], schema=query["QueryExecutionContext"]["Database"]
            )
        except TrinoError as error:
            status = {"State": "FAILED", "StateChangeReason": f"SYNTAX_ERROR: {error}"}
            return {"QueryExecution": {"Status": status}}
        if operation == "get_query_execution":
            return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}
        columns = [{"Name": name, "Type": kind.partition("(")[0]} for name, kind in answer.types]
        rows = [[column["Name"] for column in columns], *answer.rows]
        data = [{"Data": [_cell(value) for value in row]} for row in rows]
        return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": columns}}}


def _cell(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    return {"VarCharValue": str(value).lower() if isinstance(value, bool) else str(value)}


def asked(lake: Lake, sql: str) -> athena.Answer:
    """Return the answer to a query."""
    session = cast("ReadOnlySession", AthenaOnTrino(lake))
    made = bounded(sql, database=CATALOGUE.database, arrivals=ARRIVALS)
    return asyncio.run(athena.ask(session, made, CATALOGUE))


def test_a_report_over_the_stack_that_was_made(deployed: Lake) -> None:
    """Counts of the events that were sent."""
    bounds = {
        "since_ms": milliseconds("2026-11-23T00:00:00Z"),
        "until_ms": milliseconds("2026-11-24T00:00:00Z"),
    }
    text = report_sql("top-pages", since_ms=bounds["since_ms"], until_ms=bounds["until_ms"])
    assert asked(deployed, text).rows == [("/b", 2, 2), ("/a", 1, 1)]
    text = report_sql("bounce", since_ms=bounds["since_ms"], until_ms=bounds["until_ms"])
    [row] = asked(deployed, text).rows
    assert row[1:] == (2, 1, 50.0)


def test_values_have_the_types_of_the_local_engine(deployed: Lake) -> None:
    """Text, numbers, truth, time and NULL."""
    answer = asked(
        deployed,
        "select event_type, time_ms, is_view, event_time, channel from events "
        "where event_type = 'click'",
    )
    moment = datetime(2026, 11, 23, 10, 2, 0, 250_000)  # noqa: DTZ001 - as DuckDB has them
    assert answer.columns == ("event_type", "time_ms", "is_view", "event_time", "channel")
    assert answer.rows == [("click", milliseconds("2026-11-23T10:02:00.250Z"), False, moment, None)]


def test_wrong_sql_is_told_with_the_place_in_the_persons_text(deployed: Lake) -> None:
    """Trino's words are Athena's."""
    with pytest.raises(CliError, match="line 2, column 7: Column 'nosuch' cannot be resolved"):
        asked(deployed, "select 1 from events\nwhere nosuch = 1")


def test_the_views_of_the_stack_answer_by_themselves(deployed: Lake) -> None:
    """As a person asks them in Athena's console; here without the hours of a year."""
    found = deployed.trino.query(
        "select count(*) from bad_lines where dt = '2026-11-23'", schema=CATALOGUE.database
    )
    assert found.rows == [(0,)]
    listed = deployed.trino.query("show tables", schema=CATALOGUE.database).rows
    assert ("sessions",) in listed


def test_control_without_the_stack_the_catalogue_is_named(lake: Lake) -> None:
    """With the command that makes it."""
    session = cast("ReadOnlySession", AthenaOnTrino(lake))
    made = bounded("select 1 from events", database="nowhere", arrivals=ARRIVALS)
    with pytest.raises(CliError, match="kubectl clickstream catalog"):
        asyncio.run(athena.ask(session, made, athena.Catalogue("nowhere", CATALOGUE.workgroup)))
