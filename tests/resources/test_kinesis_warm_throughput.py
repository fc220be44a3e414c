"""Warm throughput of an on-demand stream, and the account's setting that it needs."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import Observed, ResourceBlocked
from clickstream_operator.resources import kinesis_warm_throughput
from clickstream_operator.resources.kinesis_stream import KinesisStream
from tests.resources.conftest import Cloud
from tests.resources.test_kinesis_stream import stream

SUMMARY = {"WarmThroughput": {"TargetMiBps": 80, "CurrentMiBps": 40}}


def warmed(cloud: Cloud, status: Any, mibps: int | None = 50) -> tuple[KinesisStream, AsyncMock]:
    """An on-demand stream and its calls, in an account with that status of the commitment."""
    one = stream(cloud, on_demand=True, warm_throughput_mibps=mibps)
    one._calls = calls = AsyncMock()
    if isinstance(status, Exception):
        calls.read.side_effect = status
    else:
        calls.read.return_value = {"MinimumThroughputBillingCommitment": {"Status": status}}
    return one, calls


def observed(one: KinesisStream, summary: dict[str, Any]) -> Observed:
    """The stream as wanted, but for its warm throughput."""
    shown = kinesis_warm_throughput.properties(summary)
    outputs = {"name": one.physical_name}
    return Observed("arn:stream", {**one.desired({}), **shown}, outputs=outputs)


def test_the_target_is_what_is_compared(cloud: Cloud) -> None:
    """On the way to it the stream is UPDATING, and nothing is sent again."""
    one, _ = warmed(cloud, "ENABLED", 80)
    assert not one.diff(one.desired({}), observed(one, SUMMARY))
    assert kinesis_warm_throughput.properties({}) == {"warmThroughputMiBps": 0}


@pytest.mark.parametrize("summary", [{}, SUMMARY])
def test_unset_leaves_alone_what_aws_has(cloud: Cloud, summary: dict[str, Any]) -> None:
    """No property, so that pipelines of before keep their hash, and nothing is drift."""
    one, _ = warmed(cloud, "ENABLED", None)
    assert "warmThroughputMiBps" not in one.desired({})
    assert not one.diff(one.desired({}), observed(one, summary))


@pytest.mark.parametrize("status", ["ENABLED", "ENABLED_UNTIL_EARLIEST_ALLOWED_END"])
@pytest.mark.parametrize("summary", [{}, SUMMARY])
async def test_drift_is_put_back(cloud: Cloud, status: str, summary: dict[str, Any]) -> None:
    """A higher and a missing throughput, also while the commitment is about to end."""
    one, calls = warmed(cloud, status)
    there = observed(one, summary)
    diff = one.diff(one.desired({}), there)
    assert diff.paths == ("warmThroughputMiBps",)
    await one.update(one.desired({}), there, diff)
    calls.write.assert_awaited_once_with(
        "kinesis",
        "update_stream_warm_throughput",
        StreamARN="arn:stream",
        WarmThroughputMiBps=50,
    )


async def test_the_mode_is_switched_before(cloud: Cloud) -> None:
    """AWS takes warm throughput of on-demand streams only: one step after the other."""
    one, calls = warmed(cloud, "ENABLED")
    one._capacity._calls = calls
    there = Observed("arn:stream", {**observed(one, {}).properties, "mode": "PROVISIONED"})
    await one.update(one.desired({}), there, one.diff(one.desired({}), there))
    ((call, _),) = [(one.args, one.kwargs) for one in calls.write.await_args_list]
    assert call == ("kinesis", "update_stream_mode")


async def test_without_advantage_nothing_is_written(cloud: Cloud) -> None:
    """Neither the stream nor the account's setting; the message names the field and both ways."""
    one, calls = warmed(cloud, "DISABLED")
    there = observed(one, {})
    with pytest.raises(ResourceBlocked) as changing:
        await one.update(one.desired({}), there, one.diff(one.desired({}), there))
    with pytest.raises(ResourceBlocked) as creating:
        await one.create(one.desired({}))
    for raised in (changing.value, creating.value):
        assert raised.reason == "ChangeBlocked"
        assert "remove spec.stream.warmThroughputMiBps" in raised.message
        assert "update-account-settings" in raised.message
    calls.write.assert_not_awaited()


def refusal(category: Category) -> AwsError:
    """An answer to DescribeAccountSettings."""
    return AwsError(
        service="kinesis",
        operation="describe_account_settings",
        code="Code",
        text="said AWS",
        category=category,
    )


async def test_without_the_right_to_read_aws_answers_itself(cloud: Cloud) -> None:
    """A policy of before lacks the action; the write says what is wrong, or works."""
    one, calls = warmed(cloud, refusal(Category.ACCESS_DENIED))
    await one.create(one.desired({}))
    assert calls.write.await_args.kwargs["WarmThroughputMiBps"] == 50


async def test_another_failure_of_the_question_is_told(cloud: Cloud) -> None:
    """A throttle is tried again, and nothing is written on a guess."""
    one, calls = warmed(cloud, refusal(Category.THROTTLED))
    with pytest.raises(AwsError):
        await one.create(one.desired({}))
    calls.write.assert_not_awaited()


async def test_a_stream_without_it_asks_nothing(cloud: Cloud) -> None:
    """No request more for everybody else."""
    one, calls = warmed(cloud, "DISABLED", None)
    await one.create(one.desired({}))
    calls.read.assert_not_awaited()
    assert "WarmThroughputMiBps" not in calls.write.await_args.kwargs
