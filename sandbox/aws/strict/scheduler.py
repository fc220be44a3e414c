"""EventBridge Scheduler: one change of a schedule at a time."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call

_CHANGES: Final = frozenset({"DeleteSchedule", "UpdateSchedule"})


class ScheduleConflicts(Rule):
    """A schedule that is being changed takes no other change.

    UpdateSchedule and DeleteSchedule, ConflictException, 409: "Updating or deleting the resource
    can cause an inconsistent state" (EventBridge Scheduler API Reference). How long it lasts is not
    documented.
    """

    name = "scheduler-conflicts"
    services = frozenset({"scheduler"})
    default_seconds = 3.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse a change too soon after another."""
        if call.operation in _CHANGES and self._windows.state(call.key(call.text("Name"))):
            raise Refusal(
                "ConflictException",
                "Updating or deleting the resource can cause an inconsistent state.",
            )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Each change opens the window."""
        if call.operation in ("CreateSchedule", "UpdateSchedule"):
            self._windows.open(call.key(call.text("Name")), "CHANGING", self.seconds)
