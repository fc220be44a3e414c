"""What /metrics says: names, and series that go with their pipeline."""

from __future__ import annotations

import asyncio
from typing import Any

from prometheus_client import generate_latest

from clickstream_operator.aws.limits import Limits
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.telemetry.metrics import Metrics

KEY = ObjectKey("web", "shop")


def body(*conditions: tuple[str, str, str], deleted: str = "") -> dict[str, Any]:
    """A pipeline with conditions given as (type, status, reason)."""
    metadata: dict[str, Any] = {"namespace": KEY.namespace, "name": KEY.name}
    if deleted:
        metadata["deletionTimestamp"] = deleted
    return {
        "metadata": metadata,
        "status": {
            "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": "m"}
                for kind, status, reason in conditions
            ]
        },
    }


def exposed(metrics: Metrics, name: str) -> list[str]:
    """The sample lines of one metric."""
    text = generate_latest(metrics.registry).decode()
    return [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]


def test_conditions_are_shown_and_go_with_the_pipeline() -> None:
    """One series for each condition; none stays of a status that no longer holds."""
    metrics = Metrics()
    metrics.pipelines.set(KEY, body(("Ready", "False", "Creating")))
    metrics.pipelines.set(KEY, body(("Ready", "True", "Available")))
    name = "clickstream_pipeline_condition"
    labels = 'namespace="web",pipeline="shop",reason="Available",status="True",type="Ready"'
    assert exposed(metrics, name) == [f"{name}{{{labels}}} 1.0"]
    metrics.pipelines.delete(KEY)
    assert exposed(metrics, name) == []


def test_a_deletion_shows_since_when_it_lasts() -> None:
    """In seconds since 1970, so that an alert can tell a long one from a new one."""
    metrics = Metrics()
    metrics.pipelines.set(KEY, body(deleted="2026-01-02T03:04:05Z"))
    name = "clickstream_pipeline_deletion_timestamp_seconds"
    assert exposed(metrics, name) == [f'{name}{{namespace="web",pipeline="shop"}} 1.767323045e+09']


def test_an_object_without_status_is_no_error() -> None:
    """The watch may show it before the API server has filled in the default."""
    metrics = Metrics()
    metrics.pipelines.set(KEY, {"metadata": {"namespace": "web", "name": "shop"}})
    assert exposed(metrics, "clickstream_pipeline_condition") == []


def test_errors_are_counted_beside_all_results() -> None:
    """controller-runtime has a counter of its own for them."""
    metrics = Metrics()
    metrics.observe_reconcile(result="success", seconds=0.1)
    metrics.observe_reconcile(result="error", seconds=0.1)
    label = '{controller="clickstreampipeline"} 1.0'
    assert exposed(metrics, "controller_runtime_reconcile_errors_total") == [
        f"controller_runtime_reconcile_errors_total{label}"
    ]


async def test_the_queue_tells_how_long_a_key_waited() -> None:
    """From when it was queued until a worker took it."""
    now = [10.0]
    waits: list[float] = []
    queue = WorkQueue(clock=lambda: now[0], on_wait=waits.append)
    queue.add(KEY)
    now[0] = 13.5
    assert await queue.get() == KEY
    assert waits == [3.5]


async def test_limits_tell_of_waits_and_throttles() -> None:
    """What the buckets hold back, and what AWS refused all the same."""
    now = [0.0]
    waits: list[tuple[str, float]] = []
    throttles: list[tuple[str, str]] = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds
        await asyncio.sleep(0)

    limits = Limits(
        clock=lambda: now[0],
        sleep=sleep,
        on_wait=lambda service, seconds: waits.append((service, seconds)),
        on_throttle=lambda service, operation: throttles.append((service, operation)),
    )
    call = {"account": "1", "region": "r", "service": "ssm", "operation": "get_parameter"}
    for _ in range(4):
        await limits.wait(**call)
    assert [seconds > 0 for _, seconds in waits] == [False, False, True, True]
    limits.slow_down(**call)
    assert throttles == [("ssm", "get_parameter")]
