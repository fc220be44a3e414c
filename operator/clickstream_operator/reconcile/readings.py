"""Reading of what the functions' own metrics tell, for conditions: one call, now and then.

The operator has no rights on items and logs and needs none. `BalanceDifference` is the detector's,
one value for each hour that it closed; the others are sums of the processor's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from clickstream_operator.api.presets import resolve
from clickstream_operator.api.spec import Spec
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.permissions import ANYTHING
from clickstream_operator.reconcile import event_mapping, hourly_balance
from clickstream_operator.status.result import Reading

GRANTS: Final = (ANYTHING,)

#: Seconds between two readings: an hour is closed once an hour, some minutes after its end.
EVERY_SECONDS: Final = 900.0
NAMESPACE: Final = "Clickstream/Events"
_HOUR: Final = 3600
_HOURS: Final = 24
_BALANCE: Final = "BalanceDifference"
_SUMS: Final = ("EventsProcessed", "BadRows", "PageViews")
_USELESS: Final = frozenset({"InternalError", "Forbidden"})


@dataclass(frozen=True, slots=True)
class Readings:
    """What metrics tell; None where they don't."""

    balance: Reading | None = None
    mapping: Reading | None = None


async def read_metrics(calls: Calls, base: str, spec: Spec, now: datetime) -> Readings:
    """What the last day's metrics tell, with one GetMetricData."""
    detection = spec.anomaly_detection.enabled
    known = hourly_balance.is_off(detection)
    asked = {_BALANCE: "Maximum"} if detection else {}
    asked |= dict.fromkeys(_SUMS, "Sum")
    values = await _hourly_values(calls, base, asked, now)
    if values is None:
        return Readings(known)
    types = resolve(spec.events.model_dump(by_alias=True, exclude_none=True))["pageViewTypes"]
    events, bad, views = (values[name] for name in _SUMS)
    return Readings(
        known or hourly_balance.judge(values[_BALANCE], now),
        event_mapping.judge(events, bad, views, types=types),
    )


async def _hourly_values(
    calls: Calls, base: str, asked: Mapping[str, str], now: datetime
) -> dict[str, dict[datetime, float]] | None:
    """The last day's values of each metric, by the begin of their hour; None without an answer."""
    queries = [
        _query(f"m{place}", metric, statistic, base)
        for place, (metric, statistic) in enumerate(asked.items())
    ]
    try:
        answer = await calls.read(
            "cloudwatch",
            "get_metric_data",
            StartTime=now - timedelta(hours=_HOURS),
            EndTime=now,
            ScanBy="TimestampAscending",
            MetricDataQueries=queries,
        )
    except AwsError:
        return None
    results = answer.get("MetricDataResults", ())
    if any(one.get("StatusCode") in _USELESS for one in results):
        return None
    names = dict(zip((one["Id"] for one in queries), asked, strict=True))
    values: dict[str, dict[datetime, float]] = {name: {} for name in asked}
    for one in results:
        values[names[one["Id"]]] |= dict(zip(one["Timestamps"], one["Values"], strict=True))
    return values


def _query(name: str, metric: str, statistic: str, base: str) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": metric,
                "Dimensions": [{"Name": "Pipeline", "Value": base}],
            },
            "Period": _HOUR,
            "Stat": statistic,
        },
    }
