"""Schedule: one tick a minute, none of them twice."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.resources.scheduler_schedule import Schedule, _parsed
from tests.resources.conftest import Cloud, DeleteTwice


def schedule(cloud: Cloud, **changes: Any) -> Schedule:
    """The detector's schedule, but for `changes`."""
    settings: dict[str, Any] = {
        "function_arn": cloud.place.function("shop-detector"),
        "role_arn": cloud.place.role("shop-scheduler"),
        "payload": {"source": "clickstream.schedule"},
    }
    return Schedule(
        calls=cloud.calls,
        place=cloud.place,
        name="schedule",
        physical_name="shop",
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    one = schedule(cloud)
    assert await cloud.converge(one) == ["create_schedule"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["get_schedule"]
    assert observed.arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/shop"
    answer = await cloud.session.call("scheduler", "get_schedule", Name="shop")
    assert answer["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert answer["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on Scheduler refusing a second one."""
    one = schedule(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"expression": "rate(5 minutes)"}, "expression"),
        ({"enabled": False}, "enabled"),
        ({"payload": {"source": "other"}}, "target.payload"),
        ({"function_arn": "arn:aws:lambda:us-east-1:123456789012:function:x"}, "target.arn"),
        ({"role_arn": "arn:aws:iam::123456789012:role/x"}, "target.roleArn"),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str
) -> None:
    """A changed field is named, takes one call, and reverts."""
    await cloud.converge(schedule(cloud))
    changed = schedule(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == ["update_schedule"]
    await cloud.settled(changed)
    assert await cloud.converge(schedule(cloud)) == ["update_schedule"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = schedule(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


def test_input_that_is_no_json_is_drift_not_an_error() -> None:
    """Somebody may have put any text there."""
    assert _parsed("{oops") == "{oops"
