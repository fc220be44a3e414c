"""Log of the calls: counts by service, operation and outcome, and the writes in their order."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from sandbox.aws.strict.wire import Call, name_in

_READS: Final = (
    "Assume", "BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query",
    "Receive", "Scan", "Select",
)  # fmt: skip
_NAMES: Final = (
    "StreamName", "StreamARN", "TableName", "FunctionName", "Resource", "UUID", "RoleName",
    "QueueName", "QueueUrl", "Bucket", "TopicArn", "Name", "DashboardName", "AlarmName",
    "logGroupName", "ResourceArn", "ResourceARN", "resourceArn", "ResourceId", "SubscriptionArn",
    "AlarmNames", "DashboardNames", "EventSourceArn",
)  # fmt: skip


def is_read(operation: str) -> bool:
    """Whether an operation of the API reference changes nothing."""
    return operation.startswith(_READS)


class CallLog:
    """Calls so far. A call counts when its answer is known, so a delayed one counts late."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._reads: Counter[tuple[str, str]] = Counter()
        self._writes: list[dict[str, Any]] = []

    def record(self, call: Call, outcome: str, *, fault: str, sent: bool) -> None:
        """Note one call: its outcome, the fault that hit it, whether the emulator saw it."""
        self._calls[call.service, call.operation, outcome] += 1
        if is_read(call.operation):
            self._reads[call.service, resource_of(call)] += 1
        else:
            self._writes.append(
                {
                    "number": len(self._writes) + 1,
                    "service": call.service,
                    "operation": call.operation,
                    "resource": resource_of(call),
                    "account": call.account,
                    "outcome": outcome,
                    "fault": fault,
                    "sent": sent,
                }
            )

    def calls(self) -> list[dict[str, Any]]:
        """One entry for each service, operation and outcome."""
        return [
            {"service": service, "operation": operation, "outcome": outcome, "count": count}
            for (service, operation, outcome), count in sorted(self._calls.items())
        ]

    def reads(self) -> list[dict[str, Any]]:
        """Number of reads of each resource, by any operation; ``""``: of no single one."""
        return [
            {"service": service, "resource": resource, "count": count}
            for (service, resource), count in sorted(self._reads.items())
        ]

    def writes(self) -> list[dict[str, Any]]:
        """Every write, the refused ones included, in the order of their answers."""
        return self._writes


def resource_of(call: Call) -> str:
    """The name of the thing that a call is about; of several the first."""
    for name in _NAMES:
        value = call.parameters.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return name_in(value)
    return ""
