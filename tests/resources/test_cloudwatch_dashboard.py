"""Dashboard: compared as data, and made of metrics that exist."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from clickstream_operator.pipeline.dashboard import Subject, dashboard_body
from clickstream_operator.resources.cloudwatch_dashboard import Dashboard
from clickstream_operator.resources.cloudwatch_dashboard_widgets import described, mark
from tests.resources.conftest import Cloud, DeleteTwice

SUBJECT = Subject(
    name="shop",
    namespace="analytics",
    environment="dev",
    region="us-east-1",
    base="shop-a1b2c3d4",
    stream="shop-events",
    processor="shop-processor",
    detector="shop-detector",
    tables={
        "pages": "shop-page-metrics",
        "sessions": "shop-session-metrics",
        "counters": "shop-counters",
    },
    bucket="shop-archive",
    dead_letter_queue="shop-dead-letter",
    duration_limits={"processor": 48000.0, "detector": 24000.0},
    alarms=("arn:aws:cloudwatch:us-east-1:123456789012:alarm:shop-processor-errors",),
)


def body(**changes: Any) -> dict[str, Any]:
    """The body of a pipeline with everything, but for `changes`."""
    return dashboard_body(replace(SUBJECT, **changes))


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


OTHERS: list[dict[str, Any]] = [
    {"type": "text", "x": 0, "y": 0, "width": 3, "height": 2, "properties": {"markdown": "Hi"}},
    {
        "type": "metric",
        "properties": {"metrics": [["Shop", "Orders", {"id": "orders"}]], "region": "us-east-1"},
    },
    {"type": "alarm", "properties": {"alarms": ["arn:aws:cloudwatch:us-east-1:1:alarm:a"]}},
]


async def stored(cloud: Cloud) -> dict[str, Any]:
    """The body as CloudWatch has it."""
    answer = await cloud.session.call("cloudwatch", "get_dashboard", DashboardName="shop")
    return dict(json.loads(answer["DashboardBody"]))


async def store(cloud: Cloud, content: dict[str, Any]) -> None:
    """Write the dashboard as somebody else does."""
    await cloud.session.call(
        "cloudwatch", "put_dashboard", DashboardName="shop", DashboardBody=json.dumps(content)
    )


async def test_widgets_and_settings_of_others_stay(cloud: Cloud) -> None:
    """They are no drift, and a change of ours keeps them as they are."""
    await cloud.converge(dashboard(cloud, body(detector=None)))
    found = await stored(cloud)
    theirs = {"start": "-PT6H", "periodOverride": "inherit"}
    await store(cloud, {**theirs, "widgets": [OTHERS[0], *found["widgets"], *OTHERS[1:]]})
    assert not await cloud.difference(dashboard(cloud, body(detector=None)))
    assert await cloud.converge(dashboard(cloud, body())) == ["put_dashboard"]
    after = await stored(cloud)
    assert [one for one in after["widgets"] if mark(one) is None] == OTHERS
    assert {key: after[key] for key in theirs} == theirs
    assert described(after["widgets"][:19]).keys() == described(body()["widgets"]).keys()


async def test_a_widget_of_ours_is_put_back_beside_those_of_others(cloud: Cloud) -> None:
    """Changed, copied or removed, it comes back; what another made stays."""
    one = dashboard(cloud, body())
    await cloud.converge(one)
    whole = await stored(cloud)
    changed = copy.deepcopy(whole["widgets"])
    changed[3]["properties"]["stat"] = "Minimum"
    for widgets in (changed, whole["widgets"][1:], [*whole["widgets"], whole["widgets"][2]], []):
        await store(cloud, {"widgets": [*widgets, *OTHERS]})
        assert (await cloud.difference(one)).paths == ("body",)
        assert await cloud.converge(one) == ["put_dashboard"]
        after = (await stored(cloud))["widgets"]
        assert [widget for widget in after if mark(widget) is None] == OTHERS
        assert [mark(widget) for widget in after if mark(widget)] == [
            mark(widget) for widget in whole["widgets"]
        ]
        assert after[3]["properties"] == whole["widgets"][3]["properties"]


async def test_places_are_ours_only_on_a_dashboard_of_ours(cloud: Cloud) -> None:
    """Alone, a moved widget goes back; with widgets of others it stays where they moved it."""
    one = dashboard(cloud, body())
    await cloud.converge(one)
    moved = copy.deepcopy((await stored(cloud))["widgets"])
    for widget in moved:
        widget["y"] += 9
    await store(cloud, {"widgets": moved})
    assert (await cloud.difference(one)).paths == ("body",)
    await store(cloud, {"widgets": [*moved, OTHERS[0]]})
    assert not await cloud.difference(one)
    changed = dashboard(cloud, body(environment="prod"))
    await cloud.converge(changed)
    after = (await stored(cloud))["widgets"]
    assert [widget["y"] for widget in after] == [*(widget["y"] for widget in moved), 0]


async def test_what_the_console_rewrites_is_no_difference(cloud: Cloud) -> None:
    """Order of widgets and members, dots for repeated names, left-out and written-out defaults."""
    one = dashboard(cloud, body())
    await cloud.converge(one)
    widgets = [dict(reversed(widget.items())) for widget in reversed(body()["widgets"])]
    for widget in widgets:
        properties = dict(widget["properties"])
        if properties.get("title") == "Errors and throttles":
            first, second, third, fourth = properties["metrics"]
            properties["metrics"] = [
                first,
                [".", "Errors", ".", *second[3:]],
                [".", "Throttles", "FunctionName", *third[3:]],
                fourth,
            ]
        if properties.get("title") == "Write units of the tables":
            first, second, third = properties["metrics"]
            properties["metrics"] = [first, ["...", *second[3:]], ["...", *third[3:]]]
        if properties.get("view") == "timeSeries":
            del properties["view"]
            if not properties["stacked"]:
                del properties["stacked"]
            if properties["period"] == 300:
                del properties["period"]
        if widget["height"] == 6:
            del widget["height"]
        widget["properties"] = properties
    await store(cloud, {"widgets": widgets})
    assert not await cloud.difference(one)


def test_every_widget_has_a_mark_of_its_own() -> None:
    """By which it is told from those of others, and that CloudWatch keeps."""
    marks = [mark(widget) for widget in body()["widgets"]]
    assert len(set(marks)) == len(marks) == 19
    # "Must start with a lowercase letter; letters, numbers and underscores."
    assert all(re.fullmatch(r"clickstream_[a-z0-9_]+", str(one)) for one in marks)


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = dashboard(cloud, body())
    await cloud.converge(one)
    assert await delete_twice(one) is None


def charts(**changes: Any) -> dict[str, dict[str, Any]]:
    """Properties of the charts, by title."""
    found = (one["properties"] for one in body(**changes)["widgets"] if one["type"] == "metric")
    return {one["title"]: one for one in found}


def test_numbers_come_before_parts() -> None:
    """What the events say, then the alarms, then how functions, stream and tables do."""
    text, *others = body()["widgets"]
    assert text["properties"]["markdown"].startswith("# analytics/shop (dev)\n")
    assert "`kubectl clickstream report shop -n analytics`" in text["properties"]["markdown"]
    assert [one["properties"]["title"] for one in others] == [
        "Events",
        "Page views",
        "Bad rows",
        "Incidents",
        "Lag",
        "Dead letters",
        "Events by type",
        "Events by type and day, 14 days",
        "Alarms, kept by clickstream-operator",
        "Age of the events read, s",
        "Duration, ms",
        "Errors and throttles",
        "Runs",
        "Records of the stream",
        "Records refused by the stream",
        "Bad rows, dead letters, lost batches",
        "Write units of the tables",
        "Incidents by rule",
    ]
    assert {one["region"] for one in charts().values()} == {"us-east-1"}


def test_a_search_finds_types_and_rules_that_nobody_knows_before() -> None:
    """The ten most frequent types; by day over fourteen days, whatever the dashboard shows."""
    found = charts()
    assert found["Events by type"]["metrics"] == [
        [
            {
                "expression": "SORT(SEARCH('{Clickstream/Events,Pipeline,EventType} "
                'MetricName="EventsProcessed" Pipeline="shop-a1b2c3d4"\', \'Sum\', 300), '
                "SUM, DESC, 10)",
                "label": "${PROP('Dim.EventType')}",
                "id": "clickstream_events",
            }
        ]
    ]
    days = found["Events by type and day, 14 days"]
    assert (days["period"], days["start"], days["end"]) == (86400, "-P14D", "P0D")
    assert "'Sum', 86400)" in days["metrics"][0][0]["expression"]


@pytest.mark.parametrize("types", [["page_view"], ["page", "screen"], []])
def test_page_views_are_the_types_that_the_spec_counts(types: list[str]) -> None:
    """Their sum; without such a type there is no number to show."""
    found = charts(page_view_types=types).get("Page views")
    if found is None:
        assert not types
        return
    total, *parts = found["metrics"]
    assert [one[5] for one in parts] == types
    assert total[0]["expression"] == " + ".join(f"FILL(v{n}, 0)" for n in range(len(types)))


def test_thresholds_are_those_of_the_alarms() -> None:
    """As lines in the unit of the axis: seconds of lag, milliseconds of duration."""
    found = charts(lag_seconds=300)
    lines = {
        title: {line["label"]: line["value"] for line in one["annotations"]["horizontal"]}
        for title, one in found.items()
        if "annotations" in one
    }
    assert lines == {
        "Age of the events read, s": {"alarm": 300},
        "Duration, ms": {"alarm of the processor": 48000, "alarm of the detector": 24000},
        "Errors and throttles": {"alarm": 1},
    }


def test_pipeline_without_detector_has_no_incidents() -> None:
    """And names no function that is not there."""
    text = repr(body(detector=None, alarms=()))
    assert "Incidents" not in text
    assert "detector" not in text
    assert "Alarms" not in text


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
