"""Views and reports on archives that the real processor wrote, beside a truth computed here."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.query.duckdb_engine import Engine
from clickstream_operator.query.sql import REPORTS, ReportError, report_sql
from tests.lambdas.pipelines import Pipeline, event
from tests.unit.query.archives import engine_of, milliseconds, write, write_batches

BEGAN = datetime(2026, 10, 5, tzinfo=UTC)
"""A Monday."""
WEEKS = 6
ALL = {
    "since_ms": milliseconds("2026-10-05T00:00:00Z"),
    "until_ms": milliseconds("2026-11-16T00:00:00Z"),
}
PAGES = ("/home", "/product/1", "/product/2", "/cart", "/checkout/pay", "/über", "/o'neill")


def stamp(moment: datetime) -> str:
    """Return a time as producers send it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def six_weeks() -> list[dict[str, Any]]:
    """Return 1,500 events of 80 people, sorted by time: no two at the same millisecond."""
    source = random.Random(21)  # noqa: S311 - reproducible, not secret
    documents: list[dict[str, Any]] = []
    for number in range(300):
        user = source.randrange(80)
        moment = BEGAN + timedelta(
            days=source.randrange(WEEKS * 7), seconds=source.randrange(86_000)
        )
        campaign = source.choice(("", "?utm_source=mail&utm_medium=email&utm_campaign=autumn"))
        for step in range(source.randint(1, 9)):
            kind = source.choice(("page_view", "page_view", "page_view", "click", "purchase"))
            page = source.choice(PAGES)
            documents.append(
                event(
                    event_type=kind,
                    session_id=f"session-{number}",
                    user_id=f"user-{user}",
                    timestamp=stamp(moment),
                    page_url=page + (campaign if not step else ""),
                    event_id=f"event-{number}-{step}",
                )
            )
            moment += timedelta(seconds=source.randrange(1, 90), milliseconds=number)
    return sorted(documents, key=lambda each: (each["timestamp"], each["session_id"]))


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """Return the events of six weeks."""
    return six_weeks()


