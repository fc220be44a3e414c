"""CloudWatch metric alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import BASE, Grant, only
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

_ALARMS: Final = (f"arn:aws:cloudwatch:*:*:alarm:{BASE}-*",)
GRANTS: Final = (
    only("cloudwatch:DescribeAlarms"),
    # CloudWatch acts with rights of its own ("Using condition keys to limit alarm actions").
    Grant(
        "PutAlarms",
        _ALARMS,
        ("cloudwatch:PutMetricAlarm",),
        {"ForAllValues:StringLike": {"cloudwatch:AlarmActions": ["arn:aws:sns:*:*:*"]}},
    ),
    Grant("Alarms", _ALARMS, by_tag=True),
)
BESIDES: Final = {"cloudwatch:put_metric_alarm": ("cloudwatch:TagResource",)}
READINGS: Final = (
    Reading(
        "cloudwatch",
        "describe_alarms",
        {"AlarmNames": ["<name>"]},
        {
            "description": "MetricAlarms[0].AlarmDescription",
            "metric.namespace": "MetricAlarms[0].Namespace",
            "metric.name": "MetricAlarms[0].MetricName",
            "metric.dimensions": "MetricAlarms[0].Dimensions",
            "metric.statistic": "MetricAlarms[0].Statistic",
            "metric.unit": "MetricAlarms[0].Unit",
            "periodSeconds": "MetricAlarms[0].Period",
            "evaluationPeriods": "MetricAlarms[0].EvaluationPeriods",
            "datapoints": "MetricAlarms[0].DatapointsToAlarm",
            "comparison": "MetricAlarms[0].ComparisonOperator",
            "threshold": "MetricAlarms[0].Threshold",
            "missingData": "MetricAlarms[0].TreatMissingData",
            "actions.enabled": "MetricAlarms[0].ActionsEnabled",
            "actions.alarm": "MetricAlarms[0].AlarmActions",
            "actions.ok": "MetricAlarms[0].OKActions",
            "actions.withTags": "MetricAlarms[0].ActionConfiguration.AlarmTagsPropagation.Enabled",
            "warmUpMinutes": "MetricAlarms[0].WarmUpConfiguration.WarmUpPeriodDurationInMinutes",
        },
    ),
    Reading(
        "cloudwatch",
        "list_tags_for_resource",
        {"ResourceARN": "<arn>"},
        {"tags": "Tags"},
        full_only=True,
    ),
)


MISSING_IS_FINE: Final = "notBreaching"

_MINUTE: Final = 60
#: Both are left out of a request that does not ask for them: not every region takes them.
_WARM_UP: Final = "WarmUpConfiguration"
_ACTIONS: Final = "ActionConfiguration"


@dataclass(frozen=True, slots=True)
class AlarmDefinition:
    """One metric alarm.

    `key` is the inventory key and the end of the AWS name (``processor-iterator-age``).
    `dimensions` name the metric with `namespace` and `metric`; `period_seconds` is a multiple of
    60. The alarm fires when `datapoints` of the last `evaluation_periods` periods compare to
    `threshold`.
    """

    key: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints: int
    period_seconds: int = _MINUTE
    missing_data: str = MISSING_IS_FINE


class Alarm(Resource):
    """CloudWatch metric alarm.

    `alarm_prefix`: prefix of the names of all alarms of the pipeline; they share one read.
    `action_arns`: who is told, of the alarm and of its end; `tags_in_notifications`: with the
    alarm's tags. `warm_up_minutes`: at most so long a new alarm waits for its metric, and is quiet
    meanwhile ("Alarm warm-up periods"); 0: not at all. Outputs: ``arn, name``.
    """

    kind = "Alarm"
    fast_is_complete = True
    #: An alarm with a unit sees only data points that carry it.
    added_later: ClassVar[Properties] = {
        "metric.unit": "",
        "actions.withTags": False,
        "warmUpMinutes": 0,
    }

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        definition: AlarmDefinition,
        alarm_prefix: str,
        action_arns: Sequence[str],
        tags_in_notifications: bool = False,
        warm_up_minutes: int = 0,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.alarm(self.physical_name)
        self._definition = definition
        self._alarm_prefix = alarm_prefix
        self._action_arns = action_arns
        self._tags_in_notifications = tags_in_notifications
        self._warm_up_minutes = warm_up_minutes

    def desired(self, outputs: Outputs) -> Properties:
        """The definition and its actions."""
        one = self._definition
        actions = tuple(sorted(self._action_arns))
        return {
            "description": one.description,
            "metric.namespace": one.namespace,
            "metric.name": one.metric,
            "metric.dimensions": dict(one.dimensions),
            "metric.statistic": one.statistic,
            "metric.unit": "",
            "periodSeconds": one.period_seconds,
            "evaluationPeriods": one.evaluation_periods,
            "datapoints": one.datapoints,
            "comparison": one.comparison,
            "threshold": float(one.threshold),
            "missingData": one.missing_data,
            "actions.enabled": True,
            "actions.alarm": actions,
            "actions.ok": actions,
            "actions.withTags": self._tags_in_notifications,
            "warmUpMinutes": self._warm_up_minutes,
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """DescribeAlarms by the shared prefix."""
        answer = await self._calls.read(
            "cloudwatch",
            "describe_alarms",
            AlarmNamePrefix=self._alarm_prefix,
            AlarmTypes=["MetricAlarm"],
        )
        for alarm in answer.get("MetricAlarms", ()):
            if alarm["AlarmName"] == self.physical_name:
                return self._observed(_alarm_properties(alarm))
        return None

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForResource."""
        answer = await self._calls.read(
            "cloudwatch", "list_tags_for_resource", ResourceARN=observed.arn
        )
        return from_list(answer.get("Tags", ()))

    async def create(self, desired: Properties) -> Observed:
        """PutMetricAlarm, with tags. It replaces one that exists: the engine observes before."""
        await self._put(desired, Tags=as_list(self.tags))
        return self._observed(desired, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """PutMetricAlarm replaces the definition; tags in it count at the creation only."""
        await self._put(desired)

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write(
            "cloudwatch", "tag_resource", ResourceARN=observed.arn, Tags=as_list(tags)
        )

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write(
            "cloudwatch", "untag_resource", ResourceARN=observed.arn, TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteAlarms, one call for all that go at the same time: it takes 100 names."""
        await ignore_not_found(
            self._calls.batched_write(
                "cloudwatch", "delete_alarms", "AlarmNames", self.physical_name
            )
        )

    async def _put(self, desired: Properties, **parameters: Any) -> None:
        dimensions = desired["metric.dimensions"]
        if desired["warmUpMinutes"]:
            parameters[_WARM_UP] = {"WarmUpPeriodDurationInMinutes": desired["warmUpMinutes"]}
        if desired["actions.withTags"]:
            parameters[_ACTIONS] = {"AlarmTagsPropagation": {"Enabled": True}}
        await self._calls.write(
            "cloudwatch",
            "put_metric_alarm",
            AlarmName=self.physical_name,
            AlarmDescription=desired["description"],
            Namespace=desired["metric.namespace"],
            MetricName=desired["metric.name"],
            Dimensions=[{"Name": name, "Value": dimensions[name]} for name in sorted(dimensions)],
            Statistic=desired["metric.statistic"],
            Period=desired["periodSeconds"],
            EvaluationPeriods=desired["evaluationPeriods"],
            DatapointsToAlarm=desired["datapoints"],
            ComparisonOperator=desired["comparison"],
            Threshold=desired["threshold"],
            TreatMissingData=desired["missingData"],
            ActionsEnabled=desired["actions.enabled"],
            AlarmActions=list(desired["actions.alarm"]),
            OKActions=list(desired["actions.ok"]),
            **parameters,
        )

    def _observed(self, properties: Properties, tags: Mapping[str, str] | None = None) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
        )


def _alarm_properties(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults as PutMetricAlarm documents them; a metric-math alarm has no metric of its own."""
    tags = alarm.get(_ACTIONS, {}).get("AlarmTagsPropagation", {})
    return {
        "description": alarm.get("AlarmDescription", ""),
        "metric.namespace": alarm.get("Namespace", ""),
        "metric.name": alarm.get("MetricName", ""),
        "metric.dimensions": {one["Name"]: one["Value"] for one in alarm.get("Dimensions", ())},
        "metric.statistic": alarm.get("Statistic", ""),
        "metric.unit": alarm.get("Unit") or "",
        "periodSeconds": alarm.get("Period", 0),
        "evaluationPeriods": alarm["EvaluationPeriods"],
        "datapoints": alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]),
        "comparison": alarm["ComparisonOperator"],
        "threshold": alarm.get("Threshold", 0.0),
        "missingData": alarm.get("TreatMissingData", "missing"),
        "actions.enabled": alarm.get("ActionsEnabled", True),
        "actions.alarm": tuple(sorted(alarm.get("AlarmActions", ()))),
        "actions.ok": tuple(sorted(alarm.get("OKActions", ()))),
        "actions.withTags": tags.get("Enabled", False),
        "warmUpMinutes": alarm.get(_WARM_UP, {}).get("WarmUpPeriodDurationInMinutes", 0),
    }
