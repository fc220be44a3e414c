"""Readers that others have on a stream: named as what blocks, and never removed."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import Observed, ResourceBlocked
from clickstream_operator.resources import kinesis_readers
from tests.resources.conftest import Cloud
from tests.resources.test_kinesis_stream import stream

COUNTS = {"consumers": "ConsumerCount", "queues": "QueueCount", "channels": "ChannelCount"}
LISTS = {
    "list_stream_consumers": {"Consumers": [{"ConsumerName": "audit"}]},
    "list_queues": {"QueueSummaries": [{"QueueName": "orders"}, {"QueueName": "carts"}]},
    "list_channels": {"ChannelSummaries": [{"ChannelName": "lake"}]},
}
NAMES = {
    "consumers": "registered consumers: audit; deregister them",
    "queues": "queues: carts, orders; delete them with DeleteQueue",
    "channels": "channels: lake; delete them with DeleteChannel",
}


def read_by(*kinds: str, mode: str = "PROVISIONED") -> Observed:
    """The stream with readers of these kinds."""
    numbers = kinesis_readers.reader_properties({COUNTS[kind]: 2 for kind in kinds})
    return Observed("arn:aws:kinesis:::stream/shop-events", {"mode": mode, **numbers})


def one_with(cloud: Cloud, read: Any, **changes: Any) -> tuple[Any, AsyncMock]:
    """A stream and its calls, of which `read` answers the reads."""
    one = stream(cloud, **changes)
    one._calls = calls = AsyncMock()
    one._capacity._calls = calls
    calls.read.side_effect = read
    return one, calls


async def listed(_service: str, operation: str, **_given: Any) -> dict[str, Any]:
    """AWS's answers to lists of readers."""
    return LISTS[operation]


@pytest.mark.parametrize("kind", sorted(COUNTS))
async def test_readers_block_the_deletion_by_name(cloud: Cloud, kind: str) -> None:
    """Each kind is named with the way to remove it; nothing is deleted."""
    one, calls = one_with(cloud, listed)
    with pytest.raises(ResourceBlocked, match="Retain") as raised:
        await one.delete(read_by(kind))
    assert raised.value.reason == "DeletionBlocked"
    assert NAMES[kind] in raised.value.message
    calls.write.assert_not_awaited()


async def test_all_kinds_are_named_together(cloud: Cloud) -> None:
    """Whoever cleans up sees the whole list at once."""
    one, _ = one_with(cloud, listed)
    with pytest.raises(ResourceBlocked) as raised:
        await one.delete(read_by(*COUNTS))
    assert all(name in raised.value.message for name in NAMES.values())


@pytest.mark.parametrize("kind", ["queues", "channels"])
async def test_queues_and_channels_hold_the_mode(cloud: Cloud, kind: str) -> None:
    """A switch to provisioned is not tried; the message says what to remove, or to take back."""
    one, calls = one_with(cloud, listed)
    observed = read_by(kind, mode="ON_DEMAND")
    with pytest.raises(ResourceBlocked, match=r"spec\.stream\.mode") as raised:
        await one.update(one.desired({}), observed, one.diff(one.desired({}), observed))
    assert raised.value.reason == "ChangeBlocked"
    assert NAMES[kind] in raised.value.message
    calls.write.assert_not_awaited()


async def test_registered_consumers_hold_no_mode(cloud: Cloud) -> None:
    """They read a stream of either mode."""
    one, calls = one_with(cloud, listed)
    observed = read_by("consumers", mode="ON_DEMAND")
    await one.update(one.desired({}), observed, one.diff(one.desired({}), observed))
    assert calls.write.await_args.args[1] == "update_stream_mode"


async def test_readers_that_may_not_be_listed_are_counted(cloud: Cloud) -> None:
    """Without the right to list queues the message has their number, and AWS's own words."""
    denied = AwsError(
        service="kinesis",
        operation="list_queues",
        code="AccessDeniedException",
        text="no ListQueues",
        category=Category.ACCESS_DENIED,
    )
    one, _ = one_with(cloud, denied)
    with pytest.raises(ResourceBlocked, match=r"queues: 2 \(.*no ListQueues") as raised:
        await one.delete(read_by("queues"))
    assert raised.value.reason == "DeletionBlocked"
