"""Reading of the hourly balance: one metric of the detector's, which says how much differs.

The operator has no rights on items and needs none: an hour that was closed is one value of
`BalanceDifference`, 0 or the number of rows, events and bytes that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.permissions import ANYTHING
from clickstream_operator.status.result import NumbersBalance

GRANTS: Final = (ANYTHING,)

#: Seconds between two readings: an hour is closed once an hour, some minutes after its end.
EVERY_SECONDS: Final = 900.0
NAMESPACE: Final = "Clickstream/Events"
METRIC: Final = "BalanceDifference"
_HOUR: Final = 3600
#: Hours that the condition speaks about.
_HOURS: Final = 24
#: A lane may be behind for some hours before nothing is said about it any more.
_SILENT_HOURS: Final = 6
_USELESS: Final = frozenset({"InternalError", "Forbidden"})


def is_off(detection: bool) -> NumbersBalance | None:  # noqa: FBT001 - one truth of the spec
    """The balance of a pipeline without a detector; None for one that has it."""
    if detection:
        return None
    message = "the detector closes hours; set anomalyDetection.enabled: true to have them balanced"
    return NumbersBalance("Unknown", Reason.DETECTOR_OFF, message)


async def read_balance(calls: Calls, base: str, now: datetime) -> NumbersBalance | None:
    """The balance of the last day's hours, with one GetMetricData; None if AWS has no answer."""
    try:
        answer = await calls.read(
            "cloudwatch",
            "get_metric_data",
            StartTime=now - timedelta(hours=_HOURS),
            EndTime=now,
            ScanBy="TimestampAscending",
            MetricDataQueries=[_query("worst", "Maximum", base)],
        )
    except AwsError:
        return None
    results = answer.get("MetricDataResults", ())
    if any(one.get("StatusCode") in _USELESS for one in results):
        return None
    values: dict[datetime, float] = {}
    for one in results:
        values |= dict(zip(one["Timestamps"], one["Values"], strict=True))
    return judge(values, now)


def judge(values: Mapping[datetime, float], now: datetime) -> NumbersBalance:
    """The balance that the values of closed hours amount to, by when they were closed."""
    different = sum(value > 0 for value in values.values())
    if different:
        hours = "1 hour" if different == 1 else f"{different} hours"
        return NumbersBalance(
            "False",
            Reason.NUMBERS_DIFFER,
            f"{hours} of the last {_HOURS} differ from what stands in tables and bucket; the "
            "detector's log (`hour not balanced`) says which and by what",
        )
    recent = now - timedelta(hours=_SILENT_HOURS)
    if not any(closed >= recent for closed in values):
        return NumbersBalance(
            "Unknown",
            Reason.NO_HOUR_CLOSED,
            f"no hour was closed in the last {_SILENT_HOURS}: the pipeline is new, a shard is "
            "behind, or the detector's role lacks dynamodb:Scan (`hour not judged` in its log)",
        )
    return NumbersBalance(
        "True",
        Reason.NUMBERS_AGREE,
        f"each hour closed in the last {_HOURS} agrees with what stands in tables and bucket",
    )


def _query(name: str, statistic: str, base: str) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": METRIC,
                "Dimensions": [{"Name": "Pipeline", "Value": base}],
            },
            "Period": _HOUR,
            "Stat": statistic,
        },
    }
