"""Runs of a deployed processor that show the effect of a field: its code on stores in memory."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from clickstream_layout.tables import LANE
from tests.lambdas.memory_aws import epoch
from tests.lambdas.pipelines import Pipeline, encode, event, invocation
from tests.reliability.probes.registry import levels, probe
from tests.zstd import provide_zstd


def process(pipeline: Pipeline, *documents: dict[str, Any]) -> None:
    """Give one batch to the processor."""
    pipeline.processor().process(invocation(encode(documents)))


def archived(pipeline: Pipeline, *documents: dict[str, Any], prefix: str = "raw/") -> list[Any]:
    """The lines that a batch leaves in the archive."""
    process(pipeline, *documents)
    return [
        json.loads(line)
        for key, (body, _) in sorted(pipeline.s3.objects.items())
        if key.startswith(prefix)
        for line in gzip.decompress(body).splitlines()
    ]


def counters(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Counter items, without the lanes and incidents that live beside them."""
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    return [item for item in items if item["metric_name"]["S"].startswith("events_per_minute_")]


def pages(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Page items."""
    return pipeline.dynamodb.items(pipeline.config.tables.page_metrics)


def sessions(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Session items."""
    return pipeline.dynamodb.items(pipeline.config.tables.session_metrics)


def lifetime(item: dict[str, Any], since: str) -> float:
    """Hours from a time to an item's end."""
    return (int(item["ttl"]["N"]) - epoch(since)) / 3600


@probe
def log_levels(pipeline: Pipeline) -> Any:
    """One good batch is worth one INFO line."""
    process(pipeline, event())
    return levels(pipeline)


@probe
def lane_lifetime(pipeline: Pipeline) -> Any:
    """The lane's item counts from the arrival."""
    process(pipeline, event())
    items = pipeline.dynamodb.items(pipeline.config.tables.counters)
    (lane,) = [item for item in items if item["metric_name"]["S"] == LANE]
    return lifetime(lane, "2026-11-23T12:00:30")


@probe
def largest_event(pipeline: Pipeline) -> Any:
    """An event of 1.5 MiB is taken, or it is a bad row."""
    process(pipeline, event(padding="x" * 1_572_864))
    return 2048 if counters(pipeline) else 1024


@probe
def counted_types(pipeline: Pipeline) -> Any:
    """Two members could be the type."""
    process(pipeline, event(event_type="click", kind="other_click"))
    return [
        item["metric_name"]["S"].removeprefix("events_per_minute_") for item in counters(pipeline)
    ]


@probe
def counted_sessions(pipeline: Pipeline) -> Any:
    """Two members could be the session."""
    process(pipeline, event(other_session_id="session-2"))
    return [item["session_id"]["S"] for item in sessions(pipeline)]


@probe
def hashed_members(pipeline: Pipeline) -> Any:
    """Two members could be the user id; it is the only one that is hashed."""
    (line,) = archived(pipeline, event(user_id="user-456", other_user_id="user-789"))
    return [name for name, value in line.items() if str(value).startswith("u_")]


@probe
def counted_minutes(pipeline: Pipeline) -> Any:
    """Two members could be the time."""
    process(pipeline, event(other_timestamp="2026-11-23T11:30:00Z"))
    return [item["time_window"]["S"].partition("#")[0] for item in counters(pipeline)]


@probe
def counted_pages(pipeline: Pipeline) -> Any:
    """Two members could be the page."""
    process(pipeline, event(other_page_url="/other"))
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def keys_of_a_page(pipeline: Pipeline) -> Any:
    """One view of a page whose URL has all that settings are about."""
    url = "https://shop.example/A/./b/#/C/"
    process(pipeline, event(page_url=url, tenant_site="north"))
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def classes_of_agents(pipeline: Pipeline) -> Any:
    """A person's event with all that may say otherwise, and a robot's."""
    person = event(user_agent="Mozilla/5.0 probe", verdict="likely", hints='"HeadlessChrome";v="9"')
    robot = event(user_agent="acme-agent/1")
    lines = archived(pipeline, person, robot)
    return [line["_clickstream"].get("class", "Human") for line in lines]


@probe
def channel_of_a_view(pipeline: Pipeline) -> Any:
    """A page view from another domain."""
    view = event(page_url="https://shop.example/a", referrer="https://www.partner.example/b")
    return [line["_clickstream"].get("channel") for line in archived(pipeline, view)]


@probe
def views_of_a_repeat(pipeline: Pipeline) -> Any:
    """An event that was sent twice with one id."""
    process(pipeline, *[event(event_id="e-1")] * 2)
    return sum(int(item["view_count"]["N"]) for item in pages(pipeline))


@probe
def agents_of_sessions(pipeline: Pipeline) -> Any:
    """Two members could be the user agent."""
    process(pipeline, event(user_agent="agent/1", other_user_agent="agent/2"))
    return [item["user_agent"]["S"] for item in sessions(pipeline)]


@probe
def members_of_addresses(pipeline: Pipeline) -> Any:
    """Two members could be the address; the one that is goes, the other's text is redacted."""
    (line,) = archived(pipeline, event(ip_address="192.168.1.100", other_ip_address="10.1.2.3"))
    return [name for name in line if name.endswith("ip_address")]


@probe
def stripped_members(pipeline: Pipeline) -> Any:
    """Two members could be the referrer; the one that is loses its fragment.

    In other members only URLs and `name=value` lose what follows a `#`.
    """
    place = "landing#top"
    (line,) = archived(pipeline, event(referrer=place, other_referrer=place))
    return [name for name in line if line[name] == "landing"]


def reasons(pipeline: Pipeline, time: str) -> Any:
    """Why an event of a time is refused."""
    return [row["reason"] for row in archived(pipeline, event(timestamp=time), prefix="bad/")]


@probe
def archived_ids(pipeline: Pipeline) -> Any:
    """Two members could be the id; the archive's own member has the one that is."""
    list(archived(pipeline, event(event_id="first", other_event_id="second")))
    return [each.event_id for each in pipeline.readback().archived_events()]


@probe
def corrected_minutes(pipeline: Pipeline) -> Any:
    """Sent by a clock that is three minutes ahead of the arrival, 12:00:30."""
    process(pipeline, event(sent="2026-11-23T12:03:30Z"))
    return [item["time_window"]["S"].partition("#")[0] for item in counters(pipeline)]


@probe
def screens(pipeline: Pipeline) -> Any:
    """A screen, which some producers send in place of a page view."""
    process(pipeline, event(event_type="screen", page_url="/screen"))
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def viewed_calls(pipeline: Pipeline) -> Any:
    """A call as Segment writes it."""
    call = {
        "type": "page", "anonymousId": "device-1", "timestamp": "2026-11-23T12:00:00Z",
        "context": {"page": {"url": "https://shop.example/call"}},
    }  # fmt: skip
    process(pipeline, call)
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def viewed_in_batches(pipeline: Pipeline) -> Any:
    """A batch of one event."""
    process(pipeline, {"batch": [event(page_url="/batch")]})
    return [item["page_url"]["S"] for item in pages(pipeline)]


@probe
def reasons_of_an_event_without_time(pipeline: Pipeline) -> Any:
    """Nothing but the record says when it was."""
    process(pipeline, event(timestamp=None))
    return [row.reason for row in pipeline.readback().bad_rows()]


@probe
def reasons_of_a_late_event(pipeline: Pipeline) -> Any:
    """Two hours before its arrival."""
    return reasons(pipeline, "2026-11-23T10:00:00Z")


@probe
def reasons_of_an_early_event(pipeline: Pipeline) -> Any:
    """Five minutes after its arrival."""
    return reasons(pipeline, "2026-11-23T12:05:00Z")


@probe
def archived_address(pipeline: Pipeline) -> Any:
    """The address as it is archived."""
    (line,) = archived(pipeline, event(ip_address="192.168.1.100"))
    return line.get("ip_address")


@probe
def archived_user(pipeline: Pipeline) -> Any:
    """The user id as it is archived."""
    (line,) = archived(pipeline, event(user_id="user-456"))
    hashed = str(line.get("user_id")).startswith("u_")
    return "a keyed hash" if hashed else line.get("user_id")


@probe
def archived_page(pipeline: Pipeline) -> Any:
    """The page as it is archived."""
    (line,) = archived(pipeline, event(page_url="/products?utm_source=mail&lang=nl"))
    return line["page_url"]


@probe
def archived_plan(pipeline: Pipeline) -> Any:
    """A member that no setting names by default."""
    (line,) = archived(pipeline, event(plan="gold"))
    return line.get("plan")


@probe
def archived_objects(pipeline: Pipeline) -> Any:
    """Objects of one batch."""
    process(pipeline, event())
    return sum(key.startswith("raw/") for key in pipeline.s3.objects)


@probe
def archive_suffixes(pipeline: Pipeline) -> Any:
    """How the keys of one batch end."""
    with pytest.MonkeyPatch.context() as patch:
        provide_zstd(patch)
        process(pipeline, event())
    return [re.sub(r"^.*?(?=\.jsonl)", "", key) for key in pipeline.s3.objects]


@probe
def page_lifetime(pipeline: Pipeline) -> Any:
    """Days from a page item's hour to its end."""
    process(pipeline, event())
    return lifetime(pages(pipeline)[0], "2026-11-23T12:00:00") / 24


@probe
def session_lifetime(pipeline: Pipeline) -> Any:
    """Hours from a session's last event to its end."""
    process(pipeline, event())
    return lifetime(sessions(pipeline)[0], "2026-11-23T12:00:00")


@probe
def counter_lifetime(pipeline: Pipeline) -> Any:
    """Hours from a counter's minute to its end."""
    process(pipeline, event())
    return lifetime(counters(pipeline)[0], "2026-11-23T12:00:00")


def metric_lines(pipeline: Pipeline) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Lines of metrics that are not the pipeline's own, each with its directive."""
    process(
        pipeline,
        event(event_type="purchase", amount=5, product="shoe"),
        event(event_type="purchase", amount=7, product="hat"),
        event(event_type="purchase", amount=9, product="shoe"),
        event(event_type="click", amount=11, product="shoe"),
    )
    lines = [line for line in map(json.loads, pipeline.lines) if "_aws" in line]
    both = [(line, line["_aws"]["CloudWatchMetrics"][0]) for line in lines]
    return [(line, one) for line, one in both if one["Namespace"] != "Clickstream/Events"]


@probe
def metric_names(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Metrics"][0]["Name"] for _, one in metric_lines(pipeline)]


@probe
def metric_namespaces(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Namespace"] for _, one in metric_lines(pipeline)]


@probe
def metric_units(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Metrics"][0]["Unit"] for _, one in metric_lines(pipeline)]


@probe
def metric_dimensions(pipeline: Pipeline) -> Any:
    """By the directive."""
    return [one["Dimensions"][0] for _, one in metric_lines(pipeline)]


@probe
def metric_products(pipeline: Pipeline) -> Any:
    """Values of a dimension."""
    return sorted(line["product"] for line, _ in metric_lines(pipeline))


@probe
def metric_values(pipeline: Pipeline) -> Any:
    """Values of the metric of the rows."""
    found = [line["Sales"] for line, _ in metric_lines(pipeline) if "Sales" in line]
    return [value for one in found for value in (one if isinstance(one, list) else [one])]
