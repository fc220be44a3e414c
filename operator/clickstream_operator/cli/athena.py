"""One query on Athena: what it may read and cost, its rows, and what it did read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from clickstream_operator.aws.errors import AwsError
from clickstream_operator.cli.errors import CliError
from clickstream_operator.query.sql.bounded import Bounded

if TYPE_CHECKING:
    from clickstream_operator.aws.read_only import ReadOnlySession

GIBIBYTE: Final = 1 << 30
#: List price of a tebibyte in most regions, and the least that a query is billed for (Athena
#: pricing, "SQL queries").
_DOLLARS_PER_BYTE: Final = 5 / (1 << 40)
_LEAST: Final = 10 * 1_000_000
_SECONDS: Final = (0.2, 0.5, 1.0, 2.0)
_PLACE: Final = re.compile(r"\bline (\d+):(\d+)\b")
_PAGE: Final = 1_000
_NUMBERS: Final = frozenset({"tinyint", "smallint", "integer", "bigint"})
_FLOATS: Final = frozenset({"double", "float", "real"})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Names of what `kubectl clickstream catalog` makes."""

    database: str
    workgroup: str

    @classmethod
    def of(cls, base: str) -> Catalogue:
        """The names of a pipeline, by the stem of its other names."""
        return cls(base.replace("-", "_").replace(".", "_"), base)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of a query, and the bytes that Athena read for it."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    scanned: int


def cost(size: int) -> str:
    """What Athena bills for reading some bytes, as dollars."""
    return f"${max(size, _LEAST) * _DOLLARS_PER_BYTE:,.4f}"


async def ask(
    session: ReadOnlySession,
    made: Bounded,
    catalogue: Catalogue,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Answer:
    """Run a text and return its rows; one that is interrupted is stopped, as AWS bills its reading.

    Raises:
        AwsError: AWS refused a call.
        CliError: the text is wrong, or Athena did not finish it.
    """
    try:
        started = await session.call(
            "athena",
            "start_query_execution",
            QueryString=made.text,
            QueryExecutionContext={"Database": catalogue.database},
            WorkGroup=catalogue.workgroup,
        )
    except AwsError as error:
        raise _refused(error, made, catalogue) from error
    identity = {"QueryExecutionId": started["QueryExecutionId"]}
    ended = False
    try:
        found = await _finished(session, identity, sleep)
        ended = True
    finally:
        if not ended:
            await session.call("athena", "stop_query_execution", **identity)
    scanned = found.get("Statistics", {}).get("DataScannedInBytes", 0)
    status = found["Status"]
    if status["State"] != "SUCCEEDED":
        raise _failed(status, made, catalogue, scanned)
    columns, rows = await _rows(session, identity)
    return Answer(columns, rows, scanned)


async def _finished(
    session: ReadOnlySession,
    identity: Mapping[str, str],
    sleep: Callable[[float], Awaitable[None]],
) -> dict[str, Any]:
    tries = 0
    while True:
        answer = await session.call("athena", "get_query_execution", **identity)
        found: dict[str, Any] = answer["QueryExecution"]
        if found["Status"]["State"] not in {"QUEUED", "RUNNING"}:
            return found
        await sleep(_SECONDS[min(tries, len(_SECONDS) - 1)])
        tries += 1


async def _rows(
    session: ReadOnlySession, identity: Mapping[str, str]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = []
    arguments: dict[str, Any] = {**identity, "MaxResults": _PAGE}
    first = True
    while True:
        answer = await session.call("athena", "get_query_results", **arguments)
        found = answer["ResultSet"]
        columns = found["ResultSetMetadata"]["ColumnInfo"]
        # The first row of the first page is the heading (Athena API, "GetQueryResults").
        for row in found["Rows"][1:] if first else found["Rows"]:
            values = [each.get("VarCharValue") for each in row["Data"]]
            rows.append(
                tuple(
                    _read(value, column["Type"])
                    for value, column in zip(values, columns, strict=True)
                )
            )
        first = False
        if not answer.get("NextToken"):
            return tuple(column["Name"] for column in columns), rows
        arguments["NextToken"] = answer["NextToken"]


def _read(text: str | None, kind: str) -> Any:
    """A value as DuckDB would give it."""
    if text is None:
        return None
    if kind in _NUMBERS:
        return int(text)
    if kind in _FLOATS:
        return float(text)
    if kind == "boolean":
        return text == "true"
    if kind == "timestamp":
        return datetime.fromisoformat(text)
    if kind == "timestamp with time zone" and text.endswith(" UTC"):
        return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)
    return text


def _refused(error: AwsError, made: Bounded, catalogue: Catalogue) -> AwsError | CliError:
    """Athena's refusal to begin: of the text, or because there is no such workgroup."""
    if "WorkGroup" in error.text and "not found" in error.text.replace("is not", "not"):
        return _without_catalogue(f"there is no workgroup {catalogue.workgroup} in Athena")
    if _PLACE.search(error.text):
        return CliError(_placed(error.text, made.lines))
    return error


def _failed(
    status: Mapping[str, Any], made: Bounded, catalogue: Catalogue, scanned: int
) -> CliError:
    said = status.get("AthenaError", {}).get("ErrorMessage") or status.get("StateChangeReason", "")
    said = " ".join(said.split())
    billed = f"; Athena read {scanned / GIBIBYTE:,.2f} GiB, {cost(scanned)}" if scanned else ""
    if "Lake Formation" in said:
        return CliError(
            f"{said}{billed}",
            "an administrator of Lake Formation grants your role SELECT and DESCRIBE on the tables "
            f"of {catalogue.database}, and the location of the archive",
        )
    if "bytes scanned limit" in said.lower():
        return CliError(
            f"{said}{billed}",
            "choose a shorter time with --since and --until, or raise the limit of workgroup "
            f"{catalogue.workgroup}",
        )
    if ("raw_lines" in said and "does not exist" in said) or ("Schema" in said and "not" in said):
        return _without_catalogue(f"Athena has no tables of this pipeline: {said}")
    return CliError(f"{_placed(said, made.lines) or status['State']}{billed}")


def _without_catalogue(said: str) -> CliError:
    return CliError(
        said,
        "make the catalogue with `kubectl clickstream catalog`, or name it with --workgroup and "
        "--database",
    )


def _placed(said: str, lines: int) -> str:
    """Athena's words with the line of the person's own text."""
    return _PLACE.sub(
        lambda found: (
            f"line {int(found[1]) - lines}, column {found[2]}"
            if int(found[1]) > lines
            else "a view"
        ),
        " ".join(said.split()),
        count=1,
    )
