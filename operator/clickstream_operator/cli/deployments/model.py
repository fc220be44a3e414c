"""A deployment of the original recipe, wherever it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PAGE_METRICS: Final = "page-metrics"
SESSION_METRICS: Final = "session-metrics"
COUNTERS: Final = "counters"

KEYS: Final[Mapping[str, tuple[str, str]]] = {
    PAGE_METRICS: ("page_url", "timestamp_hour"),
    SESSION_METRICS: ("session_id", ""),
    COUNTERS: ("metric_name", "time_window"),
}
"""Partition and sort key of each table, which the operator's tables have too."""

PREFIX_VARIABLE: Final = "TABLE_PREFIX"
BUCKET_VARIABLE: Final = "BUCKET_NAME"
TOPIC_VARIABLE: Final = "SNS_TOPIC_ARN"
"""Variables by which the recipe's functions find tables, bucket and topic."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The Kinesis stream."""

    name: str
    arn: str
    mode: str
    """``Provisioned`` or ``OnDemand``."""
    shards: int
    retention_hours: int
    kms_key_id: str
    """Empty: not encrypted."""
    shard_level_metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One of the three tables."""

    name: str
    arn: str
    on_demand: bool
    read_units: int
    write_units: int
    point_in_time_recovery: bool
    kms_key_id: str = ""
    """A key of the customer; empty: AWS's, or unknown."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The archive bucket. `expiration_days` 0: objects are kept."""

    name: str
    expiration_days: int | None = None
    """None: no rule says."""
    transitions: tuple[tuple[str, int], ...] = ()
    kms_key_id: str = ""
    other_rules: tuple[str, ...] = ()
    """Lifecycle rules that a pipeline's settings can't express."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that reads the stream."""

    name: str
    mapping: str
    """UUID of its event source mapping."""
    counts: bool
    """Whether it is the processor: the detector only reads the counts."""
    memory_mib: int
    timeout_seconds: int
    batch_size: int
    window_seconds: int
    reserved_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """Parts of one deployment, and the settings that a pipeline takes over."""

    account: str
    region: str
    stream: Stream
    bucket: Bucket
    tables: Mapping[str, Table]
    functions: tuple[Function, ...]
    dashboard: bool
    alerts: bool
    emails: tuple[str, ...] = ()
    log_retention_days: int | None = None
    dead_letter_days: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags that all the parts share."""
    notes: tuple[str, ...] = ()

    @property
    def processor(self) -> Function | None:
        """The function that counts; None where there is none any more."""
        return next((one for one in self.functions if one.counts), None)

    @property
    def detector(self) -> Function | None:
        """The function that looks for anomalies; None where it is off."""
        return next((one for one in self.functions if not one.counts), None)
