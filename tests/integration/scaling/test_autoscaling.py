"""Shards that follow the load."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from tests.integration.pilot import Pilot, run
from tests.integration.scaling.stream_shards import (
    SCALING,
    calls,
    converge,
    fill_budget,
    is_ready,
    now,
    resized,
    shards,
    stream_name,
)


def feed(pilot: Pilot, *megabytes_a_second: float) -> None:
    """Let the stream take so much in the last minutes; the last of them ended just now."""
    end = now(pilot).replace(second=0, microsecond=0)
    pilot.client("cloudwatch").put_metric_data(
        Namespace="AWS/Kinesis",
        MetricData=[
            {
                "MetricName": "IncomingBytes",
                "Dimensions": [{"Name": "StreamName", "Value": stream_name(pilot)}],
                "Timestamp": end - timedelta(minutes=number),
                "Value": rate * 60 * 1024 * 1024,
            }
            for number, rate in enumerate(reversed(megabytes_a_second), start=1)
        ],
    )


@pytest.fixture
def grown(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> Pilot:
    """A ready pipeline with autoscaling; its time is the emulator's, which makes the stream."""
    pilot.time = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    pilot.apply(SCALING)
    run(pilot.converge())
    return pilot


def minutes(pilot: Pilot, count: int) -> None:
    """Let minutes go by, with each reconcile that the operator asks for."""
    end = pilot.time + 60 * count
    while pilot.time < end:
        delay = run(pilot.step())
        assert delay is not None
        assert delay <= 60
        pilot.time += max(delay, 0.01)


def test_load_doubles_the_shards(grown: Pilot) -> None:
    """Two high minutes: one call, one Event with numbers, one record; Ready stays."""
    minutes(grown, 1)
    feed(grown, 1.8, 1.9)
    minutes(grown, 2)
    assert (shards(grown), resized(grown)) == (4, [4])
    (event,) = (one for one in grown.events() if one["reason"] == "ScaledUp")
    assert event["type"] == "Normal"
    assert event["note"] == (
        "2 to 4 shards: two minutes took 90 % and 95 % of what 2 shards take; the target is 70 %; "
        "the shards cost 43.80 dollars a month, 21.90 more"
    )
    assert grown.condition("Ready")["status"] == "True"
    assert grown.condition("DriftDetected")["status"] == "False"
    assert grown.status()["outputs"]["kinesisStreamShards"] == 4
    transitions = [one["reason"] for one in grown.events()]
    assert "DriftCorrected" not in transitions
    run(grown.resync())
    assert shards(grown) == 4


def test_quiet_hours_halve_the_shards_down_to_the_bound(grown: Pilot) -> None:
    """Not before half an hour, then once each half hour; a new process decides the same."""
    grown.client("kinesis").update_shard_count(
        StreamName=stream_name(grown), TargetShardCount=8, ScalingType="UNIFORM_SCALING"
    )
    minutes(grown, 20)
    assert resized(grown) == []
    grown.restart()
    minutes(grown, 15)
    assert (shards(grown), resized(grown)) == (4, [4])
    minutes(grown, 20)
    assert shards(grown) == 4
    minutes(grown, 90)
    assert (shards(grown), resized(grown)) == (2, [4, 2])
    assert [one["reason"] for one in grown.events()].count("ScaledDown") == 2


def test_quiet_minute_costs_two_reads(grown: Pilot) -> None:
    """One GetMetricData and one DescribeStreamSummary a minute; nothing is written."""
    grown.sandbox.kubectl(
        "patch", "csp", grown.name, "--type=merge",
        '-p={"spec":{"resyncIntervalSeconds":86400}}',
    )  # fmt: skip
    run(grown.converge())
    minutes(grown, 1)
    grown.forget_calls()
    minutes(grown, 10)
    assert calls(grown) == {"get_metric_data": 10, "describe_stream_summary": 10}
    assert grown.kube_writes == []


