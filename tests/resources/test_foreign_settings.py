"""Settings that the operator does not ask for and that blind or stop what it made: drift.

A resource that is there, with the right name, is not yet the resource that was asked for. The
request metrics of the bucket, which the emulator lacks, are in `test_s3_lifecycle`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from clickstream_operator.engine.resource import Resource
from tests.resources.conftest import Cloud
from tests.resources.test_cloudwatch_alarm import alarm, definitions
from tests.resources.test_lambda_event_source_mapping import mapping, pair
from tests.resources.test_s3_config_object import BUCKET, configuration
from tests.resources.test_scheduler_schedule import schedule

__all__ = ["pair"]

Spoil = Callable[[Cloud, Resource], Awaitable[None]]


async def _filter(cloud: Cloud, one: Resource) -> None:
    """Somebody's filter drops the events that do not match it."""
    seen = await cloud.observe(one)
    await cloud.session.call(
        "lambda",
        "update_event_source_mapping",
        UUID=seen.outputs["uuid"],
        FilterCriteria={"Filters": [{"Pattern": '{"partitionKey": ["x"]}'}]},
    )


async def _unit(cloud: Cloud, one: Resource) -> None:
    """An alarm with a unit sees no data point without it."""
    (found,) = (
        await cloud.session.call("cloudwatch", "describe_alarms", AlarmNames=[one.physical_name])
    )["MetricAlarms"]
    put = ("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic",
           "Period", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold",
           "TreatMissingData", "ActionsEnabled")  # fmt: skip
    await cloud.session.call(
        "cloudwatch", "put_metric_alarm", Unit="Bytes", **{key: found[key] for key in put}
    )


async def _end(cloud: Cloud, one: Resource) -> None:
    """A schedule that has ended is still enabled."""
    found = await cloud.session.call("scheduler", "get_schedule", Name=one.physical_name)
    kept = ("Name", "ScheduleExpression", "State", "FlexibleTimeWindow", "Target")
    await cloud.session.call(
        "scheduler",
        "update_schedule",
        EndDate=datetime(2027, 1, 1, tzinfo=UTC),
        **{key: found[key] for key in kept},
    )


async def _content(cloud: Cloud, one: Resource) -> None:
    """Another configuration under the same key, of the same length."""
    seen = await cloud.observe(one)
    key = seen.arn.removeprefix(f"s3://{BUCKET}/")
    await cloud.session.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"[]")


CASES: dict[str, tuple[Callable[[Cloud], Resource], Spoil, str, str]] = {
    "filter of a mapping": (mapping, _filter, "filters", "update_event_source_mapping"),
    "unit of an alarm": (
        lambda cloud: alarm(cloud, definitions()[0]),
        _unit,
        "metric.unit",
        "put_metric_alarm",
    ),
    "end of a schedule": (schedule, _end, "window", "update_schedule"),
    "content of a configuration": (
        lambda cloud: configuration(cloud, "{}"),
        _content,
        "key",
        "put_object",
    ),
}


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("case", CASES)
async def test_a_foreign_setting_is_found_and_put_back(cloud: Cloud, case: str) -> None:
    """Named by its path, corrected by one write, and rest afterwards."""
    make, spoil, path, write = CASES[case]
    await cloud.session.call("s3", "create_bucket", Bucket=BUCKET)
    one = make(cloud)
    await cloud.converge(one)
    assert not await cloud.difference(one)
    await spoil(cloud, one)
    assert path in (await cloud.difference(one)).paths
    assert await cloud.converge(one) == [write]
    assert not await cloud.difference(one)
