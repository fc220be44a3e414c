"""Shards of a pipeline's stream: their count in AWS, the recorded resizes, the refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from clickstream_operator.aws.errors import AwsError, Category
from tests.integration.pilot import Pilot, run

SCALING = {"stream": {"autoscaling": {"minShards": 2, "maxShards": 8}}}


def now(pilot: Pilot) -> datetime:
    """The time of the operator's clock."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=pilot.time)


def stream_name(pilot: Pilot) -> str:
    """Name of the pipeline's stream."""
    return str(pilot.resource("stream")["physicalName"])


def shards(pilot: Pilot) -> int:
    """The count of open shards in AWS."""
    answer = pilot.client("kinesis").describe_stream_summary(StreamName=stream_name(pilot))
    return int(answer["StreamDescriptionSummary"]["OpenShardCount"])


def resized(pilot: Pilot) -> list[int]:
    """The recorded resizes."""
    return [one["shards"] for one in pilot.status().get("resizes", ())]


def calls(pilot: Pilot) -> dict[str, int]:
    """AWS calls since they were forgotten, by operation."""
    counts: dict[str, int] = {}
    for one in pilot.calls:
        counts[one.operation] = counts.get(one.operation, 0) + 1
    return counts


def fill_budget(pilot: Pilot, *hours_ago: float) -> None:
    """Record resizes in the status, as if they had been asked for."""
    entries = [
        {
            "at": (now(pilot) - timedelta(hours=one)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "shards": 2,
        }
        for one in hours_ago
    ]
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": {"resizes": entries}}),
    )  # fmt: skip


def refusal(
    operation: str, text: str, *, service: str = "kinesis", code: str = "LimitExceededException"
) -> AwsError:
    """AWS says no."""
    category = Category.INVALID if code == "ValidationException" else Category.LIMIT_EXCEEDED
    return AwsError(service=service, operation=operation, code=code, text=text, category=category)


def converge(pilot: Pilot, until: Callable[[], bool]) -> None:
    """Reconcile, each time when it is due, until the condition holds."""
    for _ in range(200):
        delay = run(pilot.step())
        if until():
            return
        assert delay is not None
        pilot.time += delay
    raise AssertionError(f"not there: {pilot.status()}")


def is_ready(pilot: Pilot) -> bool:
    """Whether Ready is True."""
    return str(pilot.condition("Ready")["status"]) == "True"
