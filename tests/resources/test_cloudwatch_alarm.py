"""Alarms: exactly those of the API, one read for all of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.engine.resource import Diff, Observed
from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.resources.cloudwatch_alarm import (
    Alarm,
    AlarmDefinition,
    _alarm_properties,
)
from tests.resources.conftest import TAGS, Cloud, DeleteTwice

TOPIC = "arn:aws:sns:us-east-1:123456789012:shop-alerts"
#: What DescribeAlarms tells of any alarm.
MINIMAL = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
SETTINGS = {"WarmUpConfiguration", "ActionConfiguration"}
FUNCTION_ALARMS = ("iterator-age", "errors", "throttles", "duration")


def definitions(**changes: Any) -> tuple[AlarmDefinition, ...]:
    """The alarms of a pipeline with everything, but for `changes`."""
    settings: dict[str, Any] = {
        "processor": "shop-processor",
        "processor_timeout_seconds": 60,
        "detector": "shop-detector",
        "detector_timeout_seconds": 30,
        "base": "shop",
        "dead_letter_queue": "shop-dead-letter",
        "stream": "shop-events",
        "iterator_age_seconds": 120,
        "failed_objects_bucket": "shop-archive",
        "no_data_minutes": 15,
    }
    return alarm_set(**settings | changes)


def alarm(cloud: Cloud, definition: AlarmDefinition, *actions: str, **changes: Any) -> Alarm:
    """One alarm of the set, but for `changes`."""
    return Alarm(
        calls=cloud.calls,
        place=cloud.place,
        definition=definition,
        alarm_prefix="shop-",
        action_arns=actions,
        name=definition.key,
        physical_name=f"shop-{definition.key}",
        tags=TAGS,
        gates_ready=False,
        **changes,
    )


def test_names() -> None:
    """The names of the API, no more and no less."""
    assert [one.key for one in definitions()] == [
        *(f"processor-{name}" for name in FUNCTION_ALARMS),
        *(f"detector-{name}" for name in FUNCTION_ALARMS),
        "balance",
        "dead-letter-depth",
        "failed-objects",
        "no-data",
    ]
    lean = definitions(detector=None, failed_objects_bucket=None, no_data_minutes=None)
    assert [one.key for one in lean] == [
        *(f"processor-{name}" for name in FUNCTION_ALARMS),
        "dead-letter-depth",
    ]


def test_thresholds() -> None:
    """Milliseconds for Lambda, a share of the timeout, silence only where it is the fault."""
    by_key = {one.key: one for one in definitions()}
    assert by_key["processor-iterator-age"].threshold == 120_000
    assert by_key["processor-duration"].threshold == 48_000
    assert by_key["detector-duration"].threshold == 24_000
    assert by_key["detector-errors"].dimensions == {"FunctionName": "shop-detector"}
    assert by_key["no-data"].evaluation_periods == 15
    breaching = {key for key, one in by_key.items() if one.missing_data == "breaching"}
    assert breaching == {"no-data"}


def test_evaluation_fits_into_cloudwatch() -> None:
    """Periods of whole minutes, at most a day in all, and datapoints that can be met."""
    for one in definitions(no_data_minutes=1440):
        assert one.period_seconds % 60 == 0
        assert one.period_seconds * one.evaluation_periods <= 86400
        assert 1 <= one.datapoints <= one.evaluation_periods


@pytest.mark.parametrize("definition", definitions(), ids=lambda one: one.key)
async def test_creation_settles(cloud: Cloud, definition: AlarmDefinition) -> None:
    """One write, one read, and then rest; with tags and actions."""
    one = alarm(cloud, definition, TOPIC)
    assert await cloud.converge(one) == ["put_metric_alarm"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["describe_alarms"]
    assert observed.arn == cloud.place.alarm(f"shop-{definition.key}")
    assert dict(await one.read_tags(observed)) == TAGS


async def test_alarms_share_one_read(cloud: Cloud) -> None:
    """Twelve alarms, one DescribeAlarms."""
    alarms = [alarm(cloud, one) for one in definitions()]
    for one in alarms:
        await one.create(one.desired({}))
    cloud.forget()
    await asyncio.gather(*(one.observe(full=True) for one in alarms))
    assert cloud.reads == ["describe_alarms"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"description": "Another"}, "description"),
        ({"threshold": 5.0}, "threshold"),
        ({"period_seconds": 300}, "periodSeconds"),
        ({"evaluation_periods": 10}, "evaluationPeriods"),
        ({"datapoints": 1}, "datapoints"),
        ({"statistic": "Average"}, "metric.statistic"),
        ({"metric": "Errors"}, "metric.name"),
        ({"dimensions": {"FunctionName": "x"}}, "metric.dimensions"),
        ({"comparison": "LessThanThreshold"}, "comparison"),
        ({"missing_data": "breaching"}, "missingData"),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str
) -> None:
    """A changed field is named, takes one call, and reverts."""
    first = definitions()[0]
    await cloud.converge(alarm(cloud, first))
    changed = alarm(cloud, replace(first, **changes))
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == ["put_metric_alarm"]
    await cloud.settled(changed)
    assert await cloud.converge(alarm(cloud, first)) == ["put_metric_alarm"]


async def test_actions_change_and_come_back(cloud: Cloud) -> None:
    """Alarm and recovery are told to the same."""
    first = definitions()[0]
    await cloud.converge(alarm(cloud, first))
    changed = alarm(cloud, first, TOPIC)
    assert (await cloud.difference(changed)).paths == ("actions.alarm", "actions.ok")
    assert await cloud.converge(changed) == ["put_metric_alarm"]
    assert await cloud.converge(alarm(cloud, first)) == ["put_metric_alarm"]


async def test_switched_off_actions_are_drift(cloud: Cloud) -> None:
    """A muted alarm is found."""
    one = alarm(cloud, definitions()[0], TOPIC)
    await cloud.converge(one)
    await cloud.session.call("cloudwatch", "disable_alarm_actions", AlarmNames=[one.physical_name])
    assert (await cloud.difference(one)).paths == ("actions.enabled",)
    assert await cloud.converge(one) == ["put_metric_alarm"]


SHOWN: dict[str, dict[str, Any]] = {
    "warmUpMinutes": {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 60}},
    "actions.withTags": {"ActionConfiguration": {"AlarmTagsPropagation": {"Enabled": True}}},
}
ASKED: dict[str, dict[str, Any]] = {
    "warmUpMinutes": {"warm_up_minutes": 60},
    "actions.withTags": {"tags_in_notifications": True},
}


@pytest.mark.parametrize("path", sorted(SHOWN))
async def test_settings_that_moto_lacks_are_asked_for_and_compared(cloud: Cloud, path: str) -> None:
    """Sent at the creation and with each change, compared as AWS shows them, off by leaving out."""
    one, plain = (alarm(cloud, definitions()[0], **asked) for asked in (ASKED[path], {}))
    assert _alarm_properties(MINIMAL | SHOWN[path])[path] == one.desired({})[path]
    assert _alarm_properties(MINIMAL)[path] == plain.desired({})[path]
    for each, sent in ((one, SHOWN[path]), (plain, {})):
        each._calls = calls = AsyncMock()
        await each.create(each.desired({}))
        await each.update(each.desired({}), Observed("arn", {}), Diff())
        for call in calls.write.await_args_list:
            assert {key: call.kwargs[key] for key in SETTINGS & call.kwargs.keys()} == sent


def test_alarms_of_before_keep_their_hash(cloud: Cloud) -> None:
    """New settings are left out of it while they have the value of before."""
    one = alarm(cloud, definitions()[0])
    assert all(one.desired({})[path] == value for path, value in one.added_later.items())
    assert set(SHOWN) <= one.added_later.keys()


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """Tags in PutMetricAlarm count at the creation only."""
    one = alarm(cloud, definitions()[0])
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = alarm(cloud, definitions()[0])
    await cloud.converge(one)
    assert await delete_twice(one) is None
