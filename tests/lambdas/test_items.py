"""Single items: sketches, sessions in any order, original items, lifetimes, write units."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickstream_layout.sketch import MOST_EXACT, Visitors
from processor.aggregate import Activity, Count, Views
from processor.counter_items import CounterItems
from processor.page_items import PageCopy, grow
from processor.session_items import SessionItems
from shared.conditional_write import ContentionError
from shared.lanes import Lane, decode_watermark, encode_watermark
from tests.lambdas.memory_aws import refuse, size
from tests.lambdas.pipelines import (
    COUNTERS,
    NOW,
    PAGES,
    SESSIONS,
    Pipeline,
    encode,
    event,
    invocation,
)

hashes = st.lists(st.binary(min_size=8, max_size=8), max_size=300)


@given(hashes, hashes)
@settings(deadline=None, max_examples=60)
def test_sketch_is_a_function_of_the_set(one: list[bytes], two: list[bytes]) -> None:
    """Grown in any order and grouping, encoded and decoded between, the bytes are the same."""
    grown = Visitors.decode(Visitors(one).encode()).with_hashes(two)
    united = Visitors(one).union(Visitors.decode(Visitors(two).encode()))
    assert grown.encode() == united.encode() == Visitors([*two, *one]).encode()
    if len({*one, *two}) <= MOST_EXACT:
        assert grown.count() == len({*one, *two})


@pytest.mark.parametrize("visitors", [97, 500, 5000, 50_000])
def test_sketch_estimates_within_ten_percent(visitors: int) -> None:
    """Three standard errors of p = 10 are 9.75 %."""
    source = random.Random(visitors)  # noqa: S311 - reproducible
    sketch = Visitors(source.randbytes(8) for _ in range(visitors))
    assert abs(sketch.count() - visitors) / visitors < 0.0975
    assert len(sketch.encode()) == 769


def test_sketch_of_unknown_format_is_refused() -> None:
    """Bytes of another format are an error, not an empty set."""
    for data in (b"", b"\x03", b"\x01abc", b"\x02" + b"a" * 10):
        with pytest.raises(ValueError, match="not a visitors sketch"):
            Visitors.decode(data)


@given(st.integers(0, 2**192 - 1), st.integers(0, 2**192 - 1))
def test_watermarks_order_as_sequence_numbers(one: int, two: int) -> None:
    """Bytes compare as the numbers do."""
    assert (encode_watermark(one) < encode_watermark(two)) == (one < two)
    assert decode_watermark(encode_watermark(one)) == one


def test_lane_codes_are_short_and_differ() -> None:
    """Eight characters, another for each epoch and shard."""
    codes = {Lane(epoch, f"shardId-{n:012d}").code for epoch in "ab" for n in range(1000)}
    assert len(codes) == 2000
    assert all((len(code) == 8 and code.islower()) or code.isdigit() for code in codes)


activities = st.builds(
    Activity,
    sequence=st.just(0),
    first_ms=st.integers(1_700_000_000_000, 1_700_000_100_000),
    last_ms=st.integers(1_700_000_100_000, 1_700_000_200_000),
    events=st.integers(1, 3),
    user_agent=st.none() | st.just("agent"),
)


@given(st.lists(st.tuples(st.sampled_from("abc"), activities, st.booleans()), max_size=12))
@settings(deadline=None, max_examples=80)
def test_sessions_are_right_in_any_order(rows: list[tuple[str, Activity, bool]]) -> None:
    """From any lanes in any order of time: sums, minima and maxima, entry and exit page."""
    pipeline = Pipeline()
    writer = SessionItems(pipeline.dynamodb, SESSIONS, 48)
    for number, (lane, activity, viewed) in enumerate(rows):
        activity.sequence = number
        if viewed:
            activity.entry = (f"{activity.first_ms}#{number:03d}", f"/in{number}")
            activity.exit = (f"{activity.last_ms}#{number:03d}", f"/out{number}")
        writer.write("s", lane, [activity])
    if not rows:
        return
    (item,) = pipeline.dynamodb.items(SESSIONS)
    done = [activity for _, activity, _ in rows]
    assert int(item["event_count"]["N"]) == sum(each.events for each in done)
    session = pipeline.readback()
    pipeline.now = 0
    read = session.session("s")
    assert read is not None
    entries = [each.entry for each in done if each.entry]
    exits = [each.exit for each in done if each.exit]
    assert read.entry_page == (min(entries)[1] if entries else None)
    assert read.exit_page == (max(exits)[1] if exits else None)
    assert int(item["ttl"]["N"]) == max(each.last_ms for each in done) // 1000 + 48 * 3600


@pytest.mark.parametrize("last", [{"S": "2026-11-23T11:00:00.000Z"}, {"N": "1795431600000"}])
def test_session_of_the_original_is_continued(last: dict[str, str]) -> None:
    """An item made by the original's functions, which stored times as sent, gains ours."""
    pipeline = Pipeline()
    pipeline.dynamodb.tables[SESSIONS][("session-1",)] = {
        "session_id": {"S": "session-1"},
        "event_count": {"N": "7"},
        "last_activity": last,
        "user_agent": {"S": "old"},
        "ttl": {"N": str(int(NOW) + 60)},
    }
    pipeline.processor().process(invocation(encode([event()])))
    session = pipeline.readback().session("session-1")
    assert session is not None
    assert session.event_count == 8
    assert session.first_activity == session.last_activity == "2026-11-23T12:00:00.000Z"


