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


CRAWLER = "Mozilla/5.0 (compatible; Examplebot/2.1; +https://example.com/bot.html)"


def test_robots_stand_beside_people_and_channels_are_of_people() -> None:
    """A class that was not there has no row; a channel of a robot is nobody's."""
    pipeline = Pipeline()
    campaign = "https://shop.example/a?utm_source=news&utm_medium=email"
    times = {"timestamp": "2026-11-23T11:30:00Z"}
    documents = [
        event(session_id="s1", user_id="u1", page_url=campaign, **times),
        event(session_id="s1", user_id="u1", event_type="click", **times),
        event(session_id="s2", user_id="u2", page_url="https://shop.example/b", **times),
        event(session_id="s3", user_agent=CRAWLER, page_url=campaign, **times),
    ]
    pipeline.processor().process(invocation(encode(documents)))
    wanted = ("robots", "channels")
    found = results.read(
        pipeline.readback(), span("11:00", "11:59"), wanted, views=["page_view", "screen"]
    )
    assert found["robots"] == [("Human", 2, 2, 2, 3), ("Robot", 1, 1, 1, 1)]
    assert found["channels"] == [("Direct", 1, 1), ("Email", 1, 1)]
    nothing = results.read(pipeline.readback(), span("09:00", "09:59"), wanted, views=["page_view"])
    assert nothing == {"robots": [], "channels": []}


def test_sessions_of_people_by_browser() -> None:
    """Families of the user agent that the session's item has."""
    pipeline = Pipeline()
    safari = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    )
    agents = {"s1": safari, "s2": safari, "s3": CRAWLER, "s4": None}
    documents = [
        event(session_id=session, user_agent=agent, timestamp="2026-11-23T11:30:00Z")
        for session, agent in agents.items()
    ]
    pipeline.processor().process(invocation(encode(documents)))
    found = results.read(pipeline.readback(), span("11:00", "11:59"), ("browsers",))
    assert found["browsers"] == [
        (2, "Safari", "iOS", "Phone"),
        (1, "Other", "Other", "Other"),
    ]


def test_the_balance_is_read_where_it_is_wanted() -> None:
    """Its rows come from elsewhere."""
    rows = [("2026-11-23T11", "Balanced", 5, 5, 5, 5, 5, 5, 0, "")]
    when, reader = span("11:00", "11:59"), Pipeline().readback()
    found = results.read(reader, when, ("balance",), balance=lambda: rows)
    (document,) = results.document(found, when)["balance"]
    assert (document["hour"], document["stream"], document["inTables"]) == ("2026-11-23T11", 5, 5)


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
