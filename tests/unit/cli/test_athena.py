"""A query on Athena: its rows, its cost, and every way in which it does not finish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli import archive_on_athena, athena
from clickstream_operator.cli.errors import CliError
from clickstream_operator.query.sql.bounded import bounded

CATALOGUE = athena.Catalogue.of("my-shop.eu-abcd2345")
MADE = bounded(
    "select *\nfrom events",
    database=CATALOGUE.database,
    arrivals=(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
)
COLUMNS = ["varchar", "bigint", "double", "boolean", "timestamp", "timestamp with time zone"]
ROW: list[str | None] = [
    "a",
    "12",
    "1.5",
    "true",
    "2026-11-23 12:00:00.123",
    "2026-11-23 12:00:00.000 UTC",
]


class Athena:
    """An Athena whose query ends in a state, after some polls."""

    def __init__(self, *states: str, **status: Any) -> None:
        self.states = list(states)
        self.status = status
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pages: list[list[list[str | None]]] = [[["heading"] * 6, ROW]]
        self.start: AwsError | None = None

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Answer one call."""
        assert service == "athena"
        self.calls.append((operation, parameters))
        return cast("dict[str, Any]", getattr(self, operation)(**parameters))

    def start_query_execution(self, **_: Any) -> dict[str, Any]:
        """Begin, or refuse."""
        if self.start:
            raise self.start
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        """The next state."""
        state = self.states.pop(0)
        return {
            "QueryExecution": {
                "Status": {"State": state, **self.status},
                "Statistics": {"DataScannedInBytes": 3 << 30},
            }
        }

    def stop_query_execution(self, **_: Any) -> dict[str, Any]:
        """Nothing."""
        return {}

    def get_query_results(self, **given: Any) -> dict[str, Any]:
        """A page."""
        number = int(given.get("NextToken", 0))
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        rows = [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
            for row in self.pages[number]
        ]
        columns = [{"Name": f"c{place}", "Type": kind} for place, kind in enumerate(COLUMNS)]
        found = {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}
        return {"ResultSet": found, **more}


def ask(service: Athena, slept: Callable[[float], None] = lambda _: None) -> athena.Answer:
    """Ask it, without waiting."""

    async def sleep(seconds: float) -> None:
        slept(seconds)

    session = cast("ReadOnlySession", service)
    return asyncio.run(athena.ask(session, MADE, CATALOGUE, sleep=sleep))


def test_rows_have_the_types_of_the_local_engine() -> None:
    """Over pages, of which the first has a heading; NULL stays NULL."""
    service = Athena("QUEUED", "RUNNING", "SUCCEEDED")
    service.pages.append([[None] * 6])
    answer = ask(service)
    moment = datetime(2026, 11, 23, 12)  # noqa: DTZ001 - as DuckDB has them
    assert answer.columns == ("c0", "c1", "c2", "c3", "c4", "c5")
    assert answer.rows == [
        ("a", 12, 1.5, True, moment.replace(microsecond=123_000), moment.replace(tzinfo=UTC)),
        (None,) * 6,
    ]
    assert answer.scanned == 3 << 30
    operation, given = service.calls[0]
    assert operation == "start_query_execution"
    assert given["QueryString"] == MADE.text
    assert given["WorkGroup"] == "my-shop.eu-abcd2345"
    assert given["QueryExecutionContext"] == {"Database": "my_shop_eu_abcd2345"}


@pytest.mark.parametrize(
    ("reason", "said", "remedy"),
    [
        (f"COLUMN_NOT_FOUND: line {MADE.lines + 2}:6: Column 'x' cannot be resolved",
         "COLUMN_NOT_FOUND: line 2, column 6: Column 'x' cannot be resolved", ""),
        ("line 3:4: odd", "a view: odd", ""),
        ("Bytes scanned limit was exceeded", "3.00 GiB, $0.0146", "--since"),
        ("Insufficient Lake Formation permission(s) on raw_lines", "Lake Formation", "SELECT"),
        (f"line {MADE.lines}:1: Table 'x.raw_lines' does not exist", "no tables", "catalog"),
        ("SCHEMA_NOT_FOUND: Schema x does not exist", "no tables", "clickstream catalog"),
        ("", "FAILED", ""),
    ],
)  # fmt: skip
def test_a_query_that_fails_is_told_in_one_line(reason: str, said: str, remedy: str) -> None:
    """With the place in the person's text, what was billed, and what to do."""
    with pytest.raises(CliError) as refused:
        ask(Athena("FAILED", StateChangeReason=reason))
    assert said in str(refused.value)
    assert remedy in str(refused.value)
    assert "\n" not in str(refused.value)


def refusal(text: str) -> AwsError:
    """Athena's refusal of a request."""
    return AwsError(
        service="athena", operation="start_query_execution", code="InvalidRequestException",
        text=text, category=Category.INVALID,
    )  # fmt: skip


def test_a_query_that_athena_does_not_begin() -> None:
    """Without a workgroup the catalogue is missing; a wrong text has its place."""
    service = Athena()
    service.start = refusal("WorkGroup my-shop is not found.")
    with pytest.raises(CliError, match="no workgroup"):
        ask(service)
    service.start = refusal(f"line {MADE.lines + 1}:7: mismatched input")
    with pytest.raises(CliError, match="line 1, column 7: mismatched input"):
        ask(service)
    service.start = refusal("something else")
    with pytest.raises(AwsError, match="something else"):
        ask(service)


def test_an_interrupted_query_is_stopped() -> None:
    """AWS bills what it reads."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    service = Athena("RUNNING")
    with pytest.raises(KeyboardInterrupt):
        ask(service, interrupt)
    assert service.calls[-1] == ("stop_query_execution", {"QueryExecutionId": "q-1"})


def test_the_least_that_is_billed() -> None:
    """Ten megabytes, at five dollars a tebibyte."""
    assert athena.cost(0) == athena.cost(10_000_000) == "$0.0000"
    assert athena.cost(1 << 40) == "$5.0000"
    assert athena.cost(1 << 30) == "$0.0049"


@pytest.mark.parametrize(("size", "refused"), [(10 << 30, False), ((10 << 30) + 1, True)])
def test_above_the_limit_nothing_is_asked(size: int, refused: bool) -> None:  # noqa: FBT001
    """With what it would read and cost, and the options."""
    where = archive_on_athena.Athena(None, None, 10)
    if not refused:
        archive_on_athena._tell_or_refuse(size, where)
        return
    with pytest.raises(CliError, match=r"10\.000 GiB, \$0\.0488 .* above --most-gib 10") as told:
        archive_on_athena._tell_or_refuse(size, where)
    assert "raise --most-gib" in str(told.value)
