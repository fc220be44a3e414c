"""Autoscaling between resyncs: which pipelines it may touch, and which stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator.api import components
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.spec import Autoscaling
from clickstream_operator.autoscaling.autoscaler import Scaling, event, scale, scales
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.resource import (
    READY,
    Observed,
    StepMustWait,
    Wait,
    progressing,
)
from clickstream_operator.kube.objects import ObjectKey, parse
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.kinesis_stream import KinesisStream
from tests.unit.engine.fake_resource import aws_error

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SPEC = Autoscaling(min_shards=1, max_shards=8)
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/web-events"
ENTRY = Entry(components.STREAM, "KinesisStream", "web-events", arn=ARN, applied_hash="h")
AUTOSCALED = {"stream": {"autoscaling": {"minShards": 1, "maxShards": 8}}}
SETTLED = {"arn": ARN, "appliedHash": "h", "state": "Ready"}


@pytest.mark.parametrize(
    ("spec", "observed_generation", "line", "expected"),
    [
        (AUTOSCALED, 2, SETTLED, True),
        ({}, 2, SETTLED, False),
        ({"stream": {"shards": 2}}, 2, SETTLED, False),
        ({**AUTOSCALED, "suspend": True}, 2, SETTLED, False),
        (AUTOSCALED, 1, SETTLED, False),
        (AUTOSCALED, 2, None, False),
        (AUTOSCALED, 2, {**SETTLED, "arn": ""}, False),
        (AUTOSCALED, 2, {**SETTLED, "appliedHash": ""}, False),
        (AUTOSCALED, 2, {**SETTLED, "state": "Drifted"}, True),
        (AUTOSCALED, 2, {**SETTLED, "state": "Blocked", "reason": "PlanPending"}, True),
        (AUTOSCALED, 2, {**SETTLED, "state": "Blocked", "reason": "OwnershipConflict"}, False),
        (AUTOSCALED, 2, {**SETTLED, "state": "Updating"}, False),
        (AUTOSCALED, 2, {**SETTLED, "state": "Failed"}, False),
    ],
)
def test_which_pipelines_are_scaled(
    spec: dict[str, Any],
    observed_generation: int,
    line: dict[str, Any] | None,
    *,
    expected: bool,
) -> None:
    """Asked to, not suspended, of this very spec, and with a stream that was made and serves."""
    name = {"name": components.STREAM, "kind": "KinesisStream", "physicalName": "web-events"}
    body = {
        "metadata": {"generation": 2},
        "spec": spec,
        "status": {
            "observedGeneration": observed_generation,
            "resources": [] if line is None else [{**name, **line}],
        },
    }
    assert scales(parse(ObjectKey("shop", "web"), body)) is expected


class BusyStream:
    """A stream that has taken more than its shards can, in the last minutes."""

    name = components.STREAM
    physical_name = "web-events"

    def __init__(self, **changes: Any) -> None:
        settled: dict[str, Any] = {
            "arn": ARN,
            "properties": {"mode": "PROVISIONED", "shards": 2},
            "readiness": READY,
            "created_at": NOW - timedelta(days=9),
        }
        self.observed: Observed | None = Observed(**(settled | changes))
        self.resized: list[int] = []
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.unmuted = 0

    async def end_mute(self) -> None:
        """Count it."""
        self.unmuted += 1

    async def observe(self, *, full: bool) -> Observed | None:
        """The stream as AWS shows it."""
        assert not full
        return self.observed

    async def resize(self, observed: Observed, target: int) -> None:
        """Remember what was asked for."""
        self.resized.append(target)
        if self.error is not None:
            raise self.error

    async def read(self, service: str, operation: str, /, **_: Any) -> dict[str, Any]:
        """CloudWatch: three minutes at the limit."""
        self.asked.append(operation)
        minutes = [NOW - timedelta(minutes=one) for one in (3, 2, 1)]
        return {
            "MetricDataResults": [
                {"Id": "bytes", "Timestamps": [], "Values": []},
                {"Id": "records", "Timestamps": minutes, "Values": [120_000.0] * 3},
            ]
        }

    async def scale(self) -> Scaling:
        """One autoscaling of it."""
        stream, calls = cast("KinesisStream", self), cast("Calls", self)
        history = StreamHistory(now=lambda: NOW)
        return await scale(stream, SPEC, ENTRY, calls=calls, history=history)


async def test_a_stream_that_cannot_keep_up_is_doubled() -> None:
    """The control of the tests below: all else being right, it is resized."""
    stream = BusyStream()
    scaling = await stream.scale()
    assert (stream.resized, stream.unmuted) == ([4], 1)
    assert scaling.done is not None
    assert (scaling.shards, scaling.done.reason) == (2, Reason.SCALED_UP)
    assert "43.80 dollars a month, " in scaling.done.message


@pytest.mark.parametrize(
    "changes",
    [
        {"arn": ARN + "2"},
        {"created_at": None},
        {"readiness": progressing("Busy", "UPDATING")},
        {"properties": {"mode": "ON_DEMAND", "shards": 2}},
    ],
    ids=["another-arn", "no-age", "at-work", "on-demand"],
)
async def test_another_stream_than_the_recorded_one_is_left_alone(changes: dict[str, Any]) -> None:
    """One of that name that somebody else made, one that AWS works on, one without shards."""
    stream = BusyStream(**changes)
    assert await stream.scale() == Scaling()
    assert (stream.resized, stream.asked, stream.unmuted) == ([], [], 0)


async def test_a_stream_that_is_gone_is_left_to_the_resync() -> None:
    """Which makes it again or says that it is missing."""
    stream = BusyStream()
    stream.observed = None
    assert await stream.scale() == Scaling()
    assert stream.asked == []


@pytest.mark.parametrize(
    ("error", "blocker"),
    [
        (aws_error(Category.THROTTLED), None),
        (aws_error(Category.TRANSIENT), None),
        (aws_error(Category.CONFLICT), None),
        (aws_error(Category.ACCESS_DENIED), Reason.ACCESS_DENIED),
        (aws_error(Category.LIMIT_EXCEEDED), Reason.LIMIT_EXCEEDED),
        (StepMustWait(Wait(Reason.RESIZE_BUDGET_EXHAUSTED, "m")), Reason.RESIZE_BUDGET_EXHAUSTED),
    ],
)
async def test_a_refused_resize_is_said_unless_it_passes(
    error: Exception, blocker: Reason | None
) -> None:
    """The next minute tries what passes; a budget, a quota or a missing right is told."""
    stream = BusyStream()
    stream.error = error
    scaling = await stream.scale()
    assert scaling.done is None
    assert (scaling.blocker[0] if scaling.blocker else None) == blocker
    told = event(scaling, None)
    assert (told.reason if told else None) == blocker
    assert event(scaling, scaling.blocker) is None