def test_lifetimes_count_from_the_keys_time() -> None:
    """Page items live from their hour, counters from their minute, lanes from arrival."""
    pipeline = Pipeline()
    pipeline.processor().process(invocation(encode([event(timestamp="2026-11-23T10:59:30Z")])))
    hour = int(NOW) // 3600 * 3600 - 2 * 3600
    (page,) = pipeline.dynamodb.items(PAGES)
    assert int(page["ttl"]["N"]) == hour + 7 * 86_400
    ttls = {
        item["metric_name"]["S"]: int(item["ttl"]["N"])
        for item in pipeline.dynamodb.items(COUNTERS)
    }
    assert ttls == {
        "events_per_minute_page_view": hour + 59 * 60 + 48 * 3600,
        "lane": int(NOW) + 48 * 3600,
        "pages": hour + 7 * 86_400,
    }


def test_items_stay_within_one_write_unit() -> None:
    """A page item with a dense sketch and a session item of 16 lanes take 1 KB at most."""
    pipeline = Pipeline()
    documents = [event(user_id=f"user-{n:06d}", page_url="/product/12345678") for n in range(300)]
    pipeline.processor().process(invocation(encode(documents)))
    (page,) = pipeline.dynamodb.items(PAGES)
    assert len(page["visitors"]["B"]) == 769
    assert size(page) <= 1024
    for shard in range(15):
        batch = invocation(encode([event()]), shard=f"shardId-{shard + 1:012d}", start=1000)
        pipeline.processor().process(batch)
    (session,) = pipeline.dynamodb.items(SESSIONS)
    assert size(session) <= 1250


