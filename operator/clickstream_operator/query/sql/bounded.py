"""One text for Athena: the views over the partitions of a span, then the query of a person.

A view of a catalogue reads every hour, because no filter gets below its window functions. Here the
views stand before the query as common table expressions, and the partitions that they read are
named. A text that begins with WITH can be nothing but a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clickstream_operator.query.sql.glue_tables import CATALOG, LINES
from clickstream_operator.query.sql.views import VIEWS, view_sql

BEGINS: Final = "with raw_lines as ("
"""How every text begins."""
_SPACE: Final = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_WITH: Final = re.compile(
    rf"(?P<space>{_SPACE})with\b(?!\s+recursive\b)", re.IGNORECASE | re.DOTALL
)
_QUERY: Final = re.compile(rf"{_SPACE}(?:select|with|values|table|\()", re.IGNORECASE | re.DOTALL)
_NAME: Final = re.compile(r"[a-z0-9_]+")


class NoQueryError(Exception):
    """A text that is not one query. The message says what is taken."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A text for Athena; `lines` of it stand before the person's own."""

    text: str
    lines: int


def bounded(
    sql: str,
    *,
    database: str,
    arrivals: tuple[datetime, datetime],
    bounds_ms: tuple[int, int] | None = None,
) -> Bounded:
    """Return a query with the views of a span before it.

    Args:
        sql: one query.
        database: of the catalogue.
        arrivals: hours of arrival to read, both included.
        bounds_ms: event time of the events, in milliseconds from (included) and to (excluded);
            None for all that those hours hold.

    Raises:
        NoQueryError: the text is something else than one query.
        ValueError: the database has a name that is none.
    """
    if not _NAME.fullmatch(database):
        raise ValueError(f"{database} is no name of a database: small letters, digits and _")
    text = sql.rstrip().removesuffix(";")
    if not _QUERY.match(text):
        raise NoQueryError("only SELECT reads the archive")
    views = [
        *(f"{table} as ({_lines(table, database, arrivals)})" for table in LINES),
        *(f"{name} as (\n{_view(name, bounds_ms)})" for name in VIEWS),
    ]
    own = _WITH.match(text)
    if own is not None:
        # The person's WITH goes on with ours; blanks keep the columns of its errors.
        end = own.end()
        text = f"{text[: end - 4]}    {text[end:]}"
    listed = ",\n".join(views)
    before = f"with {listed}{',' if own else ''}\n"
    return Bounded(before + text, before.count("\n"))


def _view(name: str, bounds_ms: tuple[int, int] | None) -> str:
    text = view_sql(name)
    if name != "archived_events" or bounds_ms is None:
        return text
    since, until = bounds_ms
    return f"select * from (\n{text}) w where time_ms >= {since} and time_ms < {until}\n"  # noqa: S608


def _lines(table: str, database: str, arrivals: tuple[datetime, datetime]) -> str:
    first, last = (each.astimezone(UTC) for each in arrivals)
    return (
        f'select line from "{CATALOG}"."{database}"."{table}" '  # noqa: S608 - checked above
        f"where dt between '{first:%Y-%m-%d}' and '{last:%Y-%m-%d}' "
        f"and concat(dt, ' ', hr) between '{first:%Y-%m-%d %H}' and '{last:%Y-%m-%d %H}'"
    )
