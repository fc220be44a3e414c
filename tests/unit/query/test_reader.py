"""The reader: merges lanes, keeps to its limits, reads all that the functions write."""

from __future__ import annotations

import json
import random

import pytest

from clickstream_layout import tables
from clickstream_layout.sketch import Visitors
from clickstream_operator.query.rows import TopPage, total_page
from tests.lambdas.pipelines import (
    COUNTERS,
    NOW,
    PAGES,
    Pipeline,
    encode,
    event,
    invocation,
)


@pytest.mark.parametrize("sizes", [(0,), (40, 40), (80, 80), (50, 2000), (3000, 2000, 10)])
def test_visitors_of_lanes_are_merged(sizes: tuple[int, ...]) -> None:
    """The lanes of a page count as one sketch of all their visitors does; exact while each is."""
    source = random.Random(sum(sizes))  # noqa: S311 - reproducible
    common = [source.randbytes(8) for _ in range(10)]
    lanes = [[*common, *(source.randbytes(8) for _ in range(size))] for size in sizes]
    items = [
        {"view_count": {"N": "1"}, "visitors": {"B": Visitors(lane).encode()}} for lane in lanes
    ]
    union = {visitor for lane in lanes for visitor in lane}
    merged = total_page("/", items).unique_visitors
    exact = all(Visitors(lane).exact is not None for lane in lanes)
    assert merged == (len(union) if exact else Visitors(union).count())
    assert abs(merged - len(union)) <= len(union) / 10


def test_unknown_sketch_is_an_error() -> None:
    """A format of a later version is not read as something else."""
    item = {"view_count": {"N": "1"}, "visitors": {"B": b"\x09abc"}}
    with pytest.raises(ValueError, match="sketch"):
        total_page("/", [item])


def test_lanes_and_original_items_are_summed() -> None:
    """Two shards and an item without lane, as the original writes it, make one number."""
    pipeline = Pipeline()
    for shard in ("shardId-1", "shardId-2"):
        pipeline.processor().process(invocation(encode([event(), event()]), shard=shard))
    alive = {"ttl": {"N": str(int(NOW) + 60)}}
    pipeline.dynamodb.tables[PAGES]["/products", "2026-11-23T12"] = {
        "page_url": {"S": "/products"},
        "timestamp_hour": {"S": "2026-11-23T12"},
        "view_count": {"N": "5"},
        "last_updated": {"N": "1"},
    } | alive
    pipeline.dynamodb.tables[COUNTERS]["events_per_minute_page_view", "2026-11-23T12:00"] = {
        "metric_name": {"S": "events_per_minute_page_view"},
        "time_window": {"S": "2026-11-23T12:00"},
        "event_count": {"N": "5"},
    } | alive
    reader = pipeline.readback()
    hour = reader.page_views("/products")["2026-11-23T12"]
    assert (hour.views, hour.unique_visitors) == (9, 1)
    assert hour.last_updated_ms == round(NOW * 1000)
    assert reader.counts("page_view") == {"2026-11-23T12:00": 9}
    assert reader.all_page_views() == {"/products": {"2026-11-23T12": hour}}


def test_ranges_include_both_ends() -> None:
    """Hours and minutes can be limited; the lane suffix does not cut the last one off."""
    pipeline = Pipeline()
    times = ["2026-11-23T10:30:00Z", "2026-11-23T11:30:00Z", "2026-11-23T12:00:00Z"]
    pipeline.processor().process(invocation(encode(event(timestamp=each) for each in times)))
    reader = pipeline.readback()
    assert list(reader.page_views("/products", since="2026-11-23T11")) == [
        "2026-11-23T11",
        "2026-11-23T12",
    ]
    assert list(reader.page_views("/products", until="2026-11-23T11")) == [
        "2026-11-23T10",
        "2026-11-23T11",
    ]
    minutes = reader.counts("page_view", since="2026-11-23T11:30", until="2026-11-23T11:30")
    assert minutes == {"2026-11-23T11:30": 1}
    assert reader.page_views("/nothing") == {}
    assert reader.session("nobody") is None


