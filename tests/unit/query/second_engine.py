"""Trino beside DuckDB: with `--trino`, every query of a test runs on both and must agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clickstream_operator.query.duckdb_engine import Engine, Result
from sandbox.lake import Lake


class BothEngines(Engine):
    """DuckDB's answers, after Trino gave the same."""

    def __init__(self, engine: Engine, lake: Lake, database: str) -> None:
        super().__init__(engine._connection)
        self._lake = lake
        self._database = database

    def query(self, text: str) -> Result:
        """As `Engine.query`; rows in the order of the query where it has one."""
        result = super().query(text)
        answer = self._lake.trino.query(text, schema=self._database)
        for (theirs, _), ours in zip(answer.types, result.columns, strict=True):
            assert theirs == ours or theirs.startswith("_col")
        wanted = list(result.rows)
        found = [
            tuple(read(value, kind) for value, (_, kind) in zip(row, answer.types, strict=True))
            for row in answer.rows
        ]
        if "order by" not in text.rpartition(")")[2].lower():
            wanted, found = sorted(wanted, key=repr), sorted(found, key=repr)
        assert found == wanted
        return result


def read(value: Any, kind: str) -> Any:
    """Return a value of Trino's protocol as DuckDB has it."""
    if value is not None and kind.startswith("timestamp"):
        moment = datetime.fromisoformat(value.removesuffix(" UTC"))
        return moment.replace(tzinfo=UTC) if value.endswith("UTC") else moment
    return value
