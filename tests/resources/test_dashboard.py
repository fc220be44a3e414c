"""Dashboard: compared as data, and made of metrics that exist."""

from __future__ import annotations

from typing import Any

from clickstream_operator.resources.dashboard import Dashboard
from clickstream_operator.resources.dashboard_body import dashboard_body
from tests.resources.conftest import Cloud, GoneTwice


def body(**changes: Any) -> dict[str, Any]:
    """The body of a pipeline with everything, but for `changes`."""
    settings: dict[str, Any] = {
        "region": "us-east-1",
        "title": "shop (dev)",
        "base": "shop-a1b2c3d4",
        "stream": "shop-events",
        "processor": "shop-processor",
        "detector": "shop-detector",
        "tables": ["shop-page-metrics", "shop-session-metrics", "shop-counters"],
        "dead_letter_queue": "shop-dead-letter",
    }
    return dashboard_body(**settings | changes)


def dashboard(cloud: Cloud, content: dict[str, Any]) -> Dashboard:
    """The dashboard with `content`; its tags are tried in the sandbox, moto has none."""
    return Dashboard(
        calls=cloud.calls,
        place=cloud.place,
        body=content,
        name="dashboard",
        physical_name="shop",
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    one = dashboard(cloud, body())
    assert await cloud.converge(one) == ["put_dashboard"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_dashboard"]
    assert observed.arn == "arn:aws:cloudwatch::123456789012:dashboard/shop"


async def test_body_changes_and_comes_back(cloud: Cloud) -> None:
    """A changed body is named, takes one call, and reverts."""
    await cloud.converge(dashboard(cloud, body()))
    changed = dashboard(cloud, body(detector=None))
    assert (await cloud.difference(changed)).paths == ("body",)
    assert await cloud.converge(changed) == ["put_dashboard"]
    assert await cloud.converge(dashboard(cloud, body())) == ["put_dashboard"]


async def test_text_of_equal_meaning_is_no_difference(cloud: Cloud) -> None:
    """CloudWatch may store other white space."""
    one = dashboard(cloud, {"widgets": []})
    await cloud.session.call(
        "cloudwatch", "put_dashboard", DashboardName="shop", DashboardBody='{ "widgets" : [ ] }'
    )
    assert not await cloud.difference(one)


async def test_deletion(cloud: Cloud, goes_twice: GoneTwice) -> None:
    """Gone, and gone again."""
    one = dashboard(cloud, body())
    await cloud.converge(one)
    await goes_twice(one)


def test_widgets() -> None:
    """The original's three first, then what it could not show."""
    charts = [one for one in body()["widgets"] if one["type"] == "metric"]
    assert [one["properties"]["title"] for one in charts] == [
        "Events Processed by Type",
        "Lambda Performance",
        "Kinesis Stream Throughput",
        "Iterator Age",
        "Errors and Throttles",
        "Bad Rows",
        "Dead-Letter Depth",
        "DynamoDB Write Units",
        "Anomalies",
    ]
    assert charts[0]["properties"]["metrics"] == [
        [
            {
                "expression": "SEARCH('{Clickstream/Events,Pipeline,EventType} "
                'MetricName="EventsProcessed" Pipeline="shop-a1b2c3d4"\', \'Sum\', 300)',
                "id": "events",
            }
        ]
    ]
    assert charts[6]["properties"]["metrics"] == [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "shop-dead-letter"]
    ]
    assert {one["properties"]["region"] for one in charts} == {"us-east-1"}


def test_pipeline_without_detector_has_no_anomalies() -> None:
    """And names no function that is not there."""
    text = repr(body(detector=None))
    assert "Anomalies" not in text
    assert "detector" not in text


def test_widgets_do_not_overlap() -> None:
    """Every cell of the grid of 24 columns has one owner."""
    cells: set[tuple[int, int]] = set()
    for one in body()["widgets"]:
        mine = {
            (x, y)
            for x in range(one["x"], one["x"] + one["width"])
            for y in range(one["y"], one["y"] + one["height"])
        }
        assert not cells & mine
        assert max(x for x, _ in mine) < 24
        cells |= mine
