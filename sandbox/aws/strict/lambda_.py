"""Lambda: states of functions and mappings, and roles that are too new."""

# The contract names arguments that not every rule needs.

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call, name_in

# "Any invocations or other API actions that operate on the function will fail".
_WHILE_PENDING: Final = frozenset(
    {
        "Invoke",
        "PublishVersion",
        "PutFunctionConcurrency",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
    }
)
_WHILE_UPDATING: Final = frozenset(
    {"PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration"}
)
_UPDATES: Final = frozenset({"UpdateFunctionCode", "UpdateFunctionConfiguration"})
_SHOWN: Final = {
    "Pending": ("State", "Active"),
    "InProgress": ("LastUpdateStatus", "Successful"),
}


def _name(call: Call) -> str:
    return call.text("FunctionName")


class FunctionStates(Rule):
    """Pending after a creation, InProgress after an update.

    "After Lambda creates the function, it sets the state to pending. [...] Any invocations or other
    API actions that operate on the function will fail"; "The following operations fail while an
    asynchronous update is occurring: UpdateFunctionCode, UpdateFunctionConfiguration,
    PublishVersion" (AWS Lambda Developer Guide, Lambda function states).
    """

    name = "lambda-states"
    services = frozenset({"lambda"})
    default_seconds = 8.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse what the state does not allow."""
        state = self._windows.state(call.key(_name(call)))
        arn = f"arn:aws:lambda:{call.region}:{call.account}:function:{_name(call)}"
        cannot = "The operation cannot be performed at this time. "
        if state == "Pending" and call.operation in _WHILE_PENDING:
            raise Refusal(
                "ResourceConflictException",
                f"{cannot}The function is currently in the following state: Pending",
            )
        if state == "InProgress" and call.operation in _WHILE_UPDATING:
            raise Refusal(
                "ResourceConflictException",
                f"{cannot}An update is in progress for resource: {arn}",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Open windows, and show them in configurations."""
        key = call.key(_name(call))
        if call.operation == "CreateFunction":
            self._windows.open(key, "Pending", self.seconds)
            answer.edit()["StateReasonCode"] = "Creating"
        elif call.operation in _UPDATES:
            self._windows.open(key, "InProgress", self.seconds)
        elif call.operation == "DeleteFunction":
            self._windows.close(key)
        if call.operation == "ListFunctions":
            for one in answer.data["Functions"]:
                self._show(answer, one, call.key(one["FunctionName"]))
        elif call.operation == "GetFunction":
            self._show(answer, answer.data["Configuration"], key)
        elif call.operation in _UPDATES | {"CreateFunction", "GetFunctionConfiguration"}:
            self._show(answer, answer.data, key)

    def _show(self, answer: Answer, configuration: dict[str, Any], key: Any) -> None:
        # The emulator has moments of both states too, in real time and after every change.
        state = self._windows.state(key)
        for busy, (field, settled) in _SHOWN.items():
            if state == busy or configuration.get(field) == busy:
                configuration[field] = busy if state == busy else settled
                answer.edit()


class MappingStates(Rule):
    """Creating, Enabling, Updating, Deleting; one mapping of a function and a stream.

    ResourceInUseException: "The operation conflicts with the resource's availability. For example,
    you tried to update an event source mapping in the CREATING state, or you tried to delete an
    event source mapping currently UPDATING"; DeleteEventSourceMapping: "When you delete an event
    source mapping, it enters a Deleting state and might not be completely deleted for several
    seconds"; CreateEventSourceMapping,
    ResourceConflictException: "The resource already exists" (AWS Lambda API Reference).
    """

    name = "lambda-mappings"
    services = frozenset({"lambda"})
    default_seconds = 10.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse what the state does not allow; answer for a mapping that is Deleting."""
        if call.operation == "CreateEventSourceMapping":
            await self._refuse_second(call)
        key = call.key(call.text("UUID"))
        state = self._state(key)
        if call.operation in ("UpdateEventSourceMapping", "DeleteEventSourceMapping") and state:
            raise Refusal(
                "ResourceInUseException",
                "The operation cannot be performed at this time: the event source mapping with "
                f"UUID {call.text('UUID')} is {state}.",
            )
        if call.operation == "GetEventSourceMapping" and state == "Deleting":
            return Answer.made(call, self._windows.memory(key))
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Open windows, and show them."""
        states = {
            "CreateEventSourceMapping": "Creating",
            "UpdateEventSourceMapping": "Updating",
            "DeleteEventSourceMapping": "Deleting",
        }
        if call.operation in states:
            state = states[call.operation]
            answer.edit()["State"] = state
            enabled = call.parameters.get("Enabled", True)
            memory = dict(answer.data) if state == "Deleting" else {"Enabled": enabled}
            self._windows.open(call.key(answer.data["UUID"]), state, self.seconds, memory)
        elif call.operation == "GetEventSourceMapping":
            self._show(answer, answer.data, call)
        elif call.operation == "ListEventSourceMappings":
            for one in answer.data["EventSourceMappings"]:
                self._show(answer, one, call)
            if gone := list(self._deleting(call, **_filters(call))):
                answer.edit()["EventSourceMappings"].extend(gone)

    def _state(self, key: Any) -> str:
        state = self._windows.state(key)
        # A mapping that was created is enabled next, and takes no change before it is.
        if state == "Creating" and self._windows.left(key) <= self.seconds / 2:
            return "Enabling" if self._windows.memory(key)["Enabled"] else "Creating"
        return state

    def _show(self, answer: Answer, mapping: dict[str, Any], call: Call) -> None:
        if state := self._state(call.key(mapping["UUID"])):
            mapping["State"] = state
            answer.edit()

    def _deleting(self, call: Call, *, source: str, function: str) -> Iterator[dict[str, Any]]:
        for key in self._windows.within("Deleting"):
            mapping = self._windows.memory(key)
            if (
                key == call.key(mapping["UUID"])
                and source in ("", mapping.get("EventSourceArn"))
                and function in ("", name_in(mapping["FunctionArn"]))
            ):
                yield mapping

    async def _refuse_second(self, call: Call) -> None:
        found = await self.ask(
            call,
            "lambda",
            "ListEventSourceMappings",
            {"EventSourceArn": call.parameters.get("EventSourceArn", "")},
        )
        function = _name(call)
        same = [
            one
            for one in (found or {}).get("EventSourceMappings", ())
            if name_in(one["FunctionArn"]) == function
        ]
        same.extend(self._deleting(call, **_filters(call)))
        if same:
            raise Refusal(
                "ResourceConflictException",
                f"The event source arn ({call.parameters.get('EventSourceArn')}) and function "
                f"({function}) provided mapping already exists. Please update or delete the "
                f"existing mapping with UUID {same[0]['UUID']}",
            )


def _filters(call: Call) -> dict[str, str]:
    return {
        "source": str(call.parameters.get("EventSourceArn", "")),
        "function": name_in(str(call.parameters.get("FunctionName", ""))),
    }
