"""The generator's truth: consistent with itself, and what the functions make of it."""

from __future__ import annotations

import json
import math
import re
from collections import Counter

import pytest

from clickstream_operator.synthetic.generator import BROKEN_REASONS, Traffic, generate
from clickstream_operator.synthetic.season import season
from tests.lambdas.memory_aws import epoch
from tests.lambdas.pipelines import NOW, Pipeline, invocation


def process(traffic: Traffic, *, shards: int = 2, batch: int = 100) -> Pipeline:
    """Return a pipeline that has processed and watched all records."""
    pipeline = Pipeline()
    processor, detector = pipeline.processor(), pipeline.detector()
    for shard in range(shards):
        name = f"shardId-{shard:012d}"
        records = [
            record
            for record in traffic.records
            if sum(record.partition_key.encode()) % shards == shard
        ]
        for start in range(0, len(records), batch):
            part = records[start : start + batch]
            event = invocation(
                [record.data for record in part],
                start=start,
                shard=name,
                arrivals=[record.sent_ms / 1000 for record in part],
            )
            processor.process(event)
            detector.process(event)
    detector.process({"source": "clickstream.schedule"})
    return pipeline


def check_truth(pipeline: Pipeline, traffic: Traffic) -> None:
    """Assert that everything stored equals the truth."""
    truth, reader = traffic.truth, pipeline.readback()
    assert reader.all_counts() == truth.counters
    pages = reader.all_page_views()
    assert {
        page: {hour: views.views for hour, views in hours.items()} for page, hours in pages.items()
    } == truth.page_views
    assert {
        page: {hour: views.unique_visitors for hour, views in hours.items()}
        for page, hours in pages.items()
    } == truth.visitors
    sessions = reader.all_sessions()
    assert sessions.keys() == truth.sessions.keys()
    for name, expected in truth.sessions.items():
        found = sessions[name]
        assert found.event_count == expected.event_count
        assert found.first_activity == expected.first_activity
        assert found.last_activity == expected.last_activity
        assert (found.entry_page, found.exit_page) == (expected.entry_page, expected.exit_page)
    reasons: dict[str, int] = {}
    for row in reader.bad_rows():
        reasons[row.reason] = reasons.get(row.reason, 0) + 1
    assert dict(sorted(reasons.items())) == truth.bad_rows
    assert len(list(reader.archived_events())) == truth.archived_events
    found_incidents = [(each.rule, each.session_id) for each in reader.incidents()]
    assert sorted(found_incidents) == truth.incidents


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_truth_is_what_the_functions_count(seed: int) -> None:
    """Processed and read back, the traffic is exactly what the generator said."""
    traffic = generate(seed, 900, NOW, broken=7, bots=2)
    check_truth(process(traffic), traffic)


def test_truth_of_duplicates_late_and_future_events() -> None:
    """The optional oddities are counted as promised."""
    traffic = generate(5, 300, NOW, duplicates=20, late=4, future=3)
    check_truth(process(traffic), traffic)
    assert traffic.truth.archived_events == 300


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_truth_of_a_whole_day(seed: int) -> None:
    """A day with all oddities, each record put when it is sent, is counted as promised."""
    traffic = generate(
        seed, 1500, NOW, broken=12, bots=3, duplicates=20, late=4, future=3, minutes=1440
    )
    check_truth(process(traffic), traffic)
    sent = [record.sent_ms for record in traffic.records]
    assert sent == sorted(sent)
    assert NOW - 86_400 <= sent[0] / 1000 < NOW - 80_000
    assert NOW - 10_000 < sent[-1] / 1000 <= NOW


def test_a_day_has_its_season() -> None:
    """Sessions by the hour follow the curve, each within four standard deviations of its share."""
    midnight = epoch("2026-11-24T00:00:00")
    for seed in (1, 2):
        traffic = generate(seed, 12_000, midnight, bots=0, broken=0, minutes=1440)
        creating = Counter(one.first_activity[:13] for one in traffic.truth.sessions.values())
        sessions = creating.total()
        for hour in range(24):
            first = round(midnight) // 60 + (hour - 24) * 60
            share = sum(season(first + minute) for minute in range(60)) / 1440
            off = abs(creating[f"2026-11-23T{hour:02d}"] - sessions * share)
            assert off < 4 * math.sqrt(sessions * share * (1 - share)), hour
        assert creating["2026-11-23T15"] > 2.5 * creating["2026-11-23T03"]


