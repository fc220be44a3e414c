"""Consumers, queues and channels that others have on a stream.

AWS deletes no stream that has any, and queues and channels are of on-demand streams only (Kinesis
Data Streams API reference, DeleteStream, DeleteChannel, UpdateStreamMode, CreateChannel).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.permissions import BASE, Grant, only
from clickstream_operator.engine.resource import Observed, ResourceBlocked

GRANTS: Final = (
    only("kinesis:ListChannels", "kinesis:ListQueues"),
    Grant("Stream", (f"arn:aws:kinesis:*:*:stream/{BASE}-events",), by_tag=True),
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Readers of one kind."""

    words: str
    count: str
    """Member of DescribeStreamSummary, and with a small letter our property."""
    removal: str
    """How a person removes them."""

    @property
    def path(self) -> str:
        """Property with the number of them."""
        return f"readers.{self.count[0].lower()}{self.count[1:]}"


_CONSUMERS: Final = _Kind("registered consumers", "ConsumerCount", "deregister them")
_QUEUES: Final = _Kind("queues", "QueueCount", "delete them with DeleteQueue")
_CHANNELS: Final = _Kind("channels", "ChannelCount", "delete them with DeleteChannel")


def reader_properties(summary: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of readers in an answer of DescribeStreamSummary: never desired, so never drift.

    A queue is not in ConsumerCount (API reference, StreamDescriptionSummary).
    """
    return {kind.path: summary.get(kind.count, 0) for kind in (_CONSUMERS, _QUEUES, _CHANNELS)}


async def check_deletion(calls: Calls, stream: str, observed: Observed) -> None:
    """Let a stream be deleted that nobody else reads.

    Raises:
        ResourceBlocked: ``DeletionBlocked``; names the readers.
    """
    found = await _readers(calls, observed, (_CONSUMERS, _QUEUES, _CHANNELS))
    if found:
        raise ResourceBlocked(
            Reason.DELETION_BLOCKED,
            f"stream {stream} has {found}; or set spec.deletionPolicy.stream to Retain",
        )


async def check_switch_to_provisioned(calls: Calls, stream: str, observed: Observed) -> None:
    """Let a stream leave the on-demand mode that has no queue and no channel.

    Raises:
        ResourceBlocked: ``ChangeBlocked``; names them.
    """
    found = await _readers(calls, observed, (_QUEUES, _CHANNELS))
    if found:
        raise ResourceBlocked(
            Reason.CHANGE_BLOCKED,
            f"stream {stream} can't leave the on-demand mode: it has {found}; "
            "or set spec.stream.mode to OnDemand",
        )


async def _readers(calls: Calls, observed: Observed, kinds: tuple[_Kind, ...]) -> str:
    present = [kind for kind in kinds if observed.properties.get(kind.path)]
    described = [
        f"{kind.words}: {await _names(calls, observed, kind)}; {kind.removal}" for kind in present
    ]
    return "; and ".join(described)


async def _names(calls: Calls, observed: Observed, kind: _Kind) -> str:
    """Names of the readers; their number where the credential may not list them."""
    filtered = [{"StreamARN": observed.arn}]
    try:
        if kind is _QUEUES:
            answer = await calls.read("kinesis", "list_queues", StreamFilter=filtered)
            names = [one["QueueName"] for one in answer.get("QueueSummaries", ())]
        elif kind is _CHANNELS:
            answer = await calls.read("kinesis", "list_channels", StreamFilter=filtered)
            names = [one["ChannelName"] for one in answer.get("ChannelSummaries", ())]
        else:
            answer = await calls.read("kinesis", "list_stream_consumers", StreamARN=observed.arn)
            names = [one["ConsumerName"] for one in answer.get("Consumers", ())]
    except AwsError as error:
        if error.category is not Category.ACCESS_DENIED or error.credentials_are_bad:
            raise
        return f"{observed.properties[kind.path]} (their names: {error.text})"
    return ", ".join(sorted(names))
