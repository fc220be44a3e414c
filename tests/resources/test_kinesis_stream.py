"""Kinesis stream: one change at a time, legal resizes, no consumer lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.autoscaling.load import Minute, read_load
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Phase,
    StepMustWait,
)
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.kinesis_stream import KinesisStream, _readiness, epoch
from tests.resources.conftest import TAGS, Cloud, DeleteTwice


def stream(cloud: Cloud, **changes: Any) -> KinesisStream:
    """A stream with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {
        "shards": 2,
        "on_demand": False,
        "retention_hours": 24,
        "kms_key_id": "alias/aws/kinesis",
        "shard_level_metrics": ["OutgoingRecords", "IncomingRecords"],
    }
    return KinesisStream(
        calls=cloud.calls,
        name="stream",
        physical_name="shop-events",
        tags=TAGS,
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """A new stream gets everything that the spec asks for, and then rests."""
    one = stream(cloud)
    await cloud.converge(one)
    observed = await cloud.settled(one)
    assert cloud.reads == ["describe_stream_summary"]
    assert observed.outputs["arn"].endswith(":stream/shop-events")
    assert observed.created_at is not None
    assert observed.outputs["epoch"] == epoch(observed.created_at)
    assert dict(await one.read_tags(observed)) == TAGS


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on AWS refusing a second one."""
    one = stream(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("changes", "path", "operations"),
    [
        ({"retention_hours": 48}, "retentionHours", ["increase_stream_retention_period"]),
        ({"shards": 4}, "shards", ["update_shard_count"]),
        ({"on_demand": True}, "mode", ["update_stream_mode"]),
        ({"shard_level_metrics": []}, "shardLevelMetrics", ["disable_enhanced_monitoring"]),
        (
            {"shard_level_metrics": ["IteratorAgeMilliseconds"]},
            "shardLevelMetrics",
            ["enable_enhanced_monitoring", "disable_enhanced_monitoring"],
        ),
        ({"kms_key_id": "alias/mine"}, "encryption.keyId", ["start_stream_encryption"]),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str, operations: list[str]
) -> None:
    """A changed field is named, takes its own calls only, and reverts."""
    await cloud.converge(stream(cloud))
    changed = stream(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == operations
    await cloud.settled(changed)
    await cloud.converge(stream(cloud))
    await cloud.settled(stream(cloud))


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = stream(cloud)
    await cloud.converge(one)
    await cloud.session.call(
        "kinesis", "remove_tags_from_stream", StreamName="shop-events", TagKeys=["team"]
    )
    assert await cloud.converge(one) == ["add_tags_to_stream"]


async def test_unknown_shard_count_is_left_alone(cloud: Cloud) -> None:
    """With None the count is somebody else's to decide."""
    await cloud.converge(stream(cloud))
    assert not await cloud.difference(stream(cloud, shards=None))


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = stream(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("ACTIVE", Phase.READY),
        ("CREATING", Phase.PROGRESSING),
        ("UPDATING", Phase.PROGRESSING),
        ("DELETING", Phase.DELETING),
    ],
)
def test_status(status: str, phase: Phase) -> None:
    """Every status that AWS documents."""
    assert _readiness(status).phase is phase


