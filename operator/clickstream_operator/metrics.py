"""Prometheus metrics, under controller-runtime's names where it has one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from clickstream_operator.aws.session import CallRecord

_CONTROLLER = "clickstreampipeline"


class Metrics:
    """All collectors, on a registry of their own so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
        self.queue_depth = Gauge(
            "workqueue_depth", "Pipelines waiting for a worker.", ["name"], registry=self.registry
        )
        self.queue_adds = Counter(
            "workqueue_adds_total", "Pipelines queued.", ["name"], registry=self.registry
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
        self.drift = Counter(
            "clickstream_drift_total",
            "Resources found different from the spec, by what was done.",
            ["kind", "action"],
            registry=self.registry,
        )
        self.kubernetes_writes = Counter(
            "clickstream_kubernetes_writes_total",
            "Writes to the Kubernetes API, by what was written.",
            ["target"],
            registry=self.registry,
        )

        self.leads = Gauge(
            "leader_election_master_status",
            "1 while this operator leads, 0 while it stands by.",
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

    def observe_queue(self, *, depth: int, added: bool) -> None:
        """Follow the work queue."""
        self.queue_depth.labels(_CONTROLLER).set(depth)
        if added:
            self.queue_adds.labels(_CONTROLLER).inc()
