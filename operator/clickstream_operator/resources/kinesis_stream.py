"""Kinesis data stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Unpack

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import from_list
from clickstream_operator.engine.resource import (
    READY,
    Diff,
    Observed,
    Outputs,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    Wait,
    deleting,
    progressing,
)
from clickstream_operator.resources import (
    kinesis_capacity,
    kinesis_readers,
    kinesis_settings,
    kinesis_warm_throughput,
)
from clickstream_operator.resources.alarm_mute import AlarmMute
from clickstream_operator.resources.kinesis_capacity import StreamCapacity
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.kinesis_settings import BY_KEY, MAX_RECORD_SIZE_KIB

GRANTS: Final = kinesis_capacity.GRANTS
BESIDES: Final = {"kinesis:create_stream": ("kinesis:AddTagsToStream", "kinesis:TagResource")}
READINGS: Final = (
    Reading(
        "kinesis",
        "describe_stream_summary",
        {"StreamName": "<name>"},
        {
            "mode": "StreamDescriptionSummary.StreamModeDetails.StreamMode",
            "shards": "StreamDescriptionSummary.OpenShardCount",
            "retentionHours": "StreamDescriptionSummary.RetentionPeriodHours",
            "maxRecordSizeKiB": "StreamDescriptionSummary.MaxRecordSizeInKiB",
            "recordDistribution": "StreamDescriptionSummary.RecordDistributionStrategy",
            "warmThroughputMiBps": "StreamDescriptionSummary.WarmThroughput.TargetMiBps",
            "encryption.keyId": "StreamDescriptionSummary.KeyId",
            "shardLevelMetrics": (
                "StreamDescriptionSummary.EnhancedMonitoring[0].ShardLevelMetrics | sort(@)"
            ),
        },
    ),
    Reading(
        "kinesis",
        "list_tags_for_stream",
        {"StreamName": "<name>"},
        {"tags": "Tags"},
        full_only=True,
    ),
)

ON_DEMAND: Final = "ON_DEMAND"
PROVISIONED: Final = "PROVISIONED"
#: Seconds. AWS names no figure; its scaling tool reckons with half a minute for each step, which is
#: when it is observed again.
_SOONEST: Final = 10.0
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _busy(status: str) -> Readiness:
    # A stream that is UPDATING takes and gives records (UpdateShardCount, API reference).
    usable = status == "UPDATING"
    return progressing("StreamBusy", f"the stream is {status}", usable=usable, seconds=_SOONEST)


class KinesisStream(Resource):
    """Kinesis data stream.

    `shards`: open shards wanted; None leaves the count alone (and creates with 1). Ignored when
    `on_demand`. `bounds`: any count between them is as desired, and `shards` is only what a new
    stream begins with. `warm_throughput_mibps`: of an on-demand stream; None leaves it alone.
    `history`: what was asked of AWS lately. `mute`: of the alarms, while a resize runs.
    `kms_key_id`: alias, key id or ARN. `shard_level_metrics`: Kinesis metric names.
    Outputs: ``arn, name, epoch, createdAt, shards``.

    A stream takes one change at a time and is UPDATING for a while after each (Kinesis Data Streams
    API reference, UpdateShardCount, UpdateStreamMode, StartStreamEncryption).
    """

    kind = "KinesisStream"
    shared_by = {"shards": "spec.stream.autoscaling"}  # noqa: RUF012 - as the contract declares it
    holds = "the events that had not been processed"
    fast_is_complete = True
    create_first = True
    added_later: ClassVar[Properties] = {
        "maxRecordSizeKiB": MAX_RECORD_SIZE_KIB,
        "recordDistribution": BY_KEY,
    }
    busy_after_change = _busy("UPDATING")

    def __init__(
        self,
        *,
        calls: Calls,
        shards: int | None,
        on_demand: bool,
        retention_hours: int,
        max_record_size_kib: int = MAX_RECORD_SIZE_KIB,
        warm_throughput_mibps: int | None = None,
        kms_key_id: str,
        shard_level_metrics: Sequence[str],
        bounds: tuple[int, int] | None = None,
        history: StreamHistory | None = None,
        mute: AlarmMute | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._shards = shards
        self._on_demand = on_demand
        self._retention_hours = retention_hours
        self._max_record_size_kib = max_record_size_kib
        self._warm_throughput_mibps = warm_throughput_mibps
        self._kms_key_id = kms_key_id
        self._shard_level_metrics = shard_level_metrics
        self._bounds = None if on_demand else bounds
        self._history = history or StreamHistory()
        self._mute = mute
        self._capacity = StreamCapacity(calls, self.physical_name, self._history, mute)
        if self._bounds is not None:
            self._shards = _within(shards or 1, self._bounds)

    def desired(self, outputs: Outputs) -> Properties:
        """Mode, shards, retention, key, metrics."""
        properties: dict[str, Any] = {
            "mode": ON_DEMAND if self._on_demand else PROVISIONED,
            "retentionHours": self._retention_hours,
            "maxRecordSizeKiB": self._max_record_size_kib,
            "recordDistribution": BY_KEY,
            "encryption.keyId": key_name(self._kms_key_id),
            "shardLevelMetrics": tuple(sorted(self._shard_level_metrics)),
        }
        if self._warm_throughput_mibps is not None:
            properties["warmThroughputMiBps"] = self._warm_throughput_mibps
        if self._bounds is not None:
            # Not observed, so never drift: they tell a change of the spec from one of the load.
            properties["autoscaling.minShards"], properties["autoscaling.maxShards"] = self._bounds
        elif self._shards is not None and not self._on_demand:
            properties["shards"] = self._shards
        return properties

    def diff(self, desired: Properties, observed: Observed) -> Diff:
        """Differences; a shard count between the bounds of autoscaling is none."""
        diff = super().diff(desired, observed)
        if self._bounds is None or "shards" not in observed.properties:
            return diff
        shards = observed.properties["shards"]
        wanted = _within(shards, self._bounds)
        return diff if shards == wanted else Diff({**diff.fields, "shards": (shards, wanted)})

    async def observe(self, *, full: bool) -> Observed | None:
        """One DescribeStreamSummary; it tells everything but the tags."""
        answer = await ignore_not_found(
            self._calls.read("kinesis", "describe_stream_summary", StreamName=self.physical_name)
        )
        if answer is None:
            return None
        summary = answer["StreamDescriptionSummary"]
        created_at: datetime = summary["StreamCreationTimestamp"]
        return Observed(
            arn=summary["StreamARN"],
            properties={
                "mode": summary.get("StreamModeDetails", {}).get("StreamMode", PROVISIONED),
                "shards": summary["OpenShardCount"],
                **kinesis_settings.setting_properties(summary),
                **kinesis_warm_throughput.properties(summary),
                **kinesis_readers.reader_properties(summary),
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
        """CreateStream answers nothing: the engine observes.

        Raises:
            ResourceBlocked: ``ChangeBlocked``; the account takes no warm throughput.
        """
        sizing = {} if self._on_demand else {"ShardCount": self._shards or 1}
        if self._warm_throughput_mibps is not None:
            await kinesis_warm_throughput.check_account(self._calls, self.physical_name)
            sizing["WarmThroughputMiBps"] = self._warm_throughput_mibps
        await self._calls.write(
            "kinesis",
            "create_stream",
            StreamName=self.physical_name,
            StreamModeDetails={"StreamMode": desired["mode"]},
            MaxRecordSizeInKiB=desired["maxRecordSizeKiB"],
            Tags=dict(self.tags),
            **sizing,
        )
        self._history.forget()

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """One change; each makes the stream UPDATING, and the next one waits for ACTIVE.

        Raises:
            ResourceBlocked: ``ChangeBlocked``; queues and channels hold the stream in its mode, or
                the account takes no warm throughput.
        """
        if await kinesis_settings.change(
            self._calls,
            stream=self.physical_name,
            key_id=self._kms_key_id,
            desired=desired,
            observed=observed,
            diff=diff,
        ):
            return
        if "mode" in diff:
            if desired["mode"] == PROVISIONED:
                await kinesis_readers.check_switch_to_provisioned(
                    self._calls, self.physical_name, observed
                )
            await self._capacity.switch(observed.arn, desired["mode"])
        elif "warmThroughputMiBps" in diff:
            await kinesis_warm_throughput.change(
                self._calls, observed, desired["warmThroughputMiBps"]
            )
        elif "shards" in diff:
            await self.resize(observed, diff.fields["shards"][1])

    def misfit(self, observed: Observed) -> str:
        """A larger record size than wanted, by which producers would be refused from then on."""
        return kinesis_settings.record_size_misfit(
            self.physical_name, observed.properties["maxRecordSizeKiB"], self._max_record_size_kib
        )

    def under_way(self, observed: Observed, diff: Diff) -> Wait | None:
        """The step of a resize that AWS is at, while more will follow."""
        return self._capacity.under_way(diff.fields["shards"][1]) if "shards" in diff else None

    async def resize(self, observed: Observed, target: int) -> int:
        """Take the next step towards `target` shards; returns the count it leads to.

        Raises:
            StepMustWait: the budget is spent, or this reconcile has taken its step.
        """
        return await self._capacity.resize(observed.properties["shards"], target)

    async def end_mute(self) -> None:
        """No resize runs: the alarms tell again."""
        if self._mute is not None:
            await self._mute.end()

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By AddTagsToStream."""
        await self._write("add_tags_to_stream", Tags=dict(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By RemoveTagsFromStream."""
        await self._write("remove_tags_from_stream", TagKeys=list(keys))

    async def delete(self, observed: Observed) -> None:
        """DeleteStream, unless others read the stream.

        Event source mappings are no registered consumers.

        Raises:
            ResourceBlocked: ``DeletionBlocked``; names consumers, queues and channels.
        """
        await kinesis_readers.check_deletion(self._calls, self.physical_name, observed)
        await ignore_not_found(self._write("delete_stream"))

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "kinesis", operation, StreamName=self.physical_name, **parameters
        )


def _within(shards: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], shards))


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
        return deleting("AWS is deleting the stream", seconds=_SOONEST)
    return _busy(status)
