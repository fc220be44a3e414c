"""Fields for the anomaly detection and the rules of users."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import detection_validation as detection_rules
from clickstream_operator.api import validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import (
    MemberName,
    RoleArn,
    RuleName,
    map_list,
    set_list,
    validations,
)


class DetectionRule(Model):
    """A user's anomaly rule."""

    model_config = ConfigDict(json_schema_extra=validations(*detection_rules.DETECTION))

    name: RuleName
    """Rule name; a built-in's name replaces that rule. Example: many_pages."""
    kind: Literal["Rate", "Threshold", "Match", "Ratio", "Absent", "Seasonal"]
    """Rate: number of events; Threshold, Match: a member's number or text; Ratio: share of all events; Absent: none come; Seasonal: odd for the minute of the week. Example: Rate."""
    scope: Literal["Site", "Page", "Session", "IPPrefix"] = "Session"
    """What is counted apart. Default Session. Example: Page."""
    match: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        default_factory=dict, max_length=10, json_schema_extra=validations(*rules.MATCH)
    )
    """Members and values of the events that count. Default none. Example: {event_type: purchase}."""
    field: MemberName | None = None
    """Member to compare with Threshold and Match; else only events that have it count. Example: page_url."""
    operator: Literal["GreaterThan", "LessThan", "Equals", "Contains", "Matches"] | None = None
    """Comparison with value; Matches is a glob. Default GreaterThan, Equals with Match, both directions with Seasonal. Example: GreaterThan."""
    value: str | None = Field(default=None, max_length=256)
    """Value to compare with, as text; a share of 0 to 1 with Ratio. Example: "50"."""
    per_seconds: int | None = Field(default=None, ge=1, le=86400)
    """Window in seconds, 60 when unset. Example: 60."""
    for_seconds: int | None = Field(default=None, ge=60, le=86400)
    """How long it must hold, in seconds; scope Site only. Example: 120."""
    min_volume: int | None = Field(default=None, ge=0)
    """Events below which the rule stays silent: all of the window with Ratio (default 30), a minute's with Seasonal, those compared with Threshold and Match. Example: 30."""
    cooldown_seconds: int = Field(default=1800, ge=0, le=86400)
    """Seconds from an incident's begin to the next of the same subject. Default 1800. Example: 600."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """Severity in the message. Default warning. Example: critical."""


BuiltInRule = Literal[
    "high_frequency_clicks",
    "suspicious_user_agent",
    "unusual_page_sequence",
    "volume",
    "geographic",
]


class AnomalyDetection(Model):
    """The second function, which watches sessions and volume."""

    enabled: bool = True
    """Whether the function runs. Default true, free to change. Example: false."""
    memory_mib: int = Field(default=128, ge=128, le=10240)
    """Memory of the function in MiB. Default 128, free to change. Example: 256."""
    timeout_seconds: int = Field(default=30, ge=30, le=900)
    """Seconds until Lambda ends an invocation. Default 30, free to change. Example: 60."""
    reserved_concurrency: int | None = Field(default=None, ge=1, le=1000)
    """Concurrent executions set aside for the function. Unset by default, free to change. Example: 5."""
    role_arn: RoleArn | None = None
    """Existing role, like processor.roleArn. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/detector."""
    scheduler_role_arn: RoleArn | None = None
    """Existing role of the schedule, like roleArn. Created when unset. Free to change. Example: arn:aws:iam::123456789012:role/tick."""
    sensitivity: Literal["Low", "Medium", "High"] = "Medium"
    """How little is an anomaly: Low alerts on more than 100 events of a session in a minute, Medium 50, High 25. Default Medium, free to change. Example: High."""
    disabled_rules: list[BuiltInRule] = set_list(max_items=10)
    """Built-in rules to switch off. Default none, free to change. Example: [suspicious_user_agent]."""
    rules: list[DetectionRule] = map_list(max_items=50)
    """Your own rules; one with a built-in's name replaces it. Default none, free to change. Example: [{name: many_pages, kind: Rate, value: "100", perSeconds: 60}]."""