@pytest.fixture(scope="module")
def engine(documents: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Yield the engine over their archive, with three bad rows."""
    pipeline = Pipeline()
    write_batches(pipeline, documents, timedelta(hours=12))
    write(pipeline, [b"no JSON", b"[1]", b"{}", documents[-1]], start=900_000)
    with engine_of(pipeline, tmp_path_factory.mktemp("archive")) as opened:
        yield opened


def views(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the page views."""
    return [each for each in documents if each["event_type"] == "page_view"]


def path(document: dict[str, Any]) -> str:
    """Return the page of an event."""
    return str(document["page_url"]).partition("?")[0]


def by_session(documents: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return events by session, in their order."""
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in documents:
        sessions[each["session_id"]].append(each)
    return sessions


def rows(engine: Engine, name: str, **options: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a report over everything."""
    return engine.query(report_sql(name, **{**ALL, "limit": 100, **options})).rows


def test_top_pages(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """Views and visitors by page, most views first."""
    seen = Counter(path(each) for each in views(documents))
    people: dict[str, set[str]] = defaultdict(set)
    for each in views(documents):
        people[path(each)].add(each["user_id"])
    expected = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    assert rows(engine, "top-pages") == [
        (page, count, len(people[page])) for page, count in expected
    ]
    assert rows(engine, "top-pages", limit=2) == rows(engine, "top-pages")[:2]


@pytest.mark.parametrize(
    ("report", "characters"), [("traffic-by-hour", 13), ("traffic-by-day", 10)]
)
def test_traffic(
    engine: Engine, documents: list[dict[str, Any]], report: str, characters: int
) -> None:
    """Page views, visitors, sessions and events of each hour and day that has any."""
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in documents:
        parts[each["timestamp"][:characters]].append(each)
    expected = [
        (
            moment,
            len(views(part)),
            len({each["user_id"] for each in views(part)}),
            len({each["session_id"] for each in part}),
            len(part),
        )
        for moment, part in sorted(parts.items())
    ]
    found = [(f"{row[0]:%Y-%m-%dT%H}"[:characters], *row[1:]) for row in rows(engine, report)]
    assert found == expected


def test_entry_and_exit_pages(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """First and last page view of each session; a session with one has bounced."""
    entries: Counter[str] = Counter()
    exits: Counter[str] = Counter()
    bounced: Counter[str] = Counter()
    for each in by_session(documents).values():
        seen = [path(view) for view in views(each)]
        if seen:
            entries[seen[0]] += 1
            exits[seen[-1]] += 1
            bounced[seen[0]] += len(seen) == 1
    order = lambda item: (-item[1], item[0])  # noqa: E731
    assert rows(engine, "entry-pages") == [
        (page, count, bounced[page]) for page, count in sorted(entries.items(), key=order)
    ]
    assert rows(engine, "exit-pages") == sorted(exits.items(), key=order)


def test_bounce_by_day(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """By the day of the session's first event."""
    sessions: Counter[str] = Counter()
    bounced: Counter[str] = Counter()
    for each in by_session(documents).values():
        if views(each):
            day = each[0]["timestamp"][:10]
            sessions[day] += 1
            bounced[day] += len(views(each)) == 1
    assert [(f"{day:%Y-%m-%d}", *counts) for day, *counts in rows(engine, "bounce")] == [
        (day, count, bounced[day], round(100 * bounced[day] / count, 1))
        for day, count in sorted(sessions.items())
    ]


def test_time_on_page_and_paths(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """From view to view of a session; the last view has no time and no next page."""
    seen = Counter(path(each) for each in views(documents))
    stays: dict[str, list[int]] = defaultdict(list)
    steps: Counter[tuple[str, str]] = Counter()
    for each in by_session(documents).values():
        for view, after in pairwise(views(each)):
            stays[path(view)].append(
                milliseconds(after["timestamp"]) - milliseconds(view["timestamp"])
            )
            steps[path(view), path(after)] += 1
    found = {page: counts for page, *counts in rows(engine, "time-on-page")}
    assert found == {
        page: [seen[page], len(times), round(sum(times) / 1000 / len(times), 1)]
        for page, times in stays.items()
    }
    assert rows(engine, "paths", limit=1000) == [
        (*pair, count)
        for pair, count in sorted(steps.items(), key=lambda item: (-item[1], *item[0]))
    ]


def test_retention_by_week(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """Visitors by the week of their first event, and the weeks in which they came again."""
    weeks: dict[str, set[int]] = defaultdict(set)
    for each in documents:
        weeks[each["user_id"]].add((datetime.fromisoformat(each["timestamp"]) - BEGAN).days // 7)
    expected: Counter[tuple[int, int]] = Counter(
        (min(seen), week - min(seen)) for seen in weeks.values() for week in seen
    )
    found = {
        ((cohort.replace(tzinfo=UTC) - BEGAN).days // 7, number): visitors
        for cohort, number, visitors in rows(engine, "retention")
    }
    assert found == expected
    assert len({cohort for cohort, _ in found}) >= 3


def reached(documents: list[dict[str, Any]], steps: list[str], window_ms: int) -> list[int]:
    """Return how many people reach each step, by trying every chain."""

    def matches(document: dict[str, Any], step: str) -> bool:
        if step.startswith("event:"):
            return bool(document["event_type"] == step.removeprefix("event:"))
        if document["event_type"] != "page_view":
            return False
        page = path(document)
        return page.startswith(step[:-1]) if step.endswith("*") else page == step

    counts = [0] * len(steps)
    people: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in documents:
        people[each["user_id"]].append(each)
    for own in people.values():
        best = 0
        for place, first in enumerate(own):
            if not matches(first, steps[0]):
                continue
            level = 1
            for each in own[place + 1 :]:
                late = milliseconds(each["timestamp"]) - milliseconds(first["timestamp"])
                if level < len(steps) and late <= window_ms and matches(each, steps[level]):
                    level += 1
            best = max(best, level)
        for level in range(best):
            counts[level] += 1
    return counts


@pytest.mark.parametrize(
    ("steps", "window", "window_ms"),
    [
        (["/product/*", "/cart", "event:purchase"], "1d", 86_400_000),
        (["/product/*", "/cart", "event:purchase"], "2m", 120_000),
        (["/home", "/home"], "7d", 7 * 86_400_000),
        (["/o'neill", "/über"], "30d", 30 * 86_400_000),
        (
            ["/home", "event:click", "/cart", "/checkout/*", "event:purchase"],
            "42d",
            42 * 86_400_000,
        ),
        (["/nowhere", "/home"], "1h", 3_600_000),
    ],
)
def test_funnel(
    engine: Engine,
    documents: list[dict[str, Any]],
    steps: list[str],
    window: str,
    window_ms: int,
) -> None:
    """Equal to trying every chain of every person."""
    found = rows(engine, "funnel", steps=steps, window=window)
    counts = reached(documents, steps, window_ms)
    assert [(number, step, visitors) for number, step, visitors, _ in found] == [
        (number, step, count)
        for number, (step, count) in enumerate(zip(steps, counts, strict=True), 1)
    ]
    shares = [round(100 * count / counts[0], 1) if counts[0] else None for count in counts]
    assert [row[3] for row in found] == shares


def test_campaigns(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """Sessions by what the URL of their first page view says."""
    sessions, people = 0, set()
    for each in by_session(documents).values():
        if views(each) and "utm_source=mail" in views(each)[0]["page_url"]:
            sessions += 1
            people.add(each[0]["user_id"])
    assert rows(engine, "campaigns") == [("mail", "email", "autumn", sessions, len(people))]


def test_counts_by_minute_are_those_of_the_counters(
    engine: Engine, documents: list[dict[str, Any]]
) -> None:
    """Each event that was archived, repeats included."""
    expected = Counter((each["event_type"], each["timestamp"][:16]) for each in documents)
    expected[documents[-1]["event_type"], documents[-1]["timestamp"][:16]] += 1
    found = {
        (kind, f"{minute:%Y-%m-%dT%H:%M}"): count
        for kind, minute, count in rows(engine, "events-per-minute")
    }
    assert found == expected


def test_bad_rows_by_reason(engine: Engine) -> None:
    """Each with the first and last arrival."""
    found = {row[0]: row[1] for row in rows(engine, "bad-rows")}
    assert found == {"not_json": 1, "not_an_object": 1, "missing_field:event_type": 1}


def test_robots_stand_beside_people_and_in_no_other_report(tmp_path: Path) -> None:
    """By the classes that the processor counted."""
    pipeline = Pipeline()
    robot = {"user_agent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    write(
        pipeline,
        [
            event(session_id="s1", user_id="u1", page_url="/a?utm_medium=cpc"),
            event(session_id="s1", user_id="u1", page_url="/b"),
            event(session_id="s2", user_id="u2", page_url="/b", referrer="https://www.google.com/"),
            event(session_id="r1", user_id="r", page_url="/b", **robot),
        ],
        start=0,
    )
    with engine_of(pipeline, tmp_path) as engine:
        found = {
            name: engine.query(report_sql(name, since_ms=0, until_ms=2 * ALL["until_ms"])).rows
            for name in ("robots", "channels", "top-pages", "bounce")
        }
    assert found["robots"] == [("Human", 3, 3, 2, 2), ("Robot", 1, 1, 1, 1)]
    assert found["channels"] == [("Paid", 1, 1, 2, 0), ("Search", 1, 1, 1, 1)]
    assert found["top-pages"] == [("/b", 2, 2), ("/a", 1, 1)]
    assert [row[1:3] for row in found["bounce"]] == [(2, 1)]


def test_repeats_of_an_event_id_are_dropped_and_equal_events_without_one_are_not(
    tmp_path: Path,
) -> None:
    """The first to arrive stays; `archived_events` has them all."""
    pipeline = Pipeline()
    again = [event(event_id="a"), event(event_id="a"), event(event_id="b")]
    write(pipeline, [*again, event(), event()], start=0)
    with engine_of(pipeline, tmp_path) as engine:
        assert engine.query("select count(*) from archived_events").rows == [(5,)]
        assert engine.query("select count(*) from events").rows == [(4,)]


def test_span_bounds_are_event_time(engine: Engine, documents: list[dict[str, Any]]) -> None:
    """`since` belongs to the span, `until` does not."""
    moments = sorted({milliseconds(each["timestamp"]) for each in documents})
    first, last = moments[3], moments[9]
    text = report_sql("events-per-minute", since_ms=first, until_ms=last)
    expected = sum(first <= milliseconds(each["timestamp"]) < last for each in documents)
    assert sum(row[2] for row in engine.query(text).rows) == expected


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_an_empty_archive_has_empty_reports(tmp_path: Path, name: str) -> None:
    """No error, no row; a funnel has its steps with nobody."""
    steps = ["/a", "/b"] if name == "funnel" else []
    with engine_of(Pipeline(), tmp_path) as engine:
        found = engine.query(
            report_sql(name, since_ms=ALL["since_ms"], until_ms=ALL["until_ms"], steps=steps)
        ).rows
    assert found == ([(1, "/a", 0, None), (2, "/b", 0, None)] if name == "funnel" else [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "funnel"}, "funnel takes 2 to 20 steps, got 0"),
        ({"name": "funnel", "steps": ["/a"]}, "got 1"),
        ({"name": "funnel", "steps": ["a", "/b"]}, "step a is neither a page nor an event"),
        ({"name": "funnel", "steps": ["/a", "event:"]}, "step event: is neither"),
        ({"name": "funnel", "steps": ["/a*b", "/c"]}, "* in the middle"),
        ({"name": "funnel", "steps": ["/a", "/b"], "window": "1 day"}, "window 1 day is no time"),
        ({"name": "bounce", "steps": ["/a", "/b"]}, "bounce takes no steps"),
    ],
)
def test_wrong_arguments_of_a_report(arguments: dict[str, Any], said: str) -> None:
    """The message names argument and remedy."""
    with pytest.raises(ReportError) as refused:
        report_sql(**{**ALL, **arguments})
    assert said in str(refused.value)
