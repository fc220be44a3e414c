"""Prometheus metrics, under controller-runtime's names where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from clickstream_operator.aws.calls import CallRecord
from clickstream_operator.kube.objects import ObjectKey

_CONTROLLER = "clickstreampipeline"


class _Seen(NamedTuple):
    """What is shown of one pipeline."""

    conditions: tuple[tuple[str, str, str], ...]
    """Type, status and reason of each."""
    deleting_since: float | None
    """Seconds since the epoch."""


class PipelineStates(Collector):
    """What the watch last showed of each pipeline, as metrics; a pipeline that went has none."""

    def __init__(self) -> None:
        self._seen: dict[ObjectKey, _Seen] = {}

    def learn(self, key: ObjectKey, body: Mapping[str, Any]) -> None:
        """Remember an object."""
        conditions = (body.get("status") or {}).get("conditions") or []
        since = body["metadata"].get("deletionTimestamp")
        self._seen[key] = _Seen(
            tuple((one["type"], one["status"], one["reason"]) for one in conditions),
            datetime.fromisoformat(since).timestamp() if since else None,
        )

    def forget(self, key: ObjectKey) -> None:
        """Drop a deleted object."""
        self._seen.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families, as the registry asks for them."""
        conditions = GaugeMetricFamily(
            "clickstream_pipeline_condition",
            "Conditions of each pipeline: 1 for the status and reason that hold.",
            labels=["namespace", "pipeline", "type", "status", "reason"],
        )
        deleting = GaugeMetricFamily(
            "clickstream_pipeline_deletion_timestamp_seconds",
            "Since when a pipeline is being deleted, in seconds since 1970.",
            labels=["namespace", "pipeline"],
        )
        # The loop may learn of another pipeline while the exposition is made.
        for key, seen in list(self._seen.items()):
            for condition in seen.conditions:
                conditions.add_metric([key.namespace, key.name, *condition], 1)
            if seen.deleting_since is not None:
                deleting.add_metric([key.namespace, key.name], seen.deleting_since)
        yield conditions
        yield deleting


class Metrics:
    """All collectors, on a registry of their own so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.pipelines = PipelineStates()
        self.registry.register(self.pipelines)
        self.reconciles = Counter(
            "controller_runtime_reconcile_total",
            "Reconciliations by result: success, requeue_after or error.",
            ["controller", "result"],
            registry=self.registry,
        )
        self.reconcile_seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Duration of a reconciliation.",
            ["controller"],
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "controller_runtime_reconcile_errors_total",
            "Reconciliations that ended with an error of Kubernetes or a defect.",
            ["controller"],
            registry=self.registry,
        )
        self.reconciles_at_once = Gauge(
            "controller_runtime_max_concurrent_reconciles",
            "Reconciliations that may run at the same time.",
            ["controller"],
            registry=self.registry,
        )
        self.active_workers = Gauge(
            "controller_runtime_active_workers",
            "Reconciliations that run.",
            ["controller"],
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "workqueue_depth", "Pipelines waiting for a worker.", ["name"], registry=self.registry
        )
        self.queue_adds = Counter(
            "workqueue_adds_total", "Pipelines queued.", ["name"], registry=self.registry
        )
        self.queue_seconds = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a pipeline waited for a worker.",
            ["name"],
            registry=self.registry,
        )
        self.aws_calls = Counter(
            "clickstream_aws_api_calls_total",
            "AWS API calls by service, operation and result code.",
            ["service", "operation", "code"],
            registry=self.registry,
        )
        self.aws_seconds = Histogram(
            "clickstream_aws_api_call_seconds",
            "Duration of AWS API calls.",
            ["service"],
            registry=self.registry,
        )
        self.aws_throttles = Counter(
            "clickstream_aws_throttled_calls_total",
            "AWS API calls that AWS refused for their rate.",
            ["service", "operation"],
            registry=self.registry,
        )
        self.aws_waits = Counter(
            "clickstream_aws_rate_limiter_seconds_total",
            "Seconds that calls waited so as to stay below AWS's quotas.",
            ["service"],
            registry=self.registry,
        )
        self.drift = Counter(
            "clickstream_drift_total",
            "Corrections of what was changed behind the operator's back, by kind.",
            ["kind", "action"],
            registry=self.registry,
        )
        self.kubernetes_writes = Counter(
            "clickstream_kubernetes_writes_total",
            "Writes to the Kubernetes API, by what was written.",
            ["target"],
            registry=self.registry,
        )
        self.left_behind = Counter(
            "clickstream_left_behind_resources_total",
            "AWS resources that a forced deletion left.",
            registry=self.registry,
        )
        build = Gauge(
            "clickstream_build_info", "The version that runs.", ["version"], registry=self.registry
        )
        build.labels(version("clickstream-operator")).set(1)
        self.leads = Gauge(
            "leader_election_master_status",
            "1 while this operator leads; absent while it stands by.",
            ["name"],
            registry=self.registry,
        )

    def observe_call(self, record: CallRecord) -> None:
        """Count one AWS call."""
        self.aws_calls.labels(record.service, record.operation, record.code).inc()
        self.aws_seconds.labels(record.service).observe(record.seconds)

    def observe_reconcile(self, *, result: str, seconds: float) -> None:
        """Count one reconciliation."""
        self.reconciles.labels(_CONTROLLER, result).inc()
        self.reconcile_seconds.labels(_CONTROLLER).observe(seconds)
        if result == "error":
            self.reconcile_errors.labels(_CONTROLLER).inc()

    def observe_workers(self, *, running: int, most: int) -> None:
        """Follow the workers."""
        self.active_workers.labels(_CONTROLLER).set(running)
        self.reconciles_at_once.labels(_CONTROLLER).set(most)

    def observe_wait(self, seconds: float) -> None:
        """Count how long one key waited in the queue."""
        self.queue_seconds.labels(_CONTROLLER).observe(seconds)

    def observe_queue(self, *, depth: int, added: bool) -> None:
        """Follow the work queue."""
        self.queue_depth.labels(_CONTROLLER).set(depth)
        if added:
            self.queue_adds.labels(_CONTROLLER).inc()
