"""The cost model says what the functions do: its requests against requests that were made."""

from __future__ import annotations

import pytest

from clickstream_layout.tables import INCIDENT
from clickstream_operator.api.spec import Spec
from clickstream_operator.cost import storage
from clickstream_operator.cost.estimate import _BATCH_LOG, _TYPE_LOG, requests
from clickstream_operator.cost.parts import unsent_reads
from clickstream_operator.cost.traffic import Traffic, flow, listings
from detector.site_state import SiteState
from shared.time_limit import TimeLimit
from simulator.tables import Tables
from tests.lambdas.pipelines import COUNTERS, KEYS, Pipeline, encode, event, invocation
from tests.lambdas.profiled import count_requests

TRAFFIC = Traffic()
_ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(("shards", "window", "batches"), [(2, 5, 40), (2, 30, 10), (1, 60, 5)])
def test_requests_are_those_that_the_functions_make(shards: int, window: int, batches: int) -> None:
    """Requests and bytes are within a tenth or so; the detector's state is still growing."""
    spec = Spec.model_validate(
        {"stream": {"shards": shards}, "processor": {"batchingWindowSeconds": window}}
    )
    seen = flow(spec, TRAFFIC)
    made = count_requests(TRAFFIC, shards=shards, batch=round(seen.batch), batches=batches)
    model = requests(spec, TRAFFIC)
    scale = made.batches / seen.batches
    for name in ("pages", "sessions", "lanes", "puts"):
        assert getattr(made, name) == pytest.approx(getattr(model, name) * scale, rel=0.1), name
    # A run is the beginning of an hour, when most pages are new to it.
    views = made.events / shards * TRAFFIC.page_view_share
    lists = listings(views, views / batches, TRAFFIC.pages) * shards
    assert made.listings == pytest.approx(lists, rel=0.15)
    # Few, and in so short a run it matters where the batches lie in the minute.
    assert made.counters == pytest.approx(model.counters * scale, rel=0.25)
    assert model.detector * scale * 0.4 < made.detector < model.detector * scale * 1.1
    logged = _BATCH_LOG + TRAFFIC.event_types * _TYPE_LOG
    assert made.log_bytes / made.batches == pytest.approx(logged, rel=0.1)
    stored = storage.archive(spec, TRAFFIC, seen).bytes_by_class["STANDARD"] / 365
    assert made.archive_bytes / made.events * TRAFFIC.events_per_day == pytest.approx(
        stored, rel=0.15
    )


@pytest.mark.parametrize("alerts", [0, 10, 1000])
def test_a_tick_reads_no_incidents(alerts: int) -> None:
    """The search for messages left behind costs the same however many incidents there are."""
    spec = Spec.model_validate({"alerts": {"enabled": True}})
    pipeline = Pipeline()
    pipeline.detector().process(invocation(encode([event(user_agent=_ROBOT)])))
    (incident,) = (
        item for item in pipeline.dynamodb.items(COUNTERS) if item["metric_name"]["S"] == INCIDENT
    )
    tables = Tables(KEYS)
    for number in range(2 * alerts):  # Incidents of two days: a day's retention and one more.
        window = incident["time_window"]["S"]
        key = {"time_window": {"S": f"{window[:-6]}{number:06}"}}
        tables.put_item(TableName=COUNTERS, Item=incident | key)
    pipeline.dynamodb = tables  # type: ignore[assignment]
    site = SiteState(generation=7, swept="7")
    before = tables.usage.read_units.get(COUNTERS, 0.0)
    assert pipeline.detector()._unsent.publish_left_behind(site, TimeLimit(None)) == 0
    assert tables.usage.read_units[COUNTERS] - before == unsent_reads(spec)
    assert unsent_reads(Spec()) == 0
