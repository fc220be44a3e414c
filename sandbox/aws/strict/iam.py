"""IAM: what a new role or policy is worth elsewhere in its first seconds."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call, name_in

_SCHEDULES: Final = frozenset({"CreateSchedule", "UpdateSchedule"})


class NewRoles(Rule):
    """Lambda and Scheduler cannot assume a role that was made seconds ago.

    "Changes that I make are not always immediately visible" (IAM User Guide, Troubleshoot IAM);
    CreateFunction, InvalidParameterValueException (AWS Lambda API Reference): "The role defined for
    the function cannot be assumed by Lambda."
    """

    name = "iam-new-roles"
    services = frozenset({"iam", "lambda", "scheduler"})
    default_seconds = 10.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse to use a new role."""
        if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            if self._new(call, str(call.parameters.get("Role", ""))):
                raise Refusal(
                    "InvalidParameterValueException",
                    "The role defined for the function cannot be assumed by Lambda.",
                )
        elif (
            call.service == "scheduler"
            and call.operation in _SCHEDULES
            and self._new(call, call.parameters.get("Target", {}).get("RoleArn", ""))
        ):
            raise Refusal(
                "ValidationException",
                "The execution role you provide must allow AWS EventBridge Scheduler to assume "
                "the role.",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """A role is new from CreateRole on, and again when its trust changes."""
        if call.operation in ("CreateRole", "UpdateAssumeRolePolicy"):
            name = (call.account, call.text("RoleName"))
            self._windows.open(name, "NEW", self.seconds)

    def _new(self, call: Call, arn: str) -> bool:
        return bool(self._windows.state((call.account, name_in(arn))))


class NewPolicies(Rule):
    """A mapping is refused while the role's new rights have not arrived.

    "Changes that I make are not always immediately visible" (IAM User Guide, Troubleshoot IAM), and
    CreateEventSourceMapping checks the execution role's rights (AWS Lambda Developer Guide, Process
    records from Amazon Kinesis Data Streams): InvalidParameterValueException.
    """

    name = "iam-new-policies"
    services = frozenset({"iam", "lambda"})
    default_seconds = 10.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse a mapping of a function whose role got its rights just now."""
        if call.operation != "CreateEventSourceMapping":
            return None
        function = await self.ask(
            call, "lambda", "GetFunctionConfiguration", {"FunctionName": call.text("FunctionName")}
        )
        role = name_in((function or {}).get("Role", ""))
        if self._windows.state((call.account, role)):
            raise Refusal(
                "InvalidParameterValueException",
                f"Cannot access stream {call.parameters.get('EventSourceArn')}. Please ensure the "
                "role can perform the GetRecords, GetShardIterator, DescribeStream, ListShards, "
                "and ListStreams Actions on your stream in IAM.",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Rights are new from the policy's write on."""
        if call.operation in ("PutRolePolicy", "AttachRolePolicy"):
            key = (call.account, call.text("RoleName"))
            self._windows.open(key, "NEW", self.seconds)
