"""CloudWatch: settings of an alarm that the emulator does not keep."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

_KEPT: Final = ("WarmUpConfiguration", "ActionConfiguration")
_MINUTES: Final = range(1, 2881)


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
