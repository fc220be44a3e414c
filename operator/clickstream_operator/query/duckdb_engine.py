"""SQL over a local copy of the archive, by DuckDB inside this process.

The rows are loaded first; then the database is closed to files and the network, so that a query
that somebody was given cannot read or write anything else (DuckDB documentation, "Securing
DuckDB").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from clickstream_operator.query.sql import VIEWS, view_sql

if TYPE_CHECKING:
    import duckdb

_LARGEST_LINE: Final = 16 * 1024 * 1024
_DIALECT: Final = (
    "create macro json_extract_scalar(document, path) as json_extract_string(document, path)",
    (
        "create macro from_unixtime(seconds) as "
        "make_timestamp(cast(round(seconds * 1000) as bigint) * 1000)"
    ),
    "create macro to_unixtime(moment) as epoch(moment)",
)
"""Functions of Athena by DuckDB's."""
_PLACE = re.compile(r"LINE (\d+): (.*)\n( *)\^")


class QueryError(Exception):
    """A query that DuckDB refuses. The text has line and column where they are known."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a query, in its order."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Engine:
    """Views over the lines of the archive, and queries on them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, text: str) -> Result:
        """Return the rows of one SELECT.

        Raises:
            QueryError: it is none, is wrong, or needs more memory or disk than there is.
        """
        self._check(text)
        import duckdb  # noqa: PLC0415 - optional: only this module needs it

        try:
            cursor = self._connection.execute(text)
            columns = tuple(each[0] for each in cursor.description or ())
            return Result(columns, cursor.fetchall())
        except duckdb.Error as error:
            raise QueryError(_told(error)) from None

    def write_parquet(self, text: str, path: Path) -> None:
        """Write the rows of one SELECT into a Parquet file, one of the `writable` of `opened`.

        Raises:
            QueryError: as `query`, or the file can't be written.
        """
        self._check(text)
        import duckdb  # noqa: PLC0415

        try:
            self._connection.execute(
                f"copy ({text.rstrip().removesuffix(';')}) to '{_escaped(path)}' (format parquet)"
            )
        except duckdb.Error as error:
            raise QueryError(_told(error)) from None

    def _check(self, text: str) -> None:
        import duckdb  # noqa: PLC0415

        try:
            statements = duckdb.extract_statements(text)
        except duckdb.Error as error:
            raise QueryError(_told(error)) from None
        if len(statements) != 1:
            raise QueryError(f"{len(statements)} statements; give one SELECT")
        if statements[0].type not in {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
            raise QueryError("only SELECT reads the archive; nothing else is possible here")


@contextmanager
def opened(
    raw: Sequence[Path],
    bad: Sequence[Path] = (),
    *,
    memory: str = "1GB",
    writable: Sequence[Path] = (),
    bounds_ms: tuple[int, int] | None = None,
) -> Iterator[Engine]:
    """Yield an engine over files of `raw/` and `bad/`.

    Args:
        raw: files of events as JSON lines, compressed by their suffix.
        bad: files of bad rows, likewise.
        memory: bound of the database's memory, such as `512MB`; beyond, it uses the disk.
        writable: the only files that queries may write.
        bounds_ms: event time of the events, in milliseconds from (included) and to (excluded);
            None for all that the files hold.

    Raises:
        QueryError: a file can't be read as JSON lines, or memory or disk do not suffice.
    """
    import duckdb  # noqa: PLC0415

    with TemporaryDirectory(prefix="clickstream-query-") as spill, ExitStack() as stack:
        try:
            connection = stack.enter_context(
                duckdb.connect(config={"memory_limit": memory, "temp_directory": spill})
            )
            _fill(connection, raw, bad, bounds_ms)
            _close(connection, writable)
        except duckdb.Error as error:
            raise QueryError(_told(error)) from None
        yield Engine(connection)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    raw: Sequence[Path],
    bad: Sequence[Path],
    bounds_ms: tuple[int, int] | None,
) -> None:
    """Load the lines, and make the views; the first of them are kept, for the next question."""
    for statement in _DIALECT:
        connection.execute(statement)
    _load(connection, "raw_lines", raw)
    _load(connection, "bad_lines", bad)
    for name in VIEWS:
        kind = "table" if name in {"archived_events", "bad_rows"} else "view"
        text = view_sql(name)
        if name == "archived_events" and bounds_ms is not None:
            since, until = bounds_ms
            text = f"select * from (\n{text}\n) w where time_ms >= {since} and time_ms < {until}"  # noqa: S608 - ours
        connection.execute(f"create {kind} {name} as {text}")
    connection.execute("drop table raw_lines")
    connection.execute("drop table bad_lines")


def _close(connection: duckdb.DuckDBPyConnection, writable: Sequence[Path]) -> None:
    """Close files, network and configuration, in this order: none can be opened again."""
    allowed = ", ".join(f"'{_escaped(path)}'" for path in writable)
    connection.execute(f"set allowed_paths = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _load(connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path]) -> None:
    if not paths:
        connection.execute(f"create table {name} (line varchar)")
        return
    connection.execute(
        f"create table {name} as select json::varchar as line "  # noqa: S608 - a name of ours
        f"from read_ndjson_objects(?, maximum_object_size = {_LARGEST_LINE})",
        [[str(path) for path in paths]],
    )


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def _told(error: Exception) -> str:
    """Return DuckDB's words in one line, with line and column of the query."""
    text = str(error)
    said = text.split("\n", 1)[0].strip()
    found = _PLACE.search(text)
    if found is None:
        return said
    # The marker stands below the quoted line, whose text begins behind "LINE n: ".
    column = len(found[3]) - len(f"LINE {found[1]}: ") + 1
    return f"line {found[1]}, column {max(column, 1)}: {said}"
