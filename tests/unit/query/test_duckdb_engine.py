"""The engine: bounded views, closed files and network, and errors with their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from clickstream_operator.query.duckdb_engine import Engine, QueryError
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import engine_of, milliseconds, write


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield the engine over the archive of one event."""
    pipeline = Pipeline()
    write(pipeline, [event()], start=0)
    with engine_of(pipeline, tmp_path_factory.mktemp("archive")) as opened:
        yield opened


def test_views_can_be_bounded_to_the_span(tmp_path: Path) -> None:
    """What somebody asks of a day is not answered with the hours around it, which were loaded."""
    pipeline = Pipeline()
    times = ("2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")
    for start, each in enumerate(times):
        write(pipeline, [event(timestamp=each)], start=start)
    bounds = (milliseconds("2026-11-23T00:00:00Z"), milliseconds("2026-11-24T00:00:00Z"))
    with engine_of(pipeline, tmp_path, bounds_ms=bounds) as engine:
        found = engine.query("select time_ms from events").rows
    assert found == [(bounds[0],)]


def test_parquet_holds_the_rows_and_only_the_named_file_is_written(tmp_path: Path) -> None:
    """Any other path is refused."""
    named, other = tmp_path / "it's.parquet", tmp_path / "other.parquet"
    with engine_of(Pipeline(), tmp_path / "copy", writable=[named]) as engine:
        engine.write_parquet("select 1 as one;", named)
        with pytest.raises(QueryError, match="disabled by configuration"):
            engine.write_parquet("select 1 as one", other)
        with pytest.raises(QueryError, match="only SELECT"):
            engine.write_parquet("drop table archived_events", named)
    assert duckdb.read_parquet(str(named)).fetchall() == [(1,)]
    assert not other.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selec 1", "line 1, column 1: Parser Error"),
        ("select *\nfrom events where nosuch = 1", "line 2, column 19: Binder Error"),
        ("select * from nosuch", "nosuch"),
        ("select 1; select 2", "2 statements; give one SELECT"),
        ("", "0 statements"),
        ("drop table archived_events", "only SELECT"),
        ("copy (select 1) to 'x.csv'", "only SELECT"),
        ("attach 'x.db'", "only SELECT"),
        ("set memory_limit = '10GB'", "only SELECT"),
        ("install httpfs", "only SELECT"),
        ("select * from read_text('/etc/hostname')", "disabled by configuration"),
        ("select * from 'pyproject.toml'", "does not exist"),
        ("select * from read_csv('https://example.com/x.csv')", "disabled by configuration"),
    ],
)
def test_a_wrong_query_is_told_with_its_place_and_reaches_nothing_else(
    engine: Engine, text: str, said: str
) -> None:
    """One line; files and the network are closed."""
    with pytest.raises(QueryError) as refused:
        engine.query(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
