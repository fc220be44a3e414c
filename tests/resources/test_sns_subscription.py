"""SNS subscription: asked for once, and its address shown nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import Observed, Phase, ResourceBlocked
from clickstream_operator.resources.sns_subscription import SNSSubscription, endpoint_hash
from tests.resources.conftest import Cloud, DeleteTwice

ADDRESS = "on-call@example.com"
TOPIC = "arn:aws:sns:us-east-1:123456789012:shop-alerts"


def subscription(cloud: Cloud, **changes: Any) -> SNSSubscription:
    """The subscription of one address."""
    return SNSSubscription(
        calls=cloud.calls,
        topic_arn=TOPIC,
        endpoint=ADDRESS,
        name="alerts-email-1",
        physical_name="alerts-email-1",
        **changes,
    )


class Listing:
    """Calls that answer with one subscription in a given state."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.writes: list[str] = []

    async def read(self, _service: str, _operation: str, /, **_: Any) -> dict[str, Any]:
        """The list of the topic."""
        one = {"SubscriptionArn": self.arn, "Endpoint": ADDRESS.upper(), "Protocol": "email"}
        return {"Subscriptions": [one]}

    async def write(self, _service: str, operation: str, /, **_: Any) -> dict[str, Any]:
        """Remember."""
        self.writes.append(operation)
        return {}


async def test_creation_settles(cloud: Cloud) -> None:
    """One write, one read, and then rest."""
    await cloud.session.call("sns", "create_topic", Name="shop-alerts")
    one = subscription(cloud)
    assert await cloud.converge(one) == ["subscribe"]
    await cloud.settled(one)
    assert cloud.reads == ["list_subscriptions_by_topic"]


async def test_topic_that_is_not_there(cloud: Cloud) -> None:
    """No topic, no subscription."""
    assert await subscription(cloud).observe(full=True) is None


async def test_pending_is_ready_and_says_so(cloud: Cloud) -> None:
    """Nothing waits for a click in a mail."""
    one = subscription(cloud)
    one._calls = Listing("PendingConfirmation")  # type: ignore[assignment]
    observed = await one.observe(full=True)
    assert observed is not None
    assert observed.readiness.phase is Phase.READY
    assert observed.readiness.reason == "NotConfirmed"
    assert observed.outputs["status"] == "PendingConfirmation"
    assert ADDRESS not in repr(observed)
    assert not one.diff(one.desired({}), observed)


async def test_unconfirmed_one_counts_as_gone_when_it_leaves(cloud: Cloud) -> None:
    """It cannot be unsubscribed; SNS drops it by itself."""
    one = subscription(cloud, leaving=True)
    one._calls = Listing("PendingConfirmation")  # type: ignore[assignment]
    assert await one.observe(full=True) is None
    pending = Observed("x", {}, outputs={"status": "PendingConfirmation"})
    await one.delete(pending)


async def test_missing_one_is_never_repeated(cloud: Cloud) -> None:
    """Expired or unsubscribed: reported, not mailed again."""
    await cloud.session.call("sns", "create_topic", Name="shop-alerts")
    one = subscription(cloud, subscribed_before=True)
    observed = await cloud.observe(one)
    assert observed.outputs["status"] == "NotConfirmed"
    assert observed.readiness.reason == "NotConfirmed"
    assert (
        await subscription(cloud, subscribed_before=True, leaving=True).observe(full=True) is None
    )


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    await cloud.session.call("sns", "create_topic", Name="shop-alerts")
    one = subscription(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None


async def test_refusal_does_not_quote_the_address(cloud: Cloud) -> None:
    """An error text goes to the status, and an address must not."""

    class Refusal:
        async def write(self, service: str, operation: str, /, **_: Any) -> dict[str, Any]:
            raise AwsError(
                service=service,
                operation=operation,
                code="InvalidParameter",
                text=f"Invalid parameter: Endpoint {ADDRESS}",
                category=Category.INVALID,
            )

    one = subscription(cloud)
    one._calls = Refusal()  # type: ignore[assignment]
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert ADDRESS not in str(raised.value)
    assert raised.value.category is Category.INVALID
    assert raised.value.__cause__ is None


def test_hash_ignores_case() -> None:
    """Mail addresses are compared without case."""
    assert endpoint_hash("A@b.c") == endpoint_hash("a@B.C")
    assert len(endpoint_hash(ADDRESS)) == 8


async def test_nothing_is_done_on_a_topic_that_is_not_allowed(cloud: Cloud) -> None:
    """Whatever the record says: neither subscribed, nor found, nor unsubscribed."""
    recorded = f"{TOPIC}:1"
    calls = Listing(recorded)
    for leaving in (False, True):
        one = subscription(
            cloud,
            recorded_arn=recorded,
            subscribed_before=True,
            leaving=leaving,
            own_topic=False,
            may_use=lambda _topic: False,
        )
        one._calls = calls  # type: ignore[assignment]
        assert await one.observe(full=True) is None
        with pytest.raises(ResourceBlocked, match=r"tenants\[\]\.topics"):
            await one.create(one.desired({}))
    assert calls.writes == []


async def test_a_former_topic_is_left_alone_unless_allowed(cloud: Cloud) -> None:
    """The recorded ARN may be forged: the move unsubscribes on topics of the namespace alone."""
    for allowed, writes in ((True, ["subscribe", "unsubscribe"]), (False, ["subscribe"])):
        calls = Listing("PendingConfirmation")
        one = subscription(
            cloud,
            recorded_arn="arn:aws:sns:us-east-1:123456789012:theirs:1",
            may_use=lambda topic, allowed=allowed: allowed or topic == TOPIC,
        )
        one._calls = calls  # type: ignore[assignment]
        await one.create(one.desired({}))
        assert calls.writes == writes
