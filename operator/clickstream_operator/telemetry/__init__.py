"""Telemetry of the process: logs, metrics and health."""

from clickstream_operator.telemetry.health import HealthServer
from clickstream_operator.telemetry.logging import configure
from clickstream_operator.telemetry.metrics import Metrics

__all__ = [
    "HealthServer",
    "Metrics",
    "configure",
]