@pytest.mark.parametrize(("batch", "most"), [(29, 2050), (175, 1250), (700, 800), (1000, 600)])
def test_write_units_per_thousand_events(batch: int, most: int) -> None:
    """One write for each item of a batch, two for its lane, one for up to 100 new pages of an hour.

    Traffic: 300 live sessions, 5,000 pages by Zipf's law with exponent 1.2, 90 % page views.
    """
    source = random.Random(batch)  # noqa: S311 - reproducible
    weights = [rank**-1.2 for rank in range(1, 5001)]
    pages = source.choices(range(5000), weights, k=7000)
    live = [f"session-{number}" for number in range(300)]
    documents = []
    for number, page in enumerate(pages):
        if source.random() < 0.01:
            live[source.randrange(300)] = f"session-x{number}"
        documents.append(
            event(
                event_type="page_view" if source.random() < 0.9 else "click",
                session_id=source.choice(live),
                page_url=f"/page/{page}",
                timestamp=NOW - 60 + number / 100,
            )
        )
    pipeline = Pipeline()
    processor = pipeline.processor()
    requests = units = 0
    real = pipeline.dynamodb.update_item

    def counted(**arguments: Any) -> dict[str, Any]:
        nonlocal requests, units
        answer = real(**arguments)
        table, key = arguments["TableName"], arguments["Key"]
        item = pipeline.dynamodb.get_item(TableName=table, Key=key)["Item"]
        requests += 1
        units += -(-size(item) // 1024)
        return answer

    pipeline.dynamodb.update_item = counted  # type: ignore[method-assign]
    for start in range(0, len(documents), batch):
        processor.process(invocation(encode(documents[start : start + batch]), start=start))
    assert units * 1000 / len(documents) <= most
    expected = 1  # The attempt that a new container puts on record.
    listed: set[tuple[str, float]] = set()
    for start in range(0, len(documents), batch):
        part = documents[start : start + batch]
        expected += 2 + len({each["session_id"] for each in part})
        views = [each for each in part if each["event_type"] == "page_view"]
        hour, minute = 3600, 60
        viewed = {(each["page_url"], each["timestamp"] // hour) for each in views}
        new = Counter(each for _, each in viewed - listed)
        listed |= viewed
        expected += len(viewed) + sum(-(-number // 100) for number in new.values())
        expected += len({(each["event_type"], each["timestamp"] // minute) for each in part})
    assert requests == expected


def test_endless_contention_ends_in_an_error() -> None:
    """A condition that is refused for ever without a reason does not loop for ever."""

    class Stubborn:
        calls = 0

        def update_item(self, **arguments: Any) -> None:
            self.calls += 1
            raise refuse("ConditionalCheckFailedException", "UpdateItem")

    stubborn = Stubborn()
    with pytest.raises(ContentionError):
        CounterItems(stubborn, COUNTERS, 48).write("a", 1, "lane", [Count(1, 1)])
    assert stubborn.calls == 25


def test_last_update_of_a_page_is_its_latest_arrival() -> None:
    """Whatever the order in which contributions with earlier arrivals come, as after a reshard."""
    copy = grow(PageCopy(), [Views(1, 1, 500, {b"a" * 8}), Views(2, 1, 300, {b"b" * 8})])
    assert copy.last_updated == 500
    assert grow(copy, [Views(3, 1, 400, {b"c" * 8})]).last_updated == 500
    assert grow(copy, [Views(3, 1, 600, {b"c" * 8}), Views(4, 1, 1, set())]).last_updated == 600


@pytest.mark.parametrize(
    "agents", [["m" * 5000], ["m" * 257, "n" * 300], ["m" * 256]], ids=["long", "two", "limit"]
)
def test_user_agent_of_a_session_is_cut(agents: list[str]) -> None:
    """Visitors write it, and it stands in each session: 256 characters, in both kinds of write."""
    pipeline = Pipeline()
    processor = pipeline.processor()
    for number, agent in enumerate(agents):
        processor.process(invocation(encode([event(user_agent=agent)]), start=number))
    session = pipeline.readback().session("session-1")
    assert session is not None
    assert session.user_agent == agents[-1][:256]


def test_sketch_is_exact_up_to_96_visitors() -> None:
    """The documented number: with one more it is an estimate of fixed size."""
    hashes = [number.to_bytes(8, "big") for number in range(97)]
    exact = Visitors().with_hashes(set(hashes[:96]))
    assert exact.count() == 96
    assert len(exact.encode()) == 1 + 96 * 8
    assert len(exact.with_hashes({hashes[96]}).encode()) == 1 + 768
