"""Kinesis data stream."""

# The contract names arguments that this kind does not need.
# ruff: noqa: ARG002

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws.session import Calls
from clickstream_operator.aws.tags import from_list
from clickstream_operator.engine.resource import (
    READY,
    Diff,
    Observed,
    Outputs,
    Phase,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    ResourceBlocked,
    deleting,
    progressing,
)
from clickstream_operator.resources.absence import found
from clickstream_operator.resources.kms_keys import key_name

ON_DEMAND: Final = "ON_DEMAND"
PROVISIONED: Final = "PROVISIONED"
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class KinesisStream(Resource):
    """Kinesis data stream.

    `shards`: open shards wanted; None leaves the count alone (and creates with 1). Ignored when
    `on_demand`. `kms_key_id`: alias, key id or ARN. `shard_level_metrics`: Kinesis metric names.
    Outputs: ``arn, name, epoch, createdAt, shards``.

    A stream takes one change at a time and is UPDATING for a while after each (Kinesis Data Streams
    API reference, UpdateShardCount, UpdateStreamMode, StartStreamEncryption).
    """

    kind = "KinesisStream"
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        shards: int | None,
        on_demand: bool,
        retention_hours: int,
        kms_key_id: str,
        shard_level_metrics: Sequence[str],
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._shards = shards
        self._on_demand = on_demand
        self._retention_hours = retention_hours
        self._kms_key_id = kms_key_id
        self._shard_level_metrics = shard_level_metrics

    def desired(self, outputs: Outputs) -> Properties:
        """Mode, shards, retention, key, metrics."""
        properties: dict[str, Any] = {
            "mode": ON_DEMAND if self._on_demand else PROVISIONED,
            "retentionHours": self._retention_hours,
            "encryption.keyId": key_name(self._kms_key_id),
            "shardLevelMetrics": tuple(sorted(self._shard_level_metrics)),
        }
        if self._shards is not None and not self._on_demand:
            properties["shards"] = self._shards
        return properties

    async def observe(self, *, full: bool) -> Observed | None:
        """One DescribeStreamSummary; it tells everything but the tags."""
        answer = await found(
            self._calls.read("kinesis", "describe_stream_summary", StreamName=self.physical_name)
        )
        if answer is None:
            return None
        summary = answer["StreamDescriptionSummary"]
        created_at: datetime = summary["StreamCreationTimestamp"]
        monitoring = summary.get("EnhancedMonitoring") or [{}]
        return Observed(
            arn=summary["StreamARN"],
            properties={
                "mode": summary.get("StreamModeDetails", {}).get("StreamMode", PROVISIONED),
                "shards": summary["OpenShardCount"],
                "retentionHours": summary["RetentionPeriodHours"],
                "encryption.keyId": key_name(summary.get("KeyId")),
                "shardLevelMetrics": tuple(sorted(monitoring[0].get("ShardLevelMetrics", ()))),
                "consumers": summary.get("ConsumerCount", 0),
            },
            readiness=_readiness(summary["StreamStatus"]),
            outputs={
                "arn": summary["StreamARN"],
                "name": self.physical_name,
                "epoch": epoch(created_at),
                "createdAt": created_at.isoformat(),
                "shards": str(summary["OpenShardCount"]),
            },
            created_at=created_at,
        )

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForStream."""
        answer = await self._calls.read(
            "kinesis", "list_tags_for_stream", StreamName=self.physical_name
        )
        return from_list(answer.get("Tags", ()))

    async def create(self, desired: Properties) -> None:
        """CreateStream answers nothing: the engine looks."""
        sizing = {} if self._on_demand else {"ShardCount": self._shards or 1}
        await self._calls.write(
            "kinesis",
            "create_stream",
            StreamName=self.physical_name,
            StreamModeDetails={"StreamMode": desired["mode"]},
            Tags=dict(self.tags),
            **sizing,
        )

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """One change; each makes the stream UPDATING, and the next one waits for ACTIVE."""
        if observed.readiness.phase is not Phase.READY:
            return
        tags = self.missing_tags(diff)
        if tags:
            await self._write("add_tags_to_stream", Tags=dict(tags))
        if "encryption.keyId" in diff:
            await self._write(
                "start_stream_encryption", EncryptionType="KMS", KeyId=self._kms_key_id
            )
        elif "shardLevelMetrics" in diff:
            await self._change_metrics(desired, observed)
        elif "retentionHours" in diff:
            wanted = desired["retentionHours"]
            longer = wanted > observed.properties["retentionHours"]
            operation = "increase" if longer else "decrease"
            await self._write(f"{operation}_stream_retention_period", RetentionPeriodHours=wanted)
        elif "mode" in diff:
            await self._calls.write(
                "kinesis",
                "update_stream_mode",
                StreamARN=observed.arn,
                StreamModeDetails={"StreamMode": desired["mode"]},
            )
        elif "shards" in diff:
            step = next_shard_count(observed.properties["shards"], desired["shards"])
            await self._write(
                "update_shard_count", TargetShardCount=step, ScalingType="UNIFORM_SCALING"
            )

    async def delete(self, observed: Observed) -> None:
        """DeleteStream, unless somebody registered a consumer on the stream.

        Event source mappings are no registered consumers.

        Raises:
            ResourceBlocked: ``DeletionBlocked``; names the consumers.
        """
        if observed.properties.get("consumers"):
            answer = await self._calls.read(
                "kinesis", "list_stream_consumers", StreamARN=observed.arn
            )
            names = sorted(one["ConsumerName"] for one in answer.get("Consumers", ()))
            raise ResourceBlocked(
                "DeletionBlocked",
                f"stream {self.physical_name} has registered consumers: {', '.join(names)}; "
                "deregister them, or set spec.deletionPolicy.stream to Retain",
            )
        await found(self._write("delete_stream"))

    async def _change_metrics(self, desired: Properties, observed: Observed) -> None:
        wanted = set(desired["shardLevelMetrics"])
        present = set(observed.properties["shardLevelMetrics"])
        # Enable first: the other direction shows in the next observation.
        operation, metrics = (
            ("enable_enhanced_monitoring", wanted - present)
            if wanted - present
            else ("disable_enhanced_monitoring", present - wanted)
        )
        await self._write(operation, ShardLevelMetrics=sorted(metrics))

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "kinesis", operation, StreamName=self.physical_name, **parameters
        )


def next_shard_count(current: int, target: int) -> int:
    """The next legal count on the way from `current` to `target`.

    At most double and at least half of the current count (UpdateShardCount, API reference); half
    of an odd count is rounded up: AWS documents no rounding, and more than half is always legal.
    """
    return max(min(target, current * 2), math.ceil(current / 2))


def epoch(created_at: datetime) -> str:
    """A short name of this incarnation of the stream: its creation second in base 36."""
    seconds = int(created_at.timestamp())
    digits = ""
    while seconds:
        seconds, digit = divmod(seconds, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _readiness(status: str) -> Readiness:
    if status == "ACTIVE":
        return READY
    if status == "DELETING":
        return deleting("AWS is deleting the stream")
    return progressing("StreamBusy", f"the stream is {status}")
