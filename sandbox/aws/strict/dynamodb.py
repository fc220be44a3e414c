"""DynamoDB: table states, backups of a new table, TTL once an hour, protection, tags that lag."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import HOUR, Ask, Rule, Windows
from sandbox.aws.strict.wire import Call

_STATES: Final = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}
_NEED_ACTIVE: Final = frozenset(
    {"DeleteTable", "TagResource", "UntagResource", "UpdateTable", "UpdateTimeToLive"}
)
_TABLES: Final = {
    "CreateTable": "TableDescription",
    "DeleteTable": "TableDescription",
    "DescribeTable": "Table",
    "UpdateTable": "TableDescription",
}


def _name(call: Call) -> str:
    return call.text("TableName", "ResourceArn")


class TableStates(Rule):
    """CREATING, UPDATING and DELETING, in which a table takes no other change.

    UpdateTable: "While it's executing, the table status changes from ACTIVE to UPDATING. While it's
    UPDATING, you can't issue another UpdateTable request"; DeleteTable: "If the table is in
    CREATING or UPDATING states, then a ResourceInUseException is returned" (Amazon DynamoDB API
    Reference).
    """

    name = "dynamodb-states"
    services = frozenset({"dynamodb"})
    default_seconds = 10.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse what needs an ACTIVE table; answer for one that is DELETING."""
        key = call.key(_name(call))
        state = self._windows.state(key)
        if not state:
            return None
        if call.operation in _NEED_ACTIVE or call.operation == "CreateTable":
            raise Refusal(
                "ResourceInUseException",
                "Attempt to change a resource which is still in use: Table is being "
                f"{_STATES[state]}: {_name(call)}",
            )
        if state == "DELETING" and call.operation == "DescribeTable":
            return Answer.made(call, {"Table": self._windows.memory(key)})
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Open windows, and show them in descriptions."""
        wrapper = _TABLES.get(call.operation)
        if wrapper is None:
            return
        key = call.key(_name(call))
        state = {"CreateTable": "CREATING", "UpdateTable": "UPDATING", "DeleteTable": "DELETING"}
        if call.operation in state:
            table = dict(answer.data[wrapper])
            table["TableStatus"] = state[call.operation]
            self._windows.open(key, state[call.operation], self.seconds, table)
        if now := self._windows.state(key):
            answer.edit()[wrapper]["TableStatus"] = now


class NewTableBackups(Rule):
    """Backups of a new table cannot be set until they have been enabled.

    UpdateContinuousBackups, ContinuousBackupsUnavailableException: "Backups have not yet been
    enabled for this table" (Amazon DynamoDB API Reference).
    """

    name = "dynamodb-backups"
    services = frozenset({"dynamodb"})
    default_seconds = 15.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse UpdateContinuousBackups of a new table."""
        if call.operation == "UpdateContinuousBackups" and self._windows.state(
            call.key(_name(call))
        ):
            raise Refusal(
                "ContinuousBackupsUnavailableException",
                f"Backups are being enabled for the table: {_name(call)}. Please retry later",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """A table is new from CreateTable on."""
        if call.operation == "CreateTable":
            self._windows.open(call.key(_name(call)), "NEW", self.seconds)


class TimeToLiveOnceAnHour(Rule):
    """One change of TTL an hour, and a state that lasts until it is done.

    UpdateTimeToLive: "it can take up to one hour for the change to fully process. Any additional
    UpdateTimeToLive calls for the same table during this one hour duration result in a
    ValidationException" (Amazon DynamoDB API Reference).
    """

    name = "dynamodb-ttl"
    services = frozenset({"dynamodb"})
    default_seconds = HOUR

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse a second change within the hour."""
        if call.operation == "UpdateTimeToLive" and self._windows.state(call.key(_name(call))):
            raise Refusal(
                "ValidationException",
                "Time to live has been modified multiple times within a fixed interval",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """ENABLING or DISABLING while the change goes on."""
        key = call.key(_name(call))
        if call.operation == "UpdateTimeToLive":
            enabled = call.parameters["TimeToLiveSpecification"]["Enabled"]
            self._windows.open(key, "ENABLING" if enabled else "DISABLING", self.seconds)
        elif call.operation == "DescribeTimeToLive" and (state := self._windows.state(key)):
            answer.edit()["TimeToLiveDescription"]["TimeToLiveStatus"] = state
        elif call.operation in ("CreateTable", "DeleteTable"):
            self._windows.close(key)


class DeletionProtection(Rule):
    """A protected table is not deleted.

    DeleteTable takes no table with deletion protection (Amazon DynamoDB Developer Guide, Using
    deletion protection to protect your table). No window: `seconds` mean nothing.
    """

    name = "dynamodb-protection"
    services = frozenset({"dynamodb"})
    default_seconds = 0.0

    async def before(self, call: Call) -> Answer | None:
        """Refuse DeleteTable where the emulator's table is protected."""
        if call.operation != "DeleteTable":
            return None
        found = await self.ask(call, "dynamodb", "DescribeTable", {"TableName": _name(call)})
        if found is not None and found["Table"].get("DeletionProtectionEnabled"):
            raise Refusal(
                "ValidationException",
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first.",
            )
        return None


class TagReadsLag(Rule):
    """Tags are shown late.

    TagResource: "If you issue a ListTagsOfResource request immediately after a TagResource
    request, DynamoDB might return your previous tag set, if there was one, or an empty tag set"
    (Amazon DynamoDB API Reference).
    """

    name = "dynamodb-tags"
    services = frozenset({"dynamodb"})
    default_seconds = 5.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)
        self._previous: dict[Any, list[Any]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Keep the tags from before a change; answer with them while they lag."""
        key = call.key(_name(call))
        if call.operation in ("TagResource", "UntagResource") and not self._windows.state(key):
            arn = call.parameters["ResourceArn"]
            found = await self.ask(call, "dynamodb", "ListTagsOfResource", {"ResourceArn": arn})
            self._previous[key] = (found or {}).get("Tags", [])
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Show the tags from before the change."""
        key = call.key(_name(call))
        if call.operation == "CreateTable":
            self._windows.open(key, "LAGGING", self.seconds, [])
        elif call.operation in ("TagResource", "UntagResource"):
            shown = self._windows.memory(key)
            before = self._previous.pop(key, []) if shown is None else shown
            self._windows.open(key, "LAGGING", self.seconds, before)
        elif call.operation == "ListTagsOfResource" and self._windows.state(key):
            answer.edit()["Tags"] = self._windows.memory(key)
