"""Archives that are not as one would wish: each row once, on both engines, beside the truth."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.query.sql import REPORTS, report_sql
from clickstream_operator.query.sql.columns import VIEW_COLUMNS
from tests.lambdas.pipelines import NOW, Pipeline, encode, event, invocation, make_config
from tests.lambdas.redrives import PAYLOADS, TRAFFIC, all_hours, run, wronged
from tests.unit.query.archives import engine_of, milliseconds, write
from tests.zstd import provide_zstd

DAY: dict[str, Any] = {
    "since_ms": milliseconds("2026-11-23T00:00:00Z"),
    "until_ms": milliseconds("2026-11-24T00:00:00Z"),
}
ODD = {
    "Event_Type": "another case",
    "EVENT_TYPE": "a third",
    "a.b": {"$": "dollar", "": "no name", "'": "quote", '"': "double", "\\": "back"},
    "lines": "one\ntwo\r\nthree\u2028four\u0001five\u0000six\ttab",
    "deep": [[[{"x": [None, True, 1e308, -0.0, 12345678901234567890123]}]]],
    "_Clickstream": {"lane": "not ours"},
    "emoji": "🛒 ﷽ \ud7ff",
}
ODD_PAGES = ["/o'neill", '/a"b', "/back\\slash", "/über", "/🛒", "/%2F", "/a,b", "/{since}"]


def reports(engine: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every report over the day."""
    return {
        name: engine.query(
            report_sql(name, **DAY, limit=1000, steps=["/*", "/*"] if name == "funnel" else ())
        ).rows
        for name in REPORTS
    }


def test_views_have_the_columns_that_the_catalogue_tells(tmp_path: Path) -> None:
    """A view of Glue is refused when its text gives others."""
    pipeline = Pipeline()
    write(pipeline, [event(), b"no JSON"], start=0)
    types = {"VARCHAR": "varchar", "BIGINT": "bigint", "BOOLEAN": "boolean"}
    with engine_of(pipeline, tmp_path) as engine:
        for name, columns in VIEW_COLUMNS.items():
            assert engine.query(f"select * from {name}").columns == tuple(columns)  # noqa: S608
            described = engine._connection.execute(f"describe {name}").fetchall()
            for column, kind, *_ in described:
                assert types.get(kind, columns[column]) == columns[column]


def test_odd_keys_values_and_pages(tmp_path: Path) -> None:
    """Keys that differ in case, control characters and quotes lose no row and change no other."""
    pipeline = Pipeline()
    write(pipeline, [event(page_url=page, event_id=page, **ODD) for page in ODD_PAGES], start=0)
    with engine_of(pipeline, tmp_path) as engine:
        found = engine.query("select document from events").rows
        ids = engine.query("select event_id from events where session_id = 'session-1'").rows
        top = engine.query(report_sql("top-pages", **DAY)).rows
    assert sorted(ids) == sorted((page,) for page in ODD_PAGES)
    assert sorted(page for page, *_ in top) == sorted(
        each.page for each in archived(pipeline) if each.page is not None
    )
    for (document,) in found:
        assert {name: json.loads(document)[name] for name in ODD} == ODD