def test_count_outside_the_bounds_is_brought_back(grown: Pilot) -> None:
    """By an ordinary reconcile, in steps; within the bounds no count is drift."""
    run(grown.step())
    grown.apply({"stream": {"autoscaling": {"minShards": 10, "maxShards": 16}}})
    run(grown.converge())
    assert (shards(grown), resized(grown)) == (10, [4, 8, 10])


def test_the_bounds_are_what_is_approved(grown: Pilot) -> None:
    """Under approval Manual the count moves between them, and no plan asks about it."""
    grown.apply({**SCALING, "approval": "Manual"})
    run(grown.converge())
    minutes(grown, 1)
    feed(grown, 1.8, 1.9)
    minutes(grown, 2)
    assert (shards(grown), resized(grown)) == (4, [4])
    run(grown.resync())
    assert not (grown.status().get("plan") or {}).get("hash")
    assert grown.condition("Ready")["status"] == "True"


def test_suspended_pipeline_does_not_scale(grown: Pilot) -> None:
    """Neither metrics nor resizes."""
    feed(grown, 1.9, 1.9)
    grown.apply({**SCALING, "suspend": True})
    grown.forget_calls()
    for _ in range(3):
        grown.time += 60
        feed(grown, 1.9, 1.9)
        run(grown.step())
    assert "get_metric_data" not in calls(grown)
    assert shards(grown) == 2


def test_last_resizes_of_a_day_are_for_growing(grown: Pilot) -> None:
    """With the budget spent the load is named and a time; Ready stays."""
    fill_budget(grown, *[number + 1.0 for number in range(10)])
    for _ in range(8):
        feed(grown, 1.9, 1.9)
        minutes(grown, 1)
    assert shards(grown) == 2
    stream = grown.resource("stream")
    assert (stream["state"], stream["reason"]) == ("Ready", "ResizeBudgetExhausted")
    assert "the load needs 4 shards, and there are 2" in stream["message"]
    assert grown.condition("Ready")["status"] == "True"
    warnings = [one for one in grown.events() if one["reason"] == "ResizeBudgetExhausted"]
    assert len(warnings) == 1


def test_metrics_that_may_not_be_read_are_named(
    grown: Pilot, answer_with: Callable[..., None]
) -> None:
    """The pipeline works on; the stream's line says what is missing; it heals."""
    denied = AwsError(
        service="cloudwatch",
        operation="get_metric_data",
        code="AccessDenied",
        text="not authorized to perform cloudwatch:GetMetricData",
        category=Category.ACCESS_DENIED,
    )
    answer_with("get_metric_data", denied)
    minutes(grown, 12)
    assert "cloudwatch:GetMetricData" in grown.resource("stream")["message"]
    assert grown.condition("Ready")["status"] == "True"
    assert [one["reason"] for one in grown.events()].count("AccessDenied") == 1
    answer_with("get_metric_data")
    minutes(grown, 2)
    assert "message" not in grown.resource("stream")


@pytest.mark.usefixtures("strict_kinesis")
def test_ready_stays_while_aws_resizes_for_the_load(pilot: Pilot) -> None:
    """A stream that is UPDATING takes records: nobody is alarmed, and no second step is taken."""
    pilot.time = (datetime.now(UTC) - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()
    pilot.apply(SCALING)
    converge(pilot, lambda: is_ready(pilot))
    feed(pilot, 1.9, 1.9, 1.9)
    converge(pilot, lambda: resized(pilot) == [4])
    busy = []
    for _ in range(5):
        feed(pilot, 3.9, 3.9, 3.9)
        run(pilot.step())
        busy.append((is_ready(pilot), resized(pilot)))
        pilot.time += 10
    assert busy == [(True, [4])] * 5
    feed(pilot, 3.9, 3.9, 3.9)
    converge(pilot, lambda: resized(pilot) == [4, 8])
    tries = [one.code for one in pilot.calls if one.operation == "update_shard_count"]
    assert tries == ["OK", "OK"]
