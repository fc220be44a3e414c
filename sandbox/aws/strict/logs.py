"""CloudWatch Logs: settings of a log group that the emulator does not keep."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call

_CLASS: Final = "logGroupClass"
_PROTECTED: Final = "deletionProtectionEnabled"
_DEFAULTS: Final = {_CLASS: "STANDARD", _PROTECTED: False}


class LogGroupSettings(Rule):
    """Class and deletion protection of a log group.

    CreateLogGroup: "If you omit this parameter, the default of STANDARD is used. The value of
    logGroupClass can't be changed after a log group is created"; PutLogGroupDeletionProtection:
    "When enabled on a log group, deletion protection blocks all deletion operations until it is
    explicitly disabled" (Amazon CloudWatch Logs API Reference).
    """

    name = "logs-settings"
    services = frozenset({"logs"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._settings: dict[Any, dict[str, Any]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Keep the protection in the emulator's place; refuse a deletion that it blocks."""
        if call.operation == "DeleteLogGroup":
            if self._settings.get(call.key(call.text("logGroupName")), {}).get(_PROTECTED):
                raise Refusal("ValidationException", "The log group has deletion protection.")
            return None
        if call.operation != "PutLogGroupDeletionProtection":
            return None
        identifier = str(call.parameters["logGroupIdentifier"]).removesuffix(":*")
        name = identifier.rpartition(":log-group:")[2]
        if call.key(name) not in self._settings:
            raise Refusal("ResourceNotFoundException", "The specified log group does not exist.")
        self._settings[call.key(name)][_PROTECTED] = call.parameters[_PROTECTED]
        return Answer.made(call, {})

    async def after(self, call: Call, answer: Answer) -> None:
        """Follow the log groups; tell the settings in descriptions."""
        key = call.key(call.text("logGroupName"))
        if call.operation == "CreateLogGroup":
            given = {one: call.parameters[one] for one in _DEFAULTS if one in call.parameters}
            self._settings[key] = {**_DEFAULTS, **given}
        elif call.operation == "DeleteLogGroup":
            self._settings.pop(key, None)
        elif call.operation == "DescribeLogGroups":
            for one in answer.edit().get("logGroups", ()):
                one.update(self._settings.get(call.key(one["logGroupName"]), {}))
