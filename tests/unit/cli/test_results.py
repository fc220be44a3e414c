"""`report`: numbers of a time range, from what the processor itself wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from clickstream_operator.cli import results
from clickstream_operator.cli.options import Moment
from tests.lambdas.pipelines import Pipeline, encode, event, invocation

NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
VIEWS = [
    ("/a", "10:59", "u1", "s1"), ("/a", "11:10", "u1", "s2"), ("/b", "11:20", "u1", "s2"),
    ("/a", "12:05", "u2", "s3"), ("/a", "12:06", "u1", "s4"),
]  # fmt: skip


def span(since: str, until: str) -> results.Span:
    """A range of that day, by its times."""
    day = "2026-11-23T{}:00+00:00"
    return results.Span(*(datetime.fromisoformat(day.format(one)) for one in (since, until)))


@pytest.fixture
def pipeline() -> Pipeline:
    """Five page views of two visitors in four sessions, from two shards."""
    made = Pipeline()
    for number, shard in enumerate(("shardId-1", "shardId-2")):
        payloads = encode(
            event(page_url=page, timestamp=f"2026-11-23T{at}:00Z", user_id=user, session_id=session)
            for page, at, user, session in VIEWS[number::2]
        )
        made.processor().process(invocation(payloads, shard=shard))
    return made


def test_the_numbers_are_those_of_the_range(pipeline: Pipeline) -> None:
    """Hours at the ends count whole; a visitor of two pages, or in two shards, counts once."""
    found = results.read(pipeline.readback(), span("11:00", "12:30"), results.TABLES)
    assert {row[0]: row[1] for row in found["summary"]} == {
        "page views": 4, "visitors": 2, "pages": 2, "sessions": 3, "events": 4, "incidents": 0,
    }  # fmt: skip
    assert found["hours"] == [("2026-11-23T11", 2, 1), ("2026-11-23T12", 2, 2)]
    assert found["pages"] == [(3, 2, "/a"), (1, 1, "/b")]
    assert found["events"] == [("page_view", 4)]
    assert [(row[0], row[1]) for row in found["sessions"]] == [("s2", 2), ("s3", 1), ("s4", 1)]


def test_only_what_is_wanted_is_read(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and hours scan no table."""
    monkeypatch.delattr(type(pipeline.dynamodb), "scan")
    found = results.read(pipeline.readback(), span("10:00", "10:59"), ("pages", "hours"))
    assert found == {"pages": [(1, 1, "/a")], "hours": [("2026-11-23T10", 1, 1)]}


def test_programs_get_members_with_names(pipeline: Pipeline) -> None:
    """The summary as an object, tables as lists of objects."""
    when = span("11:00", "12:30")
    document = results.document(results.read(pipeline.readback(), when, ("summary", "pages")), when)
    assert document["since"] == "2026-11-23T11:00:00+00:00"
    assert document["summary"]["pageViews"] == 4
    assert document["pages"][0] == {"views": 3, "visitors": 2, "page": "/a"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-23T12:30:00+00:00"),
        ("90m", "2026-11-23T11:00:00+00:00"),
        ("24h", "2026-11-22T12:30:00+00:00"),
        ("7d", "2026-11-16T12:30:00+00:00"),
        ("2026-11-20", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T10:15", "2026-11-20T10:15:00+00:00"),
        ("2026-11-20T10:15:00+02:00", "2026-11-20T08:15:00+00:00"),
    ],
)
def test_times_are_read_as_people_write_them(text: str, expected: str) -> None:
    """So long ago, or ISO 8601."""
    assert Moment(lambda: NOON).convert(text, None, None).isoformat() == expected


@pytest.mark.parametrize("text", ["", "yesterday", "5", "-5m", "5 m", "99999999999d", "24:00"])
def test_what_is_no_time_is_refused_with_a_form(text: str) -> None:
    """With how to write one."""
    with pytest.raises(click.BadParameter, match=r"is no time; write 90m|before all times"):
        Moment(lambda: NOON).convert(text, None, None)
