"""The generated page of costs: what some pipelines cost, the lines behind it, and every price."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cost.estimate import STATED, estimate
from clickstream_operator.cost.prices import DEFAULT_REGION, document
from clickstream_operator.cost.traffic import SECONDS, Traffic, shards_needed
from docs.generator.markdown import page, table

_VOLUMES: Final = (1_000_000, 10_000_000, 100_000_000)
_SPECS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("`spec: {}` (2 shards, 5 s window)", {}),
    ("2 shards, 30 s window", {"processor": {"batchingWindowSeconds": 30}}),
    ("1 shard, 60 s window", {
        "stream": {"shards": 1}, "processor": {"batchingWindowSeconds": 60},
    }),
    ("1 shard, 300 s window, batches of 10,000", {
        "stream": {"shards": 1},
        "processor": {"batchingWindowSeconds": 300, "batchSize": 10_000, "timeoutSeconds": 300},
        "alarms": {"iteratorAgeSeconds": 900},
    }),
    ("on-demand stream, 60 s window", {
        "stream": {"mode": "OnDemand"}, "processor": {"batchingWindowSeconds": 60},
    }),
    ("on-demand stream with warm throughput, 60 s window", {
        "stream": {"mode": "OnDemand", "warmThroughputMiBps": 10},
        "processor": {"batchingWindowSeconds": 60},
    }),
)  # fmt: skip
#: MiB a second, in and out, for which On-demand Advantage bills an account at least (Kinesis Data
#: Streams pricing).
_ADVANTAGE_MIBPS: Final = 25


def cost_page() -> str:
    """Sums, lines and prices."""
    return page("Cost: sums, lines and prices", "\n\n".join(part.rstrip() for part in _parts()))


def _parts() -> Iterable[str]:
    yield "What a pipeline costs; [Cost](../concepts/cost.md) says how it is reckoned."
    yield "## Dollars a month\n\nus-east-1, list prices, without free tier."
    yield _sums()
    yield (
        "Warm throughput needs On-demand Advantage, which bills all on-demand streams of the "
        f"account and region for at least {_ADVANTAGE_MIBPS} MiB a second in and out: "
        f"{_advantage_minimum():,.0f} dollars a month, which no row has."
    )
    yield "A dash: more shards are needed than the row has, even for traffic without peaks."
    for title, number in (("Lines of `spec: {}`", 0), ("Lines of 1 shard, 60 s window", 2)):
        found = estimate(Spec.model_validate(_SPECS[number][1]), region=DEFAULT_REGION)
        yield f"## {title}\n\nAt a million events a day: {found.dollars:.2f} dollars."
        rows = [
            (item.service, item.what, f"{item.quantity:,.1f}", item.unit, f"{item.dollars:.2f}")
            for item in found.items
        ]
        yield table(("service", "what", "a month", "unit", "dollars"), rows)
    yield "## Traffic\n\nWhat the estimate assumes besides the events a day."
    yield table(
        ("assumption", "value"),
        [
            ("bytes of an event", f"{STATED.bytes_per_event}"),
            ("events of a session", f"{STATED.events_per_session:g}"),
            ("seconds that a session lasts", f"{STATED.session_seconds:g}"),
            ("pages in use, Zipf with exponent 0.8", f"{STATED.pages}"),
            ("share of page views", f"{STATED.page_view_share:.0%}"),
            ("event types", f"{STATED.event_types}"),
            ("bad rows", f"{STATED.bad_share:.0%}"),
        ],
    )
    yield "## Prices"
    for region, prices in document()["regions"].items():
        yield f"{region}, dollars for one unit."
        rows = [
            (f"`{name}`", f"{one['dollars']:.10f}".rstrip("0").rstrip("."), one["unit"],
             one["source"], one["date"])
            for name, one in prices.items()
        ]  # fmt: skip
        yield table(("price", "dollars", "unit", "source", "date"), rows)


def _advantage_minimum() -> float:
    prices = document()["regions"][DEFAULT_REGION]
    written = _ADVANTAGE_MIBPS * 1024**2 * SECONDS / 1e9
    names = ("kinesis.advantageInGB", "kinesis.advantageOutGB")
    return written * sum(float(prices[name]["dollars"]) for name in names)


def _sums() -> str:
    rows = []
    for title, members in _SPECS:
        spec = Spec.model_validate(members)
        sums = []
        for volume in _VOLUMES:
            traffic = Traffic(events_per_day=volume)
            fits = spec.stream.mode == "OnDemand" or shards_needed(traffic) <= spec.stream.shards
            found = estimate(spec, region=DEFAULT_REGION, traffic=traffic)
            sums.append(f"{found.dollars:,.2f}" if fits else "-")
        rows.append((title, *sums))
    return table(("spec", *(f"{volume // 1_000_000}M events a day" for volume in _VOLUMES)), rows)
