"""CloudWatch: settings of an alarm that the emulator does not keep."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

_KEPT: Final = ("WarmUpConfiguration", "ActionConfiguration")
_MINUTES: Final = range(1, 2881)
_AT: Final = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d\)")
_DURATION: Final = re.compile(r"PT(\d+)M")
_MUTED_MINUTES: Final = range(1, 15 * 24 * 60 + 1)


class AlarmSettings(Rule):
    """Warm-up of an alarm, and tags in its notifications.

    PutMetricAlarm: "When you update an existing alarm, its state is left unchanged, but the update
    completely overwrites the previous configuration of the alarm"; WarmUpPeriodDurationInMinutes:
    1 to 2880; DescribeAlarms tells both (Amazon CloudWatch API Reference, PutMetricAlarm,
    WarmUpConfiguration, MetricAlarm).
    """

    name = "cloudwatch-alarm-settings"
    services = frozenset({"cloudwatch"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._settings: dict[Any, dict[str, Any]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Refuse a warm-up out of bounds."""
        warm_up = call.parameters.get("WarmUpConfiguration")
        if call.operation == "PutMetricAlarm" and warm_up:
            minutes = warm_up["WarmUpPeriodDurationInMinutes"]
            if int(minutes) not in _MINUTES:
                raise Refusal(
                    "ValidationError", "WarmUpPeriodDurationInMinutes must be between 1 and 2880."
                )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Follow the alarms; tell the settings in descriptions."""
        if call.operation == "PutMetricAlarm":
            given = {one: call.parameters[one] for one in _KEPT if one in call.parameters}
            self._settings[call.key(call.text("AlarmName"))] = given
        elif call.operation == "DeleteAlarms":
            for name in call.parameters["AlarmNames"]:
                self._settings.pop(call.key(name), None)
        elif call.operation == "DescribeAlarms":
            for one in answer.edit().get("MetricAlarms", ()):
                one.update(self._settings.get(call.key(one["AlarmName"]), {}))


class AlarmMuteRules(Rule):
    """Rules that mute alarms for a time.

    PutAlarmMuteRule: a duration of "minimum of 1 minute (PT1M) and maximum of 15 days (P15D)";
    "The alarm names must match existing alarms in your Amazon Web Services account and region";
    ExpireDate: "After this time, the rule status becomes EXPIRED"; DeleteAlarmMuteRule: "This
    operation is idempotent" (Amazon CloudWatch API Reference). The emulator has none of it. The
    clock has no date: a window begins when its rule is put.
    """

    name = "cloudwatch-alarm-mute-rules"
    services = frozenset({"cloudwatch"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._alarms: set[Any] = set()
        self._rules: dict[Any, tuple[dict[str, Any], float]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Keep the rules in the emulator's place."""
        if call.operation == "PutAlarmMuteRule":
            self._check(call)
            key = call.key(call.parameters["Name"])
            self._rules[key] = dict(call.parameters), self.clock.now()
            return Answer.made(call, {})
        if call.operation == "DeleteAlarmMuteRule":
            self._rules.pop(call.key(call.parameters["AlarmMuteRuleName"]), None)
            return Answer.made(call, {})
        if call.operation == "GetAlarmMuteRule":
            known = self._rules.get(call.key(call.parameters["AlarmMuteRuleName"]))
            if known is None:
                raise Refusal("ResourceNotFoundException", "There is no such alarm mute rule.")
            return Answer.made(call, {**known[0], "Status": self._status(*known)})
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Follow the alarms."""
        if call.operation == "PutMetricAlarm":
            self._alarms.add(call.key(call.text("AlarmName")))
        elif call.operation == "DeleteAlarms":
            self._alarms -= {call.key(name) for name in call.parameters["AlarmNames"]}

    def _check(self, call: Call) -> None:
        names = call.parameters["MuteTargets"]["AlarmNames"]
        missing = [name for name in names if call.key(name) not in self._alarms]
        if missing:
            raise Refusal("ValidationError", f"There is no alarm {missing[0]}.")
        schedule = call.parameters["Rule"]["Schedule"]
        if not _AT.fullmatch(schedule["Expression"]):
            raise Refusal("ValidationError", f"{schedule['Expression']} is no at expression.")
        if _minutes(schedule["Duration"]) not in _MUTED_MINUTES:
            raise Refusal("ValidationError", "Duration must be between PT1M and P15D.")

    def _status(self, rule: Mapping[str, Any], since: float) -> str:
        lasting = 60.0 * _minutes(rule["Rule"]["Schedule"]["Duration"])
        return "ACTIVE" if self.clock.now() < since + lasting else "EXPIRED"


def _minutes(duration: str) -> int:
    """Minutes of the form that the operator uses; 0 of others."""
    found = _DURATION.fullmatch(duration)
    return int(found[1]) if found else 0