def test_a_week_has_its_season() -> None:
    """A day of the weekend has three quarters of the sessions of a working day."""
    monday = epoch("2026-11-23T00:00:00")
    traffic = generate(1, 25_000, monday, bots=0, broken=0, minutes=7 * 1440)
    days = Counter(one.first_activity[:10] for one in traffic.truth.sessions.values())
    working = [days[f"2026-11-{day}"] for day in range(16, 21)]
    for weekend in ("2026-11-21", "2026-11-22"):
        assert 0.68 < days[weekend] / (sum(working) / 5) < 0.82


def test_the_shares_of_a_working_day_have_the_mean_one() -> None:
    """Or a volume given as mean would be another one."""
    monday = round(epoch("2026-11-23T00:00:00")) // 60
    assert math.fsum(season(monday + minute) for minute in range(1440)) == pytest.approx(1440)


def test_a_short_span_has_no_season() -> None:
    """Sessions of a few minutes begin evenly, and all is sent at the same time."""
    traffic = generate(1, 4000, NOW, bots=0, broken=2)
    assert {record.sent_ms for record in traffic.records} == {round(NOW * 1000)}
    minutes = Counter(
        (round(epoch(one.first_activity[:19])) - round(NOW - 240)) // 60
        for one in traffic.truth.sessions.values()
    )
    assert set(minutes) == {0, 1, 2}
    assert min(minutes.values()) > 0.8 * max(minutes.values())


def test_same_arguments_give_same_traffic() -> None:
    """Traffic depends on the arguments alone."""
    assert generate(7, 200, NOW, minutes=600) == generate(7, 200, NOW, minutes=600)
    assert generate(7, 200, NOW) == generate(7, 200, NOW)
    assert generate(7, 200, NOW).records != generate(8, 200, NOW).records


@pytest.mark.parametrize("second", [0, 1, 30, 59])
def test_bot_events_share_one_whole_minute_before_start(second: int) -> None:
    """Whatever the second of the start, the bot's minute is over and not yet closed."""
    start = NOW // 60 * 60 + second
    traffic = generate(1, 200, start)
    minutes = {
        json.loads(record.data)["timestamp"][:16]
        for record in traffic.records
        if record.partition_key == "bot_000"
    }
    assert len(minutes) == 1
    counts = [record for record in traffic.records if record.partition_key == "bot_000"]
    assert len(counts) == 60
    assert traffic.truth.incidents == [("high_frequency_clicks", "bot_000")]


def test_number_of_events_and_broken_records_is_as_asked() -> None:
    """The counts add up, down to the smallest traffic."""
    for events, broken, bots in ((1, 0, 0), (60, 3, 1), (61, 6, 1), (500, 12, 3)):
        traffic = generate(3, events, NOW, broken=broken, bots=bots)
        assert len(traffic.records) == events + broken
        assert sum(traffic.truth.bad_rows.values()) == broken
        assert sum(sum(c.values()) for c in traffic.truth.counters.values()) == events
    assert set(generate(3, 60, NOW, broken=6).truth.bad_rows) == set(BROKEN_REASONS)


def test_too_few_events_are_refused() -> None:
    """A bot needs its sixty events."""
    with pytest.raises(ValueError, match="too few"):
        generate(1, 59, NOW)


def test_a_span_without_room_is_refused() -> None:
    """Sessions need a minute to begin in and one to end in."""
    with pytest.raises(ValueError, match="minutes must be at least 2, not 1"):
        generate(1, 100, NOW, minutes=1)
    assert len(generate(1, 100, NOW, minutes=2).records) == 103


def test_traffic_looks_like_a_shop() -> None:
    """About nine of ten events are page views, and the first page is the most popular."""
    traffic = generate(11, 5000, NOW, bots=0)
    views = sum(traffic.truth.counters["page_view"].values())
    assert 0.87 < views / 5000 < 0.93
    totals = {page: sum(hours.values()) for page, hours in traffic.truth.page_views.items()}
    assert max(totals, key=lambda page: totals[page]) == "/home"
    assert all(re.fullmatch(r"[a-z]+_[0-9]+", session) for session in traffic.truth.sessions)


def test_a_label_tells_its_traffic_from_any_other() -> None:
    """Session ids begin with it, and pages are in a folder of it; all else is the same."""
    plain = generate(3, 200, 1_700_000_000.0)
    labelled = generate(3, 200, 1_700_000_000.0, label="run-1")
    truth = labelled.truth
    assert set(truth.sessions) == {f"run-1-{name}" for name in plain.truth.sessions}
    assert set(truth.page_views) == {f"/run-1{page}" for page in plain.truth.page_views}
    assert truth.counters == plain.truth.counters
    assert truth.visitors == {f"/run-1{p}": v for p, v in plain.truth.visitors.items()}
    assert truth.incidents == [(rule, f"run-1-{name}") for rule, name in plain.truth.incidents]
    assert [one.sent_ms for one in labelled.records] == [one.sent_ms for one in plain.records]
