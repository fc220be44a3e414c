"""Components of a pipeline: the inventory names of its resources, which never change."""

from __future__ import annotations

from typing import Final

STREAM: Final = "stream"

PAGE_METRICS: Final = "page-metrics-table"

SESSION_METRICS: Final = "session-metrics-table"

COUNTERS: Final = "counters-table"

ARCHIVE: Final = "archive"

DEAD_LETTER: Final = "dead-letter"

ALERTS: Final = "alerts"

HASH_KEY: Final = "hash-key"

PROCESSOR: Final = "processor"

DETECTOR: Final = "detector"

COLLECTOR: Final = "collector"

PROCESSOR_ROLE: Final = "processor-role"

DETECTOR_ROLE: Final = "detector-role"

COLLECTOR_ROLE: Final = "collector-role"

SCHEDULER_ROLE: Final = "scheduler-role"

PROCESSOR_LOGS: Final = "processor-logs"

DETECTOR_LOGS: Final = "detector-logs"

COLLECTOR_LOGS: Final = "collector-logs"

PROCESSOR_MAPPING: Final = "processor-mapping"

DETECTOR_MAPPING: Final = "detector-mapping"

PROCESSOR_CONFIG: Final = "processor-config"

DETECTOR_CONFIG: Final = "detector-config"

COLLECTOR_CONFIG: Final = "collector-config"

COLLECTOR_URL: Final = "collector-url"

SCHEDULE: Final = "schedule"

DASHBOARD: Final = "dashboard"

OF_COLLECTOR: Final = frozenset(
    {COLLECTOR, COLLECTOR_ROLE, COLLECTOR_LOGS, COLLECTOR_CONFIG, COLLECTOR_URL}
)
"""Resources that only a pipeline with a collector has."""

_SUBSCRIPTION: Final = "alerts-email-"


def subscription(digest: str) -> str:
    """Inventory name of an e-mail subscription, which does not show the address."""
    return f"{_SUBSCRIPTION}{digest}"


def subscription_digest(name: str) -> str | None:
    """The digest in the inventory name of a subscription; None for other resources."""
    return name.removeprefix(_SUBSCRIPTION) if name.startswith(_SUBSCRIPTION) else None
