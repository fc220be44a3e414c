"""EventBridge Scheduler schedule."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Self, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.permissions import BASE, PASS_ROLES, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (PASS_ROLES, Grant("Schedule", (f"arn:aws:scheduler:*:*:schedule/default/{BASE}",)))
BESIDES: Final = {"scheduler:create_schedule": ("iam:PassRole",)}
READINGS: Final = (
    Reading(
        "scheduler",
        "get_schedule",
        {"Name": "<name>"},
        {
            "expression": "ScheduleExpression",
            "window": "[StartDate, EndDate]",
            "enabled": "State",
            "flexibleWindow": "FlexibleTimeWindow.Mode",
            "target.arn": "Target.Arn",
            "target.roleArn": "Target.RoleArn",
            "target.payload": "Target.Input",
            "target.retries": "Target.RetryPolicy.MaximumRetryAttempts",
            "target.maximumEventAgeSeconds": "Target.RetryPolicy.MaximumEventAgeInSeconds",
        },
    ),
)


_GROUP: Final = "default"
# A tick that could not be delivered is worth nothing when the next one is due.
_MAXIMUM_EVENT_AGE_SECONDS: Final = 60
#: What Scheduler fills in where a target says nothing (RetryPolicy, API reference).
_DEFAULT_RETRIES: Final = 185
_DEFAULT_EVENT_AGE_SECONDS: Final = 86400


class Schedule(Resource):
    """EventBridge Scheduler schedule that invokes a function.

    `payload`: what the function receives. `expression`: ``rate(...)`` or ``cron(...)``. A missed
    tick is not retried. Outputs: ``arn, name``. Schedules carry no tags (only their groups do).
    """

    kind = "Schedule"
    fast_is_complete = True
    full_only = True
    create_first = True
    taggable = False
    #: One that begins later, or has ended, invokes nothing although it is enabled.
    added_later = {"window": ""}  # noqa: RUF012 - as the contract declares it

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        function_arn: str,
        role_arn: str,
        payload: Mapping[str, Any],
        expression: str = "rate(1 minute)",
        enabled: bool = True,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.schedule(self.physical_name, group=_GROUP)
        self._function_arn = function_arn
        self._role_arn = role_arn
        self._payload = payload
        self._expression = expression
        self._enabled = enabled

    def without(self, foreign: frozenset[str]) -> Self:
        """The schedule, stopped: what it would start works on a resource of another owner."""
        stopped = copy.copy(self)
        stopped._enabled = False  # noqa: SLF001 - of its own copy
        return stopped

    def desired(self, outputs: Outputs) -> Properties:
        """Expression, target, retries, state."""
        return {
            "expression": self._expression,
            "window": "",
            "enabled": self._enabled,
            "flexibleWindow": "OFF",
            "target.arn": self._function_arn,
            "target.roleArn": self._role_arn,
            "target.payload": dict(self._payload),
            "target.retries": 0,
            "target.maximumEventAgeSeconds": _MAXIMUM_EVENT_AGE_SECONDS,
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """GetSchedule."""
        answer = await ignore_not_found(
            self._calls.read("scheduler", "get_schedule", **self._identity())
        )
        if answer is None:
            return None
        target = answer["Target"]
        retry = target.get("RetryPolicy", {})
        properties = {
            "expression": answer["ScheduleExpression"],
            "window": _window(answer),
            "enabled": answer.get("State", "ENABLED") == "ENABLED",
            "flexibleWindow": answer["FlexibleTimeWindow"]["Mode"],
            "target.arn": target["Arn"],
            "target.roleArn": target["RoleArn"],
            "target.payload": _parsed(target.get("Input", "{}")),
            "target.retries": retry.get("MaximumRetryAttempts", _DEFAULT_RETRIES),
            "target.maximumEventAgeSeconds": retry.get(
                "MaximumEventAgeInSeconds", _DEFAULT_EVENT_AGE_SECONDS
            ),
        }
        return self._observed(properties, answer.get("CreationDate"))

    async def create(self, desired: Properties) -> Observed:
        """CreateSchedule. A role made seconds ago is a transient error."""
        await self._calls.write(
            "scheduler", "create_schedule", **self._identity(), **self._definition(desired)
        )
        return self._observed(desired)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """UpdateSchedule, which replaces everything."""
        await self._calls.write(
            "scheduler", "update_schedule", **self._identity(), **self._definition(desired)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteSchedule."""
        await ignore_not_found(
            self._calls.write("scheduler", "delete_schedule", **self._identity())
        )

    def _identity(self) -> dict[str, str]:
        return {"Name": self.physical_name, "GroupName": _GROUP}

    def _definition(self, desired: Properties) -> dict[str, Any]:
        return {
            "ScheduleExpression": desired["expression"],
            "State": "ENABLED" if desired["enabled"] else "DISABLED",
            "FlexibleTimeWindow": {"Mode": desired["flexibleWindow"]},
            "Target": {
                "Arn": desired["target.arn"],
                "RoleArn": desired["target.roleArn"],
                "Input": json.dumps(desired["target.payload"], sort_keys=True),
                "RetryPolicy": {
                    "MaximumRetryAttempts": desired["target.retries"],
                    "MaximumEventAgeInSeconds": desired["target.maximumEventAgeSeconds"],
                },
            },
        }

    def _observed(self, properties: Properties, created_at: datetime | None = None) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            outputs={"arn": self._arn, "name": self.physical_name},
            created_at=created_at,
        )


def _window(answer: Mapping[str, Any]) -> str:
    """Begin and end of a schedule as text; empty where it has neither."""
    times = [answer.get(key) for key in ("StartDate", "EndDate")]
    return "/".join(str(one or "") for one in times) if any(times) else ""


def _parsed(text: str) -> Any:
    """The input as data; as the text that it is when somebody made it no JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
