"""The text for Athena: views before the query, its lines counted, and nothing but a query."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clickstream_operator.query.sql.bounded import BEGINS, NoQueryError, bounded

ARRIVALS = (datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, 12, 59, tzinfo=UTC))


def text_of(sql: str) -> str:
    """Return the text of a query."""
    return bounded(sql, database="shop_abcd2345", arrivals=ARRIVALS).text


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "SELECT 1;",
        "(select 1)",
        "values 1",
        "-- why\n/* and\nwhat */ select 1",
        "with a as (select 1) select * from a",
        "-- first\nWith a as (select 1) select * from a",
    ],
)
def test_a_query_comes_after_the_views(sql: str) -> None:
    """Its lines stand below the ones that are said to be before."""
    made = bounded(sql, database="shop_abcd2345", arrivals=ARRIVALS)
    assert made.text.startswith(BEGINS)
    own = "\n".join(made.text.split("\n")[made.lines :])
    assert len(own) == len(sql.removesuffix(";"))
    assert own.lower().replace("    ", "with") == sql.removesuffix(";").lower()


def test_only_the_hours_of_the_span_are_read() -> None:
    """Days prune partitions, and so do the hours of the first and last day."""
    assert (
        text_of("select 1").count(
            "where dt between '2026-11-22' and '2026-11-23' "
            "and concat(dt, ' ', hr) between '2026-11-22 23' and '2026-11-23 12'"
        )
        == 2
    )


@pytest.mark.parametrize(
    "sql",
    [
        "", ";", "drop table raw_lines", "insert into x select 1", "create table x as select 1",
        "unload (select 1) to 's3://x/'", "explain select 1", "-- select",
        "prepare x from select 1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(sql: str) -> None:
    """Before it is sent."""
    with pytest.raises(NoQueryError, match="only SELECT"):
        text_of(sql)


def test_a_name_that_is_none_is_refused() -> None:
    """It would stand inside quotes."""
    with pytest.raises(ValueError, match="no name of a database"):
        bounded("select 1", database='x"; drop', arrivals=ARRIVALS)