def test_top_pages_are_found_by_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over lanes and hours, most views first, then by name; visitors once; no table is scanned."""
    pipeline = Pipeline()
    views = [
        ("/a", "11:10", "ann"), ("/a", "12:00", "ann"), ("/a", "12:00", "bob"),
        ("/b", "12:00", "ann"), ("/c", "12:00", "cid"), ("/d", "10:30", "ann"),
    ]  # fmt: skip
    for shard, part in (("shardId-1", views[::2]), ("shardId-2", views[1::2])):
        payloads = encode(
            event(page_url=page, timestamp=f"2026-11-23T{time}:00Z", user_id=user)
            for page, time, user in part
        )
        pipeline.processor().process(invocation(payloads, shard=shard))
    monkeypatch.delattr(type(pipeline.dynamodb), "scan")
    reader = pipeline.readback()
    two_hours = reader.top_pages(since="2026-11-23T11", until="2026-11-23T12")
    assert two_hours == [TopPage("/a", 3, 2), TopPage("/b", 1, 1), TopPage("/c", 1, 1)]
    assert reader.top_pages(since="2026-11-23T10", until="2026-11-23T10") == [TopPage("/d", 1, 1)]
    assert reader.top_pages(since="2026-11-23T11", until="2026-11-23T12", limit=1) == two_hours[:1]
    assert reader.top_pages(since="2026-11-23T09", until="2026-11-23T09") == []


def test_a_page_is_listed_once_by_a_container() -> None:
    """The next batches of the hour list only what is new; more than fit go into several lists."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    for start, pages in ((0, range(250)), (250, range(250)), (500, range(251))):
        payloads = encode(event(page_url=f"/{page}") for page in pages)
        processor.process(invocation(payloads, start=start))
    lists = [
        item
        for item in pipeline.dynamodb.items(COUNTERS)
        if item["metric_name"]["S"] == tables.PAGES
    ]
    assert sorted(len(json.loads(item["pages"]["S"])) for item in lists) == [1, 50, 100, 100]
    top = pipeline.readback().top_pages(since="2026-11-23T12", until="2026-11-23T12", limit=300)
    assert [each.views for each in top] == [3] * 250 + [1]


def test_items_past_their_ttl_are_gone() -> None:
    """What DynamoDB has not yet removed is not read any more."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event()])))
    pipeline.now += 49 * 3600
    reader = pipeline.readback()
    assert reader.session("session-1") is None
    assert reader.all_counts() == {}
    assert reader.page_views("/products") != {}
    pipeline.now += 7 * 86_400
    assert reader.page_views("/products") == {}


def test_many_items_and_objects_are_read_in_pages() -> None:
    """Every continuation is followed."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    for start in range(60):
        stamp = f"2026-11-23T11:{start:02d}:00Z"
        processor.process(invocation([*encode([event(timestamp=stamp)]), b"{"], start=2 * start))
    reader = pipeline.readback()
    assert len(reader.counts("page_view")) == 60
    assert len(list(reader.archived_events())) == 60
    assert len(list(reader.bad_rows(day="2026-11-23", hour="12"))) == 60
    assert list(reader.archived_events(day="2026-11-22")) == []


def test_repeated_lines_are_read_once() -> None:
    """A row that stands in two objects, which a redrive may cause, is one row."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation([*encode([event()]), b"{"]))
    for key, stored in list(pipeline.s3.objects.items()):
        pipeline.s3.objects[key.replace(".jsonl", "-copy.jsonl")] = stored
    reader = pipeline.readback()
    (archived,) = reader.archived_events()
    assert archived.event["page_url"] == "/products"
    assert archived.time_ms == round((NOW - 30) * 1000)
    (row,) = reader.bad_rows()
    assert (row.reason, row.payload) == ("not_json", "{")
