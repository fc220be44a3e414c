"""Answers of the archive for people and programs: a table, CSV, JSON or YAML."""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime
from typing import Any, Protocol

from clickstream_operator.cli.output import Column, note, print_document, print_table


class Rows(Protocol):
    """Rows of a query, in its order."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names."""

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        """Values by column."""


def print_answer(result: Rows, form: str) -> None:
    """Print the rows as a table, CSV, JSON or YAML."""
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
