"""SQS, SNS: who creates what is there gets it, if it is the very same."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import Any

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule
from sandbox.aws.strict.wire import Call


class TwinTags(Rule):
    """CreateQueue and CreateTopic refuse a name that is there with other tags.

    "If the queue name, attribute names, or attribute values don't match an existing queue,
    CreateQueue returns an error" (Amazon SQS API Reference, CreateQueue; the emulator does so).
    That tags count as well, where a request has any, is seen in AWS's answers and stands in neither
    reference.
    """

    name = "idempotent-creates"
    services = frozenset({"sqs", "sns"})
    default_seconds = 0.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._topics: dict[Any, dict[str, str]] = {}

    async def before(self, call: Call) -> Answer | None:
        """Compare with what is there."""
        if call.operation == "CreateQueue" and call.parameters.get("tags"):
            there = await self._of_queue(call)
            if there is not None and there != call.parameters["tags"]:
                raise Refusal(
                    "QueueAlreadyExists",
                    "A queue already exists with the same name and a different value for tags",
                )
        elif call.operation == "CreateTopic":
            wanted = _in_form(call)
            if wanted and self._topics.get(_topic(call), wanted) != wanted:
                raise Refusal(
                    "InvalidParameter",
                    "Invalid parameter: Tags Reason: Topic already exists with different tags",
                )
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """Remember the tags of topics."""
        tags = self._topics.get(_topic(call), {})
        match call.service, call.operation:
            case "sns", "CreateTopic":
                self._topics.setdefault(_topic(call), _in_form(call))
            case "sns", "TagResource":
                tags.update(_in_form(call))
            case "sns", "UntagResource":
                for name, key in call.parameters.items():
                    if name.startswith("TagKeys.member."):
                        tags.pop(key, None)
            case "sns", "DeleteTopic":
                self._topics.pop(_topic(call), None)

    async def _of_queue(self, call: Call) -> dict[str, str] | None:
        name = {"QueueName": call.parameters["QueueName"]}
        found = await self.ask(call, "sqs", "GetQueueUrl", name)
        if not found:
            return None
        listed = await self.ask(call, "sqs", "ListQueueTags", {"QueueUrl": found["QueueUrl"]})
        return dict((listed or {}).get("Tags", {}))


def _topic(call: Call) -> tuple[str, str, str]:
    return call.key(call.text("Name", "TopicArn", "ResourceArn"))


def _in_form(call: Call) -> dict[str, str]:
    """The tags of a request in the Query protocol."""
    return {
        str(key): str(call.parameters[name.removesuffix("Key") + "Value"])
        for name, key in call.parameters.items()
        if name.startswith("Tags.member.") and name.endswith(".Key")
    }
