"""Fields for the Kinesis stream and its capacity."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import KmsKey, atomic_list, validations


class Autoscaling(Model):
    """Shard count owned by the operator."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.AUTOSCALING))

    min_shards: int = Field(ge=1, le=10000)
    """Lower bound of the shard count. Free to change. Example: 2."""
    max_shards: int = Field(ge=1, le=10000)
    """Upper bound of the shard count. Free to change. Example: 32."""
    target_utilization_percent: int = Field(default=70, ge=10, le=90)
    """Percent of a shard's write limit above which, for two minutes in a row, shards are doubled. Default 70, free to change. Example: 60."""
    scale_down_after_seconds: int = Field(default=1800, ge=300, le=86400)
    """Seconds below half the target before shards are halved. Default 1800, free to change. Example: 3600."""


class Stream(Model):
    """The Kinesis data stream."""

    mode: Literal["Provisioned", "OnDemand"] = "Provisioned"
    """Capacity mode. AWS allows two switches in 24 hours. Default Provisioned, free to change. Example: OnDemand."""
    shards: int = Field(default=2, ge=1, le=10000)
    """Number of shards; one takes 1 MiB or 1,000 records a second. Ignored with mode OnDemand; the start with autoscaling. Changed in steps of at most x2 or /2, 10 in 24 hours. Default 2, free to change. Example: 4."""
    autoscaling: Autoscaling | None = None
    """Shards follow the load: one GetMetricData call a minute. Unset by default, free to change. Needs mode Provisioned. Example: {minShards: 2, maxShards: 16}."""
    retention_hours: int = Field(default=24, ge=24, le=8760)
    """Hours that Kinesis keeps records. Default 24, free to change. Above 24 costs extra. Example: 48."""
    max_record_size_kib: int = Field(default=1024, ge=1024, le=4096)
    """Largest record in KiB that the stream takes; a larger one is refused to its producer. AWS takes up to 10240, a function's payload holds no more than 4096. Default 1024, free to change. Example: 2048."""
    warm_throughput_mibps: int | None = Field(default=None, ge=1, le=10240)
    """MiB a second of writes that an on-demand stream is kept ready for. Unset by default: what AWS has is left alone. Needs mode OnDemand, and On-demand Advantage in the account, which the operator never turns on. Free to change. Example: 50."""
    kms_key_id: KmsKey = "alias/aws/kinesis"
    """KMS key of the stream: alias, id or ARN. Default alias/aws/kinesis, free to change. Example: alias/clickstream."""
    shard_level_metrics: list[
        Literal[
            "IncomingBytes",
            "IncomingRecords",
            "OutgoingBytes",
            "OutgoingRecords",
            "WriteProvisionedThroughputExceeded",
            "ReadProvisionedThroughputExceeded",
            "IteratorAgeMilliseconds",
        ]
    ] = atomic_list(["IncomingRecords", "OutgoingRecords"], max_items=7)
    """Shard-level CloudWatch metrics; each costs as a custom metric per shard. Default [IncomingRecords, OutgoingRecords], free to change. Example: []."""
