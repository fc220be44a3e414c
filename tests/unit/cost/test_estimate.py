"""The cost model: what moves it, what it must not exceed, and where its prices come from."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from clickstream_operator.api.spec import Spec
from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.api.v1alpha1 import Effective, Status
from clickstream_operator.cost.estimate import STATED, _Model, estimate, requests
from clickstream_operator.cost.parts import alarm_count
from clickstream_operator.cost.prices import DEFAULT_REGION, Prices, document, prices_of
from clickstream_operator.cost.traffic import Traffic, distinct_pages, flow, shards_needed
from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.status.compose import compose
from clickstream_operator.status.result import ReconcileResult

TODAY = date(2026, 11, 23)
EXAMPLES = Path(__file__).parents[3] / "examples"


def cost(spec: dict[str, Any], traffic: Traffic = STATED) -> float:
    """Return dollars a month in us-east-1."""
    model = Spec.model_validate(spec)
    return estimate(model, region=DEFAULT_REGION, traffic=traffic).dollars


def with_value(path: str, value: Any) -> dict[str, Any]:
    """Return a spec with one field set."""
    spec: dict[str, Any] = {}
    *folders, name = path.split(".")
    inner = spec
    for folder in folders:
        inner = inner.setdefault(folder, {})
    inner[name] = value
    return spec


def test_a_million_events_a_day_cost_at_most_80_dollars() -> None:
    """The default spec, at the stated traffic."""
    assert cost({}) <= 80


def test_one_shard_and_a_minutes_window_cost_at_most_37_dollars() -> None:
    """The cheap spec, at the stated traffic."""
    assert cost({"stream": {"shards": 1}, "processor": {"batchingWindowSeconds": 60}}) <= 37


#: Path, and two values of which the second costs at least as much.
DEARER: tuple[tuple[str, Any, Any], ...] = (
    ("stream.retentionHours", 24, 48),
    ("stream.retentionHours", 168, 400),
    ("stream.shardLevelMetrics", [], ["IncomingRecords"]),
    ("stream.kmsKeyId", "alias/aws/kinesis", "alias/mine"),
    ("processor.batchingWindowSeconds", 300, 60),
    ("processor.batchSize", 10000, 20),
    ("processor.memoryMiB", 256, 1024),
    ("processor.architecture", "arm64", "x86_64"),
    ("anomalyDetection.enabled", False, True),
    ("alarms.enabled", False, True),
    ("alarms.noDataMinutes", None, 30),
    ("dashboard.enabled", False, True),
    ("alerts.emails", [], ["a@example.com"]),
    ("tables.pointInTimeRecovery", False, True),
    ("tables.ttl.pageMetricsDays", 7, 70),
    ("tables.kmsKeyId", None, "alias/mine"),
    ("archive.enabled", False, True),
    ("archive.expirationDays", 91, 365),
    ("deadLetter.kmsKeyId", None, "alias/mine"),
    ("logs.retentionDays", 14, 365),
    ("events.deduplicateSeconds", None, 600),
    ("metrics", [], [{"name": "Sales", "match": {"event_type": "purchase"}}]),
)


@pytest.mark.parametrize(("path", "less", "more"), DEARER)
def test_each_lever_moves_the_cost(path: str, less: Any, more: Any) -> None:
    """What costs is in the estimate: the dearer value makes it dearer."""
    alerts = {"alerts": {"enabled": True}}

    def whole(value: Any) -> float:
        spec = with_value(path, value)
        for name, members in alerts.items():
            spec[name] = {**members, **spec.get(name, {})}
        return cost(spec)

    assert whole(less) < whole(more)


specs = st.fixed_dictionaries(
    {
        "shards": st.integers(1, 40),
        "window": st.integers(0, 300),
        "size": st.integers(1, 10_000),
        "memory": st.integers(128, 2048),
        "retention": st.integers(24, 400),
    }
)
traffics = st.builds(
    Traffic,
    events_per_day=st.integers(0, 50_000_000),
    bytes_per_event=st.integers(50, 20_000),
    pages=st.integers(1, 500),
    event_types=st.integers(1, 60),
    bad_share=st.floats(0, 1),
)


def build(values: dict[str, int]) -> dict[str, Any]:
    """Return the spec of drawn values."""
    return {
        "stream": {"shards": values["shards"], "retentionHours": values["retention"]},
        "processor": {
            "batchingWindowSeconds": values["window"],
            "batchSize": values["size"],
            "memoryMiB": values["memory"],
        },
    }


@settings(max_examples=100, deadline=None)
@given(specs, traffics, st.sampled_from(["shards", "memory", "retention"]), st.integers(1, 50))
def test_more_of_it_never_costs_less(
    values: dict[str, int], traffic: Traffic, name: str, more: int
) -> None:
    """Shards, memory and retention: the cost is monotone in each, whatever the traffic.

    But for the detector's item: with full batches, more lanes share it, and each is smaller.
    """

    def without_detector_item(changed: dict[str, int]) -> float:
        spec = Spec.model_validate(build(changed))
        items = estimate(spec, region=DEFAULT_REGION, traffic=traffic).items
        return sum(item.dollars for item in items if item.what not in ("detector writes", "reads"))

    before = without_detector_item(values)
    assert without_detector_item(values | {name: values[name] + more}) >= before * (1 - 1e-9)


@settings(max_examples=100, deadline=None)
@given(specs, traffics, st.integers(1, 1_000_000))
def test_more_events_never_cost_less(values: dict[str, int], traffic: Traffic, more: int) -> None:
    """The cost is monotone in the traffic, and finite without any."""
    busier = Traffic(
        events_per_day=traffic.events_per_day + more,
        bytes_per_event=traffic.bytes_per_event,
        pages=traffic.pages,
        event_types=traffic.event_types,
        bad_share=traffic.bad_share,
    )
    # Larger batches write fewer units for each event, and never fewer in all.
    assert cost(build(values), busier) >= cost(build(values), traffic) * 0.97


@given(st.floats(0, 1e6), st.integers(1, 500))
def test_distinct_pages_are_at_most_views_and_pages(views: float, pages: int) -> None:
    """No batch touches more pages than it has views, or than there are."""
    assert 0 <= distinct_pages(views, pages) <= min(views, pages) * (1 + 1e-9) + 1e-9


def test_the_start_of_a_container_is_billed() -> None:
    """Since August 2025 Lambda bills the INIT phase: by shard, memory and architecture."""

    def starts(**spec: Any) -> dict[str, float]:
        lines = estimate(Spec.model_validate(spec), region=DEFAULT_REGION, traffic=STATED).items
        return {one.what: one.quantity for one in lines if "INIT" in one.what}

    usual = starts()
    assert set(usual) == {"processor starts (INIT)", "detector starts (INIT)"}
    assert all(0 < quantity < 2000 for quantity in usual.values())
    larger = starts(processor={"memoryMiB": 512})
    assert larger["processor starts (INIT)"] == 2 * usual["processor starts (INIT)"]
    more = starts(stream={"shards": 4})
    assert more["processor starts (INIT)"] == 2 * usual["processor starts (INIT)"]
    assert "detector starts (INIT)" not in starts(anomalyDetection={"enabled": False})


def test_a_collector_costs_what_its_requests_cost() -> None:
    """One to two dollars for a million events a day, at the batches that are assumed."""
    plain, collecting = (
        estimate(Spec.model_validate({"collector": one}), region=DEFAULT_REGION, traffic=STATED)
        for one in ({}, {"enabled": True, "allowedOrigins": ["https://www.example.com"]})
    )
    lines = {one.what: one for one in collecting.items if one.what.startswith("collector")}
    assert set(lines) == {"collector requests", "collector time, starts too"}
    assert lines["collector requests"].quantity == STATED.events / 10
    more = collecting.by_service()
    functions = more["Lambda"] - plain.by_service()["Lambda"]
    assert 0.5 < functions < 1.5
    assert 1 < collecting.dollars - plain.dollars < 6


def test_alarms_are_as_many_as_the_pipeline_has() -> None:
    """The count is that of the alarms that are made."""
    for detector in ("d", None):
        for minutes in (None, 30):
            made = alarm_set(
                processor="p",
                processor_timeout_seconds=60,
                dead_letter_queue="q",
                stream="s",
                iterator_age_seconds=120,
                detector=detector,
                failed_objects_bucket="b",
                no_data_minutes=minutes,
            )
            spec = Spec.model_validate(
                {
                    "anomalyDetection": {"enabled": detector is not None},
                    "alarms": {"noDataMinutes": minutes},
                }
            )
            assert alarm_count(spec) == len(made)


def test_autoscaling_pays_for_the_shards_that_the_traffic_needs() -> None:
    """Within the bounds, at the target utilization."""
    spec = Spec.model_validate({"stream": {"autoscaling": {"minShards": 1, "maxShards": 4}}})
    assert shards_needed(Traffic(events_per_day=100_000_000)) == 2
    shards = [
        flow(spec, Traffic(events_per_day=events)).shards
        for events in (1_000_000, 100_000_000, 100_000_000_000)
    ]
    assert shards == [1, 2, 4]


def test_warm_throughput_is_billed_as_on_demand_advantage() -> None:
    """Without stream hours, at less than half for data and retention, and nothing by itself."""

    def kinesis(**stream: Any) -> dict[str, float]:
        spec = Spec.model_validate({"stream": {"mode": "OnDemand", **stream}})
        found = estimate(spec, region=DEFAULT_REGION, traffic=Traffic(events_per_day=10_000_000))
        return {item.what: item.dollars for item in found.items if item.service == "Kinesis"}

    standard = kinesis(retentionHours=168)
    advantage = kinesis(retentionHours=168, warmThroughputMiBps=50)
    assert standard.keys() - advantage.keys() == {"on-demand stream"}
    assert advantage["data in"] == pytest.approx(0.4 * standard["data in"])
    assert advantage["data out"] == pytest.approx(0.4 * standard["data out"])
    assert advantage["retention to 7 days"] < 0.4 * standard["retention to 7 days"]
    assert kinesis(retentionHours=168, warmThroughputMiBps=500) == advantage


def test_small_objects_do_not_move() -> None:
    """Below 128 KB an object stays where it is, so no move is paid; above, each one is."""
    small = estimate(Spec(), region=DEFAULT_REGION)
    large = estimate(
        Spec.model_validate({"processor": {"batchSize": 10_000, "batchingWindowSeconds": 300}}),
        region=DEFAULT_REGION,
        traffic=Traffic(events_per_day=50_000_000),
    )
    assert not [item for item in small.items if "moves" in item.what]
    moved = {item.what: item.quantity for item in large.items if "moves" in item.what}
    assert set(moved) == {"moves to STANDARD_IA", "moves to GLACIER"}
    assert {item.what for item in large.items if "storage " in item.what} >= {
        "storage STANDARD",
        "storage STANDARD_IA",
        "storage GLACIER",
    }


def test_leaving_a_storage_class_early_is_billed_to_its_minimum() -> None:
    """Ten days in STANDARD_IA before the end cost as 30; what stays pays for its days."""
    large = {"batchSize": 10_000, "batchingWindowSeconds": 300}

    def stored(**archive: Any) -> float:
        spec = Spec.model_validate({"processor": large, "archive": archive})
        traffic = Traffic(events_per_day=50_000_000)
        found = estimate(spec, region=DEFAULT_REGION, traffic=traffic).items
        return next(item.quantity for item in found if item.what == "storage STANDARD_IA")

    at_once = {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 0}]}
    month = stored(**at_once, expirationDays=30)
    assert stored(**at_once, expirationDays=10) == pytest.approx(month)
    assert stored(**at_once, expirationDays=60) == pytest.approx(2 * month)
    late = {"transitions": [{"storageClass": "STANDARD_IA", "afterDays": 355}]}
    assert stored(**late, expirationDays=0) == pytest.approx(month / 3)


def test_provisioned_tables_pay_for_capacity_only() -> None:
    """Write units do not count when capacity is bought by the hour."""
    spec = {
        "tables": {
            "billingMode": "Provisioned",
            "provisioned": {"readUnits": 5, "writeUnits": 25},
        }
    }
    found = estimate(Spec.model_validate(spec), region=DEFAULT_REGION)
    lines = {item.what: item.dollars for item in found.items if item.service == "DynamoDB"}
    assert "page writes" not in lines
    assert lines["write capacity"] == pytest.approx(3 * 25 * 730 * 0.00065)


def test_every_example_has_a_cost() -> None:
    """The manifests that we show can be priced."""
    for path in sorted(EXAMPLES.glob("*.yaml")):
        document_ = yaml.safe_load(path.read_text())
        assert cost(document_.get("spec") or {}) > 10


def test_another_region_says_whose_prices_it_uses() -> None:
    """The estimate of a region without prices of its own carries a mark."""
    here, there = (estimate(Spec(), region=name) for name in ("us-east-1", "eu-west-1"))
    assert there.text() == f"~{here.text()}"
    assert there.region == DEFAULT_REGION
    assert not there.exact_region


def test_prices_are_no_older_than_three_years_and_name_their_source() -> None:
    """Each price has a positive value, a unit, a source, and a date."""
    for prices in document()["regions"].values():
        for name, entry in prices.items():
            assert entry["dollars"] > 0, name
            assert entry["unit"], name
            assert entry["source"], name
            assert (TODAY - date.fromisoformat(entry["date"])).days < 3 * 366, name


def test_every_price_is_used() -> None:
    """The data file holds no price that no estimate asks for."""
    used: set[str] = set()

    class Watched(dict[str, float]):
        def __getitem__(self, name: str) -> float:
            used.add(name)
            return super().__getitem__(name)

    watched = Watched(prices_of(DEFAULT_REGION).dollars)
    classes = (
        "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
    )  # fmt: skip
    everything = [
        {
            "processor": {"batchSize": 10_000, "batchingWindowSeconds": 300, "architecture": arch},
            "stream": {"mode": mode, "autoscaling": {"minShards": 1, "maxShards": 2}}
            if mode == "Provisioned"
            else {"mode": mode, "warmThroughputMiBps": warm},
            "tables": {"billingMode": billing, "provisioned": {"readUnits": 1, "writeUnits": 1}},
            "alerts": {"enabled": True, "emails": ["a@example.com"]},
            "archive": {
                "transitions": [
                    {"storageClass": name, "afterDays": 30 * place}
                    for place, name in enumerate(classes, 1)
                ]
            },
        }
        for arch, mode, warm, billing in (
            ("arm64", "Provisioned", None, "OnDemand"),
            ("x86_64", "OnDemand", None, "Provisioned"),
            ("x86_64", "OnDemand", 50, "Provisioned"),
        )
    ]
    for spec in everything:
        model = _Model(
            Spec.model_validate(spec),
            Traffic(events_per_day=90_000_000),
            Prices(DEFAULT_REGION, watched),
        )
        list(model.items())
    assert set(watched) == used


def test_status_and_plan_carry_the_cost() -> None:
    """The estimate is in the status, in a plan with changes, and not in an empty one."""
    now = datetime(2026, 11, 23)  # noqa: DTZ001 - any time will do
    plan = Plan(hash="h", changes=[PlanChange(action="update", resource="stream")])
    report = ReconcileResult(
        generation=1,
        entries=(),
        gating=frozenset(),
        effective=Effective(region="us-east-1"),
        plan=plan,
        monthly_cost="76.96",
    )
    status = compose(Status(), report, now=now)
    assert status.estimated_monthly_cost == "76.96"
    assert status.plan is not None
    assert status.plan.cost_per_month == "76.96"
    empty = ReconcileResult(1, (), frozenset(), None, plan=Plan(serial=1))
    later = compose(status, empty, now=now)
    assert later.estimated_monthly_cost == "76.96"
    assert later.plan is not None
    assert later.plan.cost_per_month == ""


def test_requests_are_those_of_the_lines() -> None:
    """Write units of the estimate are those that `requests` counts."""
    made = requests(Spec(), STATED)
    lines = estimate(Spec(), region=DEFAULT_REGION).items
    assert sum(item.quantity for item in lines if item.unit == "write units") == pytest.approx(
        made.writes
    )


def test_page_says_what_the_model_says() -> None:
    """The sums in the page on cost are those of the model."""
    page = (Path(__file__).parents[3] / "docs" / "concepts" / "cost.md").read_text()
    cheap = {"stream": {"shards": 1}, "processor": {"batchingWindowSeconds": 60}}
    middle = {"processor": {"batchingWindowSeconds": 30}}
    for title, spec in (("5 s window", {}), ("30 s window", middle), ("60 s window", cheap)):
        (row,) = [line for line in page.splitlines() if line.startswith("|") and title in line]
        assert f"| {cost(spec):.2f} |" in row
    assert f"\n{cost({}):.2f}\n" in page
