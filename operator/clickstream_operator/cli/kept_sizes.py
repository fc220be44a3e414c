"""Sizes of the tables and the bucket that a deletion leaves, as AWS tells them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.read_only import ReadOnlySession
from clickstream_operator.cli.parting import Sizes

_TABLES: Final = (components.PAGE_METRICS, components.SESSION_METRICS, components.COUNTERS)
_CLASSES: Final = {
    "StandardStorage": "STANDARD",
    "StandardIAStorage": "STANDARD_IA",
    "OneZoneIAStorage": "ONEZONE_IA",
    "IntelligentTieringFAStorage": "INTELLIGENT_TIERING",
    "GlacierInstantRetrievalStorage": "GLACIER_IR",
    "GlacierStorage": "GLACIER",
    "DeepArchiveStorage": "DEEP_ARCHIVE",
}
"""Storage class by the metric's storage type (Amazon S3 User Guide, "Metrics and dimensions")."""


async def read(
    session: ReadOnlySession, effective: Effective, stays: set[str], *, now: datetime
) -> Sizes:
    """The sizes of those components that stay.

    Raises:
        AwsError: AWS refused.
    """
    size = backed_up = reads = writes = 0
    for component in _TABLES:
        if component not in stays:
            continue
        name = effective.names[component]
        try:
            table = (await session.call("dynamodb", "describe_table", TableName=name))["Table"]
        except AwsError as error:
            if error.category is Category.NOT_FOUND:
                continue
            raise
        held = int(table.get("TableSizeBytes", 0))
        size += held
        throughput = table.get("ProvisionedThroughput") or {}
        reads += int(throughput.get("ReadCapacityUnits") or 0)
        writes += int(throughput.get("WriteCapacityUnits") or 0)
        backups = await session.call("dynamodb", "describe_continuous_backups", TableName=name)
        recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        backed_up += held if recovery.get("PointInTimeRecoveryStatus") == "ENABLED" else 0
    bucket = None
    if components.ARCHIVE in stays:
        bucket = await _bucket(session, effective.names[components.ARCHIVE], now)
    return Sizes(size, backed_up, reads, writes, bucket)


async def _bucket(session: ReadOnlySession, bucket: str, now: datetime) -> dict[str, float] | None:
    """Bytes by storage class; S3 tells them CloudWatch once a day."""
    answer = await session.call(
        "cloudwatch",
        "get_metric_data",
        StartTime=now - timedelta(days=3),
        EndTime=now,
        MetricDataQueries=[_query(kind, bucket) for kind in _CLASSES],
    )
    found = {
        _CLASSES[one["Label"]]: float(one["Values"][0])
        for one in answer.get("MetricDataResults", ())
        if one.get("Values") and one.get("Label") in _CLASSES
    }
    return found or None


def _query(kind: str, bucket: str) -> dict[str, Any]:
    return {
        "Id": kind[0].lower() + kind[1:],
        "Label": kind,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/S3",
                "MetricName": "BucketSizeBytes",
                "Dimensions": [
                    {"Name": "BucketName", "Value": bucket},
                    {"Name": "StorageType", "Value": kind},
                ],
            },
            "Period": 86400,
            "Stat": "Average",
        },
    }
