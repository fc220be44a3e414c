"""Fields for the tables and the archive."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import table_validation as table_rules
from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import KmsKey, validations


class ProvisionedCapacity(Model):
    """Capacity of each table."""

    model_config = ConfigDict(json_schema_extra=validations(*table_rules.CAPACITY))

    read_units: int = Field(ge=1, le=40000)
    """Read capacity units of each table. Free to change. Example: 5."""
    write_units: int = Field(ge=1, le=40000)
    """Write capacity units of each table. Free to change. Example: 25."""
    max_read_units: int | None = Field(default=None, ge=1, le=40000)
    """Read units that Application Auto Scaling, or whatever else, may set: any number from readUnits to this one is as wanted. Unset: nobody else sets them. Free to change. Example: 100."""
    max_write_units: int | None = Field(default=None, ge=1, le=40000)
    """Write units that Application Auto Scaling, or whatever else, may set: any number from writeUnits to this one is as wanted. Unset: nobody else sets them. Free to change. Example: 500."""


class TimeToLive(Model):
    """How long items live, counted from event time."""

    page_metrics_days: int = Field(default=7, ge=2, le=3650)
    """Days that page items live. At least retention plus events.maxPastSeconds plus 2 hours. Default 7, free to change. Example: 30."""
    session_metrics_hours: int = Field(default=48, ge=27, le=87600)
    """Hours that session items live. At least retention plus events.maxPastSeconds plus 2 hours. Default 48, free to change. Example: 168."""
    counters_hours: int = Field(default=48, ge=27, le=87600)
    """Hours that counters live. At least retention plus events.maxPastSeconds plus 2 hours. Default 48, free to change. Example: 72."""


class Tables(Model):
    """The three DynamoDB tables."""

    model_config = ConfigDict(json_schema_extra=validations(*table_rules.TABLES))

    billing_mode: Literal["OnDemand", "Provisioned"] = "OnDemand"
    """How capacity is paid; AWS limits switches. Default OnDemand, free to change. Example: Provisioned."""
    provisioned: ProvisionedCapacity | None = None
    """Capacity with billingMode Provisioned, where it is required. Unset by default, free to change. Example: {readUnits: 5, writeUnits: 25}."""
    point_in_time_recovery: bool = True
    """Continuous backups of 35 days. Default true, free to change. Example: false."""
    deletion_protection: bool = True
    """Whether AWS refuses to delete the tables. Default true, free to change. Example: false."""
    kms_key_id: KmsKey | None = None
    """KMS key of the tables. Unset: AWS managed key. Free to change. Example: alias/tables."""
    ttl: TimeToLive = Field(default_factory=TimeToLive)
    """How long items live. Default 7 days, 48 hours, 48 hours; free to change. Example: {countersHours: 72}."""


class Transition(Model):
    """One move to a cheaper storage class."""

    storage_class: Literal[
        "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"
    ] = Field(json_schema_extra={"maxLength": 19})
    """S3 storage class. Objects that leave one early are billed to its minimum: the IA classes 30 days, GLACIER_IR and GLACIER 90, DEEP_ARCHIVE 180. Example: GLACIER."""
    after_days: int = Field(ge=0, le=3653)
    """Age in days at which objects move; 0 is within a day. Each move is billed. Example: 90."""


class Archive(Model):
    """The S3 bucket with raw events and bad rows."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.ARCHIVE))

    enabled: bool = True
    """Whether events are archived; false keeps the bucket and stops writing. Default true, free to change. Example: false."""
    compression: Literal["Gzip", "Zstd"] = "Gzip"
    """Compression of archive objects. Default Gzip, free to change. Example: Zstd."""
    transitions: list[Transition] = Field(
        default_factory=lambda: [
            Transition(storage_class="STANDARD_IA", after_days=30),
            Transition(storage_class="GLACIER", after_days=90),
        ],
        max_length=6,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    """Moves to cheaper classes, in S3's order. Default STANDARD_IA after 30 and GLACIER after 90 days, free to change. Example: []."""
    expiration_days: int = Field(default=365, ge=0, le=3653)
    """Age in days at which archive objects are deleted; 0 keeps them without limit. Greater than every transition. Default 365, free to change. Example: 730."""
    noncurrent_version_days: int = Field(default=30, ge=1, le=3653)
    """Days that overwritten versions live. Default 30, free to change. Example: 7."""
    abort_multipart_days: int = Field(default=7, ge=1, le=3653)
    """Days after which unfinished uploads are removed. Default 7, free to change. Example: 1."""
    kms_key_id: KmsKey | None = None
    """KMS key of the bucket. Unset: SSE-S3. Free to change. Example: alias/archive."""