class Placed:
    """An archived line, as the test reads it from the objects."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line
        envelope = line["_clickstream"]
        self.place = (envelope["lane"], envelope["sequence"], envelope["sub"])
        self.page: str | None = envelope.get("page")
        self.is_view = bool(envelope.get("view"))


def archived(pipeline: Pipeline) -> list[Placed]:
    """Return each place of the archive once, without the code under test."""
    lines = [
        json.loads(line)
        for key, (body, _) in pipeline.s3.objects.items()
        if key.startswith("raw/") and body
        for line in gzip.decompress(body).split(b"\n")
        if line
    ]
    return list({each.place: each for each in map(Placed, lines)}.values())


def test_rows_of_a_second_object_are_counted_once(tmp_path: Path) -> None:
    """What a redrive appended again, in the same hour or the next, is the same event."""
    pipeline = Pipeline()
    payloads = encode(event(page_url=f"/{number}") for number in range(5))
    pipeline.processor().process(invocation([*payloads, b"{"]))
    for key, value in list(pipeline.s3.objects.items()):
        kind, day, _, name = key.split("/")
        pipeline.s3.objects[f"{kind}/{day}/hr=12/again-{name}"] = value
        pipeline.s3.objects[f"{kind}/{day}/hr=13/again-{name}"] = value
    with engine_of(pipeline, tmp_path) as engine:
        assert engine.query("select count(*) from archived_events").rows == [(5,)]
        assert engine.query("select count(*) from bad_rows").rows == [(1,)]
        assert engine.query(report_sql("robots", **DAY)).rows == [("Human", 5, 5, 1, 1)]


def test_voids_and_hours_without_rows_are_nothing(tmp_path: Path) -> None:
    """Objects of no bytes stand in the archive as fences; whole hours may be missing."""
    pipeline = Pipeline()
    write(pipeline, [event(timestamp="2026-11-23T02:00:00Z")], start=0)
    write(pipeline, [event(timestamp="2026-11-23T21:00:00Z")], start=10)
    for kind in ("raw", "bad"):
        for hour in ("02", "03"):
            pipeline.s3.objects[f"{kind}/dt=2026-11-23/hr={hour}/void.0.0.jsonl.gz"] = (b"", {})
    with engine_of(pipeline, tmp_path) as engine:
        hours = engine.query(report_sql("traffic-by-hour", **DAY)).rows
    assert [(row[0].hour, *row[1:]) for row in hours] == [(2, 1, 1, 1, 1), (21, 1, 1, 1, 1)]


def test_a_late_redrive_of_bad_rows_is_in_the_reports(tmp_path: Path) -> None:
    """Rows that were bad under wrong fields come back as events; each is there once."""
    pipeline = wronged()
    pipeline.now += 7200
    for _ in range(2):
        for key in [key for key, (body, _) in pipeline.s3.objects.items() if body]:
            if key.startswith("bad/"):
                run(pipeline, "bad", key)
    assert all_hours(pipeline)
    truth = Counter(each.page for each in archived(pipeline) if each.is_view)
    with engine_of(pipeline, tmp_path) as engine:
        count = engine.query("select count(*) from archived_events").rows[0][0]
        views = engine.query(
            "select page, count(*) as views from archived_events where is_view group by page"
        ).rows
    assert count == len(archived(pipeline)) > len(PAYLOADS) // 2
    assert dict(views) == truth
    assert sum(truth.values()) == TRAFFIC_VIEWS


TRAFFIC_VIEWS = sum(
    json.loads(each.data).get("event_type") == "page_view" for each in TRAFFIC.records
)


def test_gzip_and_zstd_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of `archive.compression` both are read, also in one hour."""
    provide_zstd(monkeypatch)
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event(page_url="/gzip")])))
    pipeline.config = make_config(archive={"enabled": True, "compression": "Zstd"})
    pipeline.processor().process(
        invocation([*encode(event(page_url="/zstd") for _ in range(50)), b"{"], start=100)
    )
    assert {key.rpartition(".")[2] for key in pipeline.s3.objects} == {"gz", "zst"}
    with engine_of(pipeline, tmp_path) as engine:
        assert engine.query(report_sql("top-pages", **DAY)).rows == [
            ("/zstd", 50, 1),
            ("/gzip", 1, 1),
        ]
        assert [row[:2] for row in engine.query(report_sql("bad-rows", **DAY)).rows] == [
            ("not_json", 1)
        ]


def test_lines_of_every_version_of_the_envelope(tmp_path: Path) -> None:
    """What an earlier version did not write is NULL, or what it stood for; no row is lost."""
    pipeline = Pipeline()
    write(pipeline, [event(page_url="/now")], start=0)
    (key,) = [key for key in pipeline.s3.objects if key.startswith("raw/")]
    now = json.loads(gzip.decompress(pipeline.s3.objects[key][0]))
    versions = {
        "type": ["type", "session", "page", "view"],
        "class": ["class", "channel", "repeat", "id"],
        "all": ["type", "session", "page", "view", "class", "channel", "repeat", "id"],
    }
    lines = [now]
    for number, left_out in enumerate(versions.values(), 1):
        envelope = {k: v for k, v in now["_clickstream"].items() if k not in left_out}
        lines.append({**now, "_clickstream": {**envelope, "sub": number, "later": {"new": 1}}})
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    pipeline.s3.objects[key] = (gzip.compress(body), {})
    with engine_of(pipeline, tmp_path) as engine:
        rows = engine.query(
            "select sub, event_type, page, is_view, agent_class, channel from events order by sub"
        ).rows
        assert len(reports(engine)) == len(REPORTS)
    now_view = ("page_view", "/now", True, "Human", rows[0][5])
    without = (None, None, False, "Human")
    assert rows == [
        (0, *now_view),
        (1, *without, rows[0][5]),
        (2, *now_view[:4], None),
        (3, *without, None),
    ]


def test_events_at_the_borders_of_hour_day_and_week(tmp_path: Path) -> None:
    """A millisecond before belongs to the time before, at every millisecond of a second's edge."""
    pipeline = Pipeline()
    times = [
        "2026-11-22T23:59:59.999Z",  # A Sunday's last.
        "2026-11-23T00:00:00.000Z",
        "2026-11-23T00:59:59.999Z",
        "2026-11-23T01:00:00.001Z",
        "2026-11-23T11:59:59.999Z",
    ]
    assert milliseconds(times[-1]) / 1000 < NOW
    write(pipeline, [event(timestamp=each, event_id=each) for each in times], start=0)
    wide = {**DAY, "since_ms": DAY["since_ms"] - 86_400_000}
    with engine_of(pipeline, tmp_path) as engine:
        hours = engine.query(report_sql("traffic-by-hour", **wide)).rows
        days = engine.query(report_sql("traffic-by-day", **wide)).rows
        weeks = engine.query(report_sql("retention", **wide)).rows
        moments = engine.query("select event_time from events").rows
    assert [(row[0].day, row[0].hour, row[4]) for row in hours] == [
        (22, 23, 1), (23, 0, 2), (23, 1, 1), (23, 11, 1),
    ]  # fmt: skip
    assert [(row[0].day, row[4]) for row in days] == [(22, 1), (23, 4)]
    assert [(row[0].day, *row[1:]) for row in weeks] == [(16, 0, 1), (16, 1, 1)]
    assert sorted(f"{moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" for (moment,) in moments) == times
