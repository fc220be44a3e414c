"""Reads that do not see yet what a write did."""

# The contract names arguments that not every rule needs.
# ruff: noqa: ARG002

from __future__ import annotations

from typing import ClassVar, Final

from sandbox.aws.strict.answers import Answer, Refusal
from sandbox.aws.strict.clock import Clock
from sandbox.aws.strict.rule import Ask, Rule, Windows
from sandbox.aws.strict.wire import Call

_CREATIONS: Final = {
    "kinesis": "CreateStream",
    "dynamodb": "CreateTable",
    "lambda": "CreateFunction",
    "s3": "CreateBucket",
    "sns": "CreateTopic",
    "sqs": "CreateQueue",
}
_SIGNED: Final = {"sqs": "QueueName", "sns": "Name", "s3": "Bucket"}


class _CreationLag(Rule):
    """A read right after a creation finds nothing."""

    write: ClassVar[str]
    read: ClassVar[frozenset[str]]
    parameter: ClassVar[str]
    refusal: ClassVar[tuple[str, str]]

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def before(self, call: Call) -> Answer | None:
        """Say that it is not there."""
        name = call.text(self.parameter)
        if call.operation in self.read and self._windows.state(call.key(name)):
            code, message = self.refusal
            raise Refusal(code, message.format(name=name))
        return None

    async def after(self, call: Call, answer: Answer) -> None:
        """The lag starts with the creation."""
        if call.operation == self.write:
            self._windows.open(call.key(call.text(self.parameter)), "LAGGING", self.seconds)


class RoleReadsLag(_CreationLag):
    """GetRole does not find a new role.

    "Changes that I make are not always immediately visible: [...] IAM uses a distributed computing
    model called eventual consistency" (IAM User Guide, Troubleshoot IAM).
    """

    name = "iam-reads"
    services = frozenset({"iam"})
    default_seconds = 3.0
    write = "CreateRole"
    read = frozenset({"GetRole"})
    parameter = "RoleName"
    refusal = ("NoSuchEntity", "The role with name {name} cannot be found.")


class TableReadsLag(_CreationLag):
    """DescribeTable does not find a new table.

    DescribeTable: "If you issue a DescribeTable request immediately after a CreateTable request,
    DynamoDB might return a ResourceNotFoundException. This is because DescribeTable uses an
    eventually consistent query" (Amazon DynamoDB API Reference).
    """

    name = "dynamodb-reads"
    services = frozenset({"dynamodb"})
    default_seconds = 1.0
    write = "CreateTable"
    read = frozenset({"DescribeTable"})
    parameter = "TableName"
    refusal = ("ResourceNotFoundException", "Requested resource not found: Table: {name} not found")


class QueueReadsLag(_CreationLag):
    """GetQueueUrl does not find a new queue.

    CreateQueue: "After you create a queue, you must wait at least one second after the queue is
    created to be able to use the queue" (Amazon SQS API Reference).
    """

    name = "sqs-reads"
    services = frozenset({"sqs"})
    default_seconds = 1.0
    write = "CreateQueue"
    read = frozenset({"GetQueueUrl"})
    parameter = "QueueName"
    refusal = (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
    )


class TaggingDelay(Rule):
    """The tagging API does not list new resources yet.

    Tags are eventually consistent, and GetResources reads an index of them (Resource Groups Tagging
    API Reference, GetResources). How long it lasts is not documented.
    """

    name = "tagging-delay"
    services = frozenset({*_CREATIONS, "resourcegroupstaggingapi"})
    default_seconds = 30.0

    def __init__(self, clock: Clock, ask: Ask, seconds: float | None = None) -> None:
        super().__init__(clock, ask, seconds)
        self._windows = Windows(clock)

    async def after(self, call: Call, answer: Answer) -> None:
        """Hide what was created a moment ago."""
        if call.operation == _CREATIONS.get(call.service):
            name = call.text("StreamName", "TableName", "FunctionName", *_SIGNED.values())
            self._windows.open((call.account, call.service, name), "NEW", self.seconds)
        elif call.operation == "GetResources":
            listed = answer.data.get("ResourceTagMappingList", [])
            shown = [one for one in listed if not self._new(call, one["ResourceARN"])]
            answer.edit()["ResourceTagMappingList"] = shown

    def _new(self, call: Call, arn: str) -> bool:
        service, name = arn.split(":")[2], arn.replace("/", ":").rpartition(":")[2]
        return bool(self._windows.state((call.account, service, name)))
