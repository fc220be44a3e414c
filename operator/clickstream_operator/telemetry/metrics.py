"""Prometheus metrics, with the names of controller-runtime where it has them."""

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


class _State(NamedTuple):
    """State of one pipeline."""

    conditions: tuple[tuple[str, str, str], ...]
    """Type, status and reason of each."""
    deleting_since: float | None
    """Seconds since the epoch."""


class PipelineStates(Collector):
    """Conditions and deletion times of the pipelines, from the watch; comparisons with AWS."""

    def __init__(self) -> None:
        self._states: dict[ObjectKey, _State] = {}
        self._verified: dict[ObjectKey, float] = {}

    def set(self, key: ObjectKey, body: Mapping[str, Any]) -> None:
        """Record an object of the watch."""
        conditions = (body.get("status") or {}).get("conditions") or []
        since = body["metadata"].get("deletionTimestamp")
        self._states[key] = _State(
            tuple((one["type"], one["status"], one["reason"]) for one in conditions),
            datetime.fromisoformat(since).timestamp() if since else None,
        )

    def set_verified(self, key: ObjectKey, moment: str) -> None:
        """Record since when (RFC 3339) every resource has been compared with AWS in full."""
        self._verified[key] = datetime.fromisoformat(moment).timestamp()

    def delete(self, key: ObjectKey) -> None:
        """Drop a deleted object, which then has no metrics."""
        self._states.pop(key, None)
        self._verified.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metric families."""
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
        verified = GaugeMetricFamily(
            "clickstream_pipeline_last_verified_timestamp_seconds",
            "Oldest comparison with AWS in full among the resources of a pipeline, in seconds "
            "since 1970.",
            labels=["namespace", "pipeline"],
        )
        # The event loop may record another pipeline while this thread collects.
        for key, seen in list(self._states.items()):
            for condition in seen.conditions:
                conditions.add_metric([key.namespace, key.name, *condition], 1)
            if seen.deleting_since is not None:
                deleting.add_metric([key.namespace, key.name], seen.deleting_since)
        for key, moment in list(self._verified.items()):
            verified.add_metric([key.namespace, key.name], moment)
        yield conditions
        yield deleting
        yield verified


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
            "Reconciliations under way.",
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
            "Seconds that a pipeline waited for a worker.",
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
            "AWS API calls that AWS throttled.",
            ["service", "operation"],
            registry=self.registry,
        )
        self.aws_waits = Counter(
            "clickstream_aws_rate_limiter_seconds_total",
            "Seconds that calls waited in the client-side rate limiter.",
            ["service"],
            registry=self.registry,
        )
        self.drift = Counter(
            "clickstream_drift_total",
            "Corrections of drift, by kind of resource.",
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
            "AWS resources that forced deletions left.",
            registry=self.registry,
        )
        build = Gauge(
            "clickstream_build_info", "The version that runs.", ["version"], registry=self.registry
        )
        build.labels(version("clickstream-operator")).set(1)
        self.tenants_good = Gauge(
            "clickstream_tenants_good",
            "1 while the tenants on disk are in force; 0 while the file is broken.",
            registry=self.registry,
        )
        self.tenants_good.set(1)
        self.leads = Gauge(
            "leader_election_master_status",
            "1 while this operator leads; absent on a standby.",
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
        """Set the gauges of the workers."""
        self.active_workers.labels(_CONTROLLER).set(running)
        self.reconciles_at_once.labels(_CONTROLLER).set(most)

    def observe_wait(self, seconds: float) -> None:
        """Count the seconds that one key waited in the queue."""
        self.queue_seconds.labels(_CONTROLLER).observe(seconds)

    def observe_queue(self, *, depth: int, added: bool) -> None:
        """Set the gauges of the work queue."""
        self.queue_depth.labels(_CONTROLLER).set(depth)
        if added:
            self.queue_adds.labels(_CONTROLLER).inc()
