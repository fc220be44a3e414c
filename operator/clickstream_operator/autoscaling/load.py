"""Load of a stream by minute, from CloudWatch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.permissions import ANYTHING

GRANTS: Final = (ANYTHING,)


#: Kinesis sends these once a minute for each stream, free of charge ("Monitoring the Amazon Kinesis
#: Data Streams Service with Amazon CloudWatch", basic stream-level metrics). They leave out records
#: that Kinesis refused.
_METRICS: Final = {"bytes": "IncomingBytes", "records": "IncomingRecords"}
_USELESS: Final = frozenset({"InternalError", "Forbidden"})


@dataclass(frozen=True, slots=True)
class Minute:
    """Sums of one minute."""

    bytes: float = 0.0
    records: float = 0.0


async def read_load(
    calls: Calls, stream: str, start: datetime, end: datetime
) -> Mapping[datetime, Minute] | None:
    """Load by the start of each minute, with one GetMetricData; None if CloudWatch has no answer.

    A minute without records is absent.

    Raises:
        AwsError: the call failed.
    """
    answer = await calls.read(
        "cloudwatch",
        "get_metric_data",
        StartTime=start,
        EndTime=end,
        ScanBy="TimestampAscending",
        MetricDataQueries=[_query(name, metric, stream) for name, metric in _METRICS.items()],
    )
    results = answer.get("MetricDataResults", ())
    if any(one.get("StatusCode") in _USELESS for one in results):
        return None
    sums: defaultdict[datetime, dict[str, float]] = defaultdict(dict)
    for one in results:
        for at, value in zip(one["Timestamps"], one["Values"], strict=True):
            sums[at.astimezone(UTC).replace(second=0, microsecond=0)][one["Id"]] = value
    return {at: Minute(**values) for at, values in sums.items()}


def _query(name: str, metric: str, stream: str) -> dict[str, Any]:
    dimensions = [{"Name": "StreamName", "Value": stream}]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Kinesis",
                "MetricName": metric,
                "Dimensions": dimensions,
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
