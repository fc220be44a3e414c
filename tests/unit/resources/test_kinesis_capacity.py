"""Refusals of resizes and switches: which AWS takes back by itself, and which need a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import StepMustWait
from clickstream_operator.resources.kinesis_capacity import StreamCapacity
from clickstream_operator.resources.kinesis_history import RETRY_AFTER, StreamHistory
from clickstream_operator.resources.kinesis_limits import RESIZES_A_DAY, SWITCHES_A_DAY

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
OF_THE_STREAM = "You can't scale more than 10 times per rolling 24-hour period per stream"
OF_THE_ACCOUNT = "This request would exceed the shard limit for the account 123456789012 in us-1"
LIMIT = Category.LIMIT_EXCEEDED


class Kinesis:
    """The calls of a stream, refused while `error` is set, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.error: AwsError | None = None
        self.asked: list[tuple[str, Any]] = []
        self.time = NOON
        self.history = StreamHistory(now=lambda: self.time)

    async def write(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Note it and answer."""
        assert service == "kinesis"
        self.asked.append((operation, parameters.get("TargetShardCount")))
        if self.error is not None:
            raise self.error
        return {}

    def refuse(self, category: Category, text: str) -> None:
        """Refuse what is asked from now on."""
        self.error = AwsError(
            service="kinesis", operation="o", code="Code", text=text, category=category
        )

    async def resize(self, current: int, target: int) -> int:
        """Take a step in a reconcile of its own."""
        return await self._capacity().resize(current, target)

    async def switch(self, mode: str) -> None:
        """Switch the mode in a reconcile of its own."""
        await self._capacity().switch("arn:stream", mode)

    def _capacity(self) -> StreamCapacity:
        return StreamCapacity(cast("Calls", self), "web-events", self.history)


@pytest.mark.parametrize(
    ("category", "text", "waits"),
    [
        (LIMIT, OF_THE_STREAM, True),
        (LIMIT, "Request rate exceeded for stream web-events under this subscriber", True),
        (LIMIT, OF_THE_ACCOUNT, False),
        (LIMIT, "exceed the shard limit for your account", False),
        (LIMIT, "The Account Limit is 500", False),
        (Category.THROTTLED, OF_THE_STREAM, False),
        (Category.ACCESS_DENIED, "no", False),
        (Category.INVALID, OF_THE_STREAM, False),
    ],
)
@pytest.mark.parametrize("step", ["resize", "switch"])
async def test_only_a_budget_of_the_stream_is_waited_out(
    category: Category, text: str, step: str, *, waits: bool
) -> None:
    """A quota of the account stays until a person raises it, so it is an error that says so."""
    kinesis = Kinesis()
    kinesis.refuse(category, text)
    expected: type[Exception] = StepMustWait if waits else AwsError
    with pytest.raises(expected):
        await (kinesis.resize(2, 4) if step == "resize" else kinesis.switch("ON_DEMAND"))
    assert len(kinesis.asked) == 1
    assert (kinesis.history.resizes, kinesis.history.switches) == ([], [])
    assert bool(kinesis.history.refused) is waits


async def test_a_refused_step_is_asked_for_again_after_a_while() -> None:
    """Each for itself, and as soon as that: the budget of a day is a rolling one."""
    kinesis = Kinesis()
    kinesis.refuse(LIMIT, OF_THE_STREAM)
    with pytest.raises(StepMustWait) as first:
        await kinesis.resize(2, 4)
    assert first.value.wait.reason is Reason.RESIZE_BUDGET_EXHAUSTED
    assert first.value.wait.seconds == RETRY_AFTER.total_seconds()
    kinesis.error = None
    kinesis.time += RETRY_AFTER - timedelta(seconds=1)
    with pytest.raises(StepMustWait) as second:
        await kinesis.resize(2, 4)
    assert second.value.wait.seconds == 1.0
    await kinesis.switch("ON_DEMAND")
    kinesis.time += timedelta(seconds=1)
    assert await kinesis.resize(2, 4) == 4
    assert [name for name, _ in kinesis.asked] == [
        "update_shard_count",
        "update_stream_mode",
        "update_shard_count",
    ]


async def test_a_spent_budget_asks_for_nothing() -> None:
    """What AWS took in the last 24 hours is on record: the next step waits until it counts less."""
    kinesis = Kinesis()
    for _ in range(RESIZES_A_DAY):
        await kinesis.resize(2, 4)
    for _ in range(SWITCHES_A_DAY):
        await kinesis.switch("ON_DEMAND")
    asked = len(kinesis.asked)
    with pytest.raises(StepMustWait, match="resizes of a stream in 24 hours"):
        await kinesis.resize(4, 8)
    with pytest.raises(StepMustWait, match="switches of a stream's mode in 24 hours"):
        await kinesis.switch("PROVISIONED")
    assert len(kinesis.asked) == asked
    kinesis.time += timedelta(hours=24, minutes=1)
    assert await kinesis.resize(4, 8) == 8
    assert len(kinesis.history.resizes) == 1


async def test_one_reconcile_takes_one_step() -> None:
    """At most double: the next is asked for when the status has this one."""
    kinesis = Kinesis()
    capacity = StreamCapacity(cast("Calls", kinesis), "web-events", kinesis.history)
    assert await capacity.resize(2, 16) == 4
    assert capacity.under_way(16) is not None
    assert capacity.under_way(4) is None
    with pytest.raises(StepMustWait):
        await capacity.resize(4, 16)
    assert kinesis.asked == [("update_shard_count", 4)]
