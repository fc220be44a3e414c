"""Queues and channels that others have on a pipeline's stream hold its deletion and its mode."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.pilot import Pilot, run
from tests.reliability.strict_aws.probes import client

ON_DEMAND = {"stream": {"mode": "OnDemand"}}


@pytest.fixture
def kinesis(pilot: Pilot) -> Any:
    """Somebody else's client, of the strict AWS."""
    return client("kinesis", pilot.sandbox.aws_endpoint)


def of_stream(pilot: Pilot) -> list[dict[str, Any]]:
    """The stream as a source of queues and channels."""
    return [{"StreamARN": pilot.resource("stream")["arn"]}]


def test_a_queue_and_a_channel_hold_a_deletion_until_they_are_gone(
    pilot: Pilot, kinesis: Any
) -> None:
    """Both are named with what removes them; then the deletion ends."""
    pilot.apply(ON_DEMAND)
    run(pilot.converge())
    kinesis.create_queue(QueueName="orders", StreamConfigurationList=of_stream(pilot))
    kinesis.create_channel(
        ChannelName="lake",
        ServiceExecutionRoleARN="arn:aws:iam::123456789012:role/lake",
        StreamConfigurationList=[
            {**of_stream(pilot)[0], "RecordConfiguration": {"RecordFormatType": "JSON"}}
        ],
    )
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.resource("stream").get("reason") == "DeletionBlocked"))
    message = pilot.resource("stream")["message"]
    assert "queues: orders; delete them with DeleteQueue" in message
    assert "channels: lake; delete them with DeleteChannel" in message
    assert pilot.accepted["kinesis:delete_stream"] == 0
    kinesis.delete_queue(QueueARN="arn:aws:kinesis:us-east-1:123456789012:queue/orders")
    kinesis.delete_channel(ChannelARN="arn:aws:kinesis:us-east-1:123456789012:channel/lake")
    run(pilot.converge(lambda: pilot.body() is None))
    assert pilot.accepted["kinesis:delete_stream"] == 1


def test_a_queue_holds_the_on_demand_mode_until_it_is_gone(pilot: Pilot, kinesis: Any) -> None:
    """The switch is not tried, the pipeline says why and is Stalled; without the queue it goes."""
    pilot.apply(ON_DEMAND)
    run(pilot.converge())
    kinesis.create_queue(QueueName="orders", StreamConfigurationList=of_stream(pilot))
    pilot.apply({"stream": {"mode": "Provisioned"}})
    run(pilot.converge(lambda: pilot.condition("Stalled").get("status") == "True"))
    assert pilot.condition("Ready")["reason"] == "ChangeBlocked"
    assert "orders" in pilot.resource("stream")["message"]
    assert pilot.accepted["kinesis:update_stream_mode"] == 0
    kinesis.delete_queue(QueueARN="arn:aws:kinesis:us-east-1:123456789012:queue/orders")
    run(pilot.converge(lambda: pilot.condition("Ready")["status"] == "True"))
    assert pilot.accepted["kinesis:update_stream_mode"] == 1
