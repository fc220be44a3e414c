"""Settings of a Kinesis stream that are neither its capacity nor its readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.engine.resource import Diff, Observed, Properties

GRANTS: Final = (Grant("Stream", (f"arn:aws:kinesis:*:*:stream/{BASE}-events",), by_tag=True),)

#: KiB; of a stream that was never given another size (UpdateMaxRecordSize, API reference).
MAX_RECORD_SIZE_KIB: Final = 1024
#: Records with one partition key go to one shard, in order. With AUTO, AWS ignores the key
#: (UpdateStreamRecordDistributionStrategy, API reference).
BY_KEY: Final = "USER_PARTITION_KEY"
#: KiB; a function gets no larger record: its payload has 6 MB, and base64 takes a third more.
_MOST_FOR_FUNCTIONS: Final = 4096


def setting_properties(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of an answer of DescribeStreamSummary."""
    monitoring = summary.get("EnhancedMonitoring") or [{}]
    return {
        "retentionHours": summary["RetentionPeriodHours"],
        "maxRecordSizeKiB": summary.get("MaxRecordSizeInKiB", MAX_RECORD_SIZE_KIB),
        # Shown for on-demand streams only; all others go by the key.
        "recordDistribution": summary.get("RecordDistributionStrategy", BY_KEY),
        "encryption.keyId": key_name(summary.get("KeyId")),
        "shardLevelMetrics": tuple(sorted(monitoring[0].get("ShardLevelMetrics", ()))),
    }


async def change(
    calls: Calls, *, stream: str, key_id: str, desired: Properties, observed: Observed, diff: Diff
) -> bool:
    """Change the first setting in a difference, as each makes the stream UPDATING.

    Returns whether there was one.
    """
    found = _change(stream, key_id, desired, observed, diff)
    if found is None:
        return False
    operation, parameters = found
    await calls.write("kinesis", operation, **parameters)
    return True


def record_size_misfit(stream: str, found_kib: int, wanted_kib: int) -> str:
    """Why a stream that takes larger records is not adopted; empty: it takes none.

    Producers would be refused from then on.
    """
    if found_kib <= wanted_kib:
        return ""
    remedy = f"set spec.stream.maxRecordSizeKiB to {found_kib}"
    if found_kib > _MOST_FOR_FUNCTIONS:
        remedy = (
            f"the functions take at most {_MOST_FOR_FUNCTIONS}: lower it with "
            "UpdateMaxRecordSize, and set spec.stream.maxRecordSizeKiB"
        )
    return (
        f"stream {stream} takes records of up to {found_kib} KiB, the spec "
        f"{wanted_kib}; {remedy}, before it is adopted"
    )


def _change(
    stream: str, key_id: str, desired: Properties, observed: Observed, diff: Diff
) -> tuple[str, dict[str, Any]] | None:
    by_name = {"StreamName": stream}
    by_arn = {"StreamARN": observed.arn}
    if "encryption.keyId" in diff:
        return "start_stream_encryption", {**by_name, "EncryptionType": "KMS", "KeyId": key_id}
    if "shardLevelMetrics" in diff:
        wanted = set(desired["shardLevelMetrics"])
        present = set(observed.properties["shardLevelMetrics"])
        # Enable first: the other direction shows in the next observation.
        if wanted - present:
            metrics = {"ShardLevelMetrics": sorted(wanted - present)}
            return "enable_enhanced_monitoring", {**by_name, **metrics}
        metrics = {"ShardLevelMetrics": sorted(present - wanted)}
        return "disable_enhanced_monitoring", {**by_name, **metrics}
    if "recordDistribution" in diff:
        strategy = {"RecordDistributionStrategy": desired["recordDistribution"]}
        return "update_stream_record_distribution_strategy", {**by_arn, **strategy}
    if "maxRecordSizeKiB" in diff:
        size = {"MaxRecordSizeInKiB": desired["maxRecordSizeKiB"]}
        return "update_max_record_size", {**by_arn, **size}
    if "retentionHours" in diff:
        period = {"RetentionPeriodHours": desired["retentionHours"]}
        if desired["retentionHours"] > observed.properties["retentionHours"]:
            return "increase_stream_retention_period", {**by_name, **period}
        return "decrease_stream_retention_period", {**by_name, **period}
    return None
