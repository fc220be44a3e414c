"""SQS: deletions that take a minute, names that rest as long, attributes that show late."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call


def _name(call: Call) -> str:
    return call.text("QueueName", "QueueUrl")


class QueueDeletions(Rule):
    """A deleted queue answers for a while, and its name cannot be used again for a minute.

    DeleteQueue: "When you delete a queue, the deletion process takes up to 60 seconds. Requests you
    send involving that queue during the 60 seconds might succeed. [...] When you delete a queue,
    you must wait at least 60 seconds before creating a queue with the same name"; CreateQueue,
    QueueDeletedRecently (Amazon SQS API Reference).
    """

    name = "sqs-deletions"
    services = frozenset({"sqs"})
    default_seconds = 60.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Refuse the name; answer GetQueueUrl for the deleted queue."""
        key = call.key(_name(call))
        if not self._windows.state(key):
            return None
        if call.operation == "CreateQueue":
            raise Refusal(
                "AWS.SimpleQueueService.QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another "
                "with the same name.",
            )
        # Half of the time is enough to show that a read after the deletion may succeed.
        if call.operation == "GetQueueUrl" and self._windows.left(key) > self.seconds / 2:
            return Answer.made(call, {"QueueUrl": self._windows.memory(key)})
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """The minute starts with DeleteQueue."""
        if call.operation == "DeleteQueue":
            url = call.parameters["QueueUrl"]
            self._windows.open(call.key(_name(call)), "DELETED", self.seconds, url)


class QueueAttributesLag(Rule):
    """Changed attributes show late.

    SetQueueAttributes: "the change can take up to 60 seconds to propagate throughout the Amazon SQS
    system" (Amazon SQS API Reference).
    """

    name = "sqs-attributes"
    services = frozenset({"sqs"})
    default_seconds = 60.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)
        self._previous: dict[Any, dict[str, str]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Keep the attributes from before a change."""
        if call.operation == "SetQueueAttributes":
            found = await self.ask(
                call,
                "sqs",
                "GetQueueAttributes",
                {"QueueUrl": call.parameters["QueueUrl"], "AttributeNames": ["All"]},
            )
            self._previous[call.key(_name(call))] = (found or {}).get("Attributes", {})
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Show the attributes from before the change."""
        key = call.key(_name(call))
        if call.operation == "SetQueueAttributes":
            before = self._windows.memory(key) or self._previous.pop(key, {})
            self._windows.open(key, "LAGGING", self.seconds, before)
        elif call.operation == "GetQueueAttributes" and self._windows.state(key):
            shown = self._windows.memory(key)
            attributes = answer.data.get("Attributes", {})
            answer.edit()["Attributes"] = {
                name: shown.get(name, value) for name, value in attributes.items()
            }
        elif call.operation in ("CreateQueue", "DeleteQueue"):
            self._windows.close(key)