def test_epoch_is_short_and_tells_incarnations_apart() -> None:
    """Six characters until the year 2038, another one each second."""
    first = epoch(datetime(2026, 1, 1, tzinfo=UTC))
    assert len(first) == 6
    assert first != epoch(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert epoch(datetime(1970, 1, 1, tzinfo=UTC)) == "0"


async def test_one_step_a_reconcile(cloud: Cloud) -> None:
    """The second one of a reconcile waits, so that each is on record before the next."""
    await cloud.converge(stream(cloud))
    history = StreamHistory()
    one = stream(cloud, shards=16, history=history)
    diff = await cloud.difference(one)
    await one.update(one.desired({}), await cloud.observe(one), diff)
    with pytest.raises(StepMustWait) as raised:
        await one.update(one.desired({}), await cloud.observe(one), await cloud.difference(one))
    assert raised.value.wait.reason == "ScalingInSteps"
    assert [entry.shards for entry in history.resizes] == [4]
    busy = replace(await cloud.observe(one), readiness=_readiness("UPDATING"))
    said = one.under_way(busy, Diff({"shards": (2, 16)}))
    assert said is not None
    assert "the step to 4 was asked for, 2 more steps follow" in said.message
    assert one.under_way(busy, Diff({"shards": (2, 4)})) is None


async def test_any_count_between_bounds_is_as_desired(cloud: Cloud) -> None:
    """A new stream begins within them; outside of them the nearest is wanted."""
    await cloud.converge(stream(cloud, shards=2, bounds=(3, 6)))
    assert (await cloud.observe(stream(cloud))).properties["shards"] == 3
    assert not await cloud.difference(stream(cloud, shards=2, bounds=(1, 6)))
    below = await cloud.difference(stream(cloud, bounds=(4, 6)))
    assert below.fields == {"shards": (3, 4)}
    above = await cloud.difference(stream(cloud, bounds=(1, 2)))
    assert above.fields == {"shards": (3, 2)}
    assert not await cloud.difference(stream(cloud, on_demand=False, shards=3))


async def test_new_stream_has_no_history(cloud: Cloud) -> None:
    """AWS's budgets are those of one stream."""
    history = StreamHistory()
    history.resized(4)
    await cloud.converge(stream(cloud, history=history))
    assert history.resizes == []


async def test_load_is_read_with_one_call(cloud: Cloud) -> None:
    """Sums by minute; what CloudWatch does not have is not there."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    before = end - timedelta(minutes=2)
    await cloud.session.call(
        "cloudwatch",
        "put_metric_data",
        Namespace="AWS/Kinesis",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "StreamName", "Value": "shop-events"}],
                "Timestamp": before,
                "Value": value,
            }
            for name, value in (("IncomingBytes", 600.0), ("IncomingRecords", 6.0))
        ],
    )
    cloud.forget()
    start = end - timedelta(minutes=10)
    found = await read_load(cloud.calls, "shop-events", start, end)
    assert found == {before: Minute(bytes=600, records=6)}
    assert await read_load(cloud.calls, "other-events", start, end) == {}
    assert cloud.reads == ["get_metric_data"] * 2


@pytest.mark.parametrize(
    ("size", "says"),
    [(1024, ""), (512, ""), (4096, "maxRecordSizeKiB to 4096"), (10240, "UpdateMaxRecordSize")],
)
def test_a_stream_of_larger_records_does_not_fit(cloud: Cloud, size: int, says: str) -> None:
    """Adopted, it would refuse what its producers send; the message says what to set first."""
    misfit = stream(cloud).misfit(Observed("arn", {"maxRecordSizeKiB": size}))
    assert says in misfit
    assert bool(misfit) == bool(says)


@pytest.mark.parametrize(
    ("path", "observed", "operation", "wanted"),
    [
        ("maxRecordSizeKiB", 10240, "update_max_record_size", {"MaxRecordSizeInKiB": 1024}),
        (
            "recordDistribution",
            "AUTO",
            "update_stream_record_distribution_strategy",
            {"RecordDistributionStrategy": "USER_PARTITION_KEY"},
        ),
    ],
)
async def test_settings_that_moto_lacks_are_put_back(
    cloud: Cloud, path: str, observed: Any, operation: str, wanted: dict[str, Any]
) -> None:
    """By the call of the setting, with the stream's ARN."""
    one = stream(cloud, on_demand=True)
    one._calls = calls = AsyncMock()
    there = Observed("arn:stream", {**one.desired({}), path: observed})
    diff = one.diff(one.desired({}), there)
    assert diff.paths == (path,)
    await one.update(one.desired({}), there, diff)
    calls.write.assert_awaited_once_with("kinesis", operation, StreamARN="arn:stream", **wanted)
