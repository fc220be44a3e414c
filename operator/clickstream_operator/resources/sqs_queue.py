"""SQS queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import (
    AlreadyGone,
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (Grant("Queue", (f"arn:aws:sqs:*:*:{BASE}-dead-letter",), by_tag=True),)
BESIDES: Final = {"sqs:create_queue": ("sqs:TagQueue",)}
READINGS: Final = (
    Reading(
        "sqs",
        "get_queue_attributes",
        {"QueueUrl": "<url>", "AttributeNames": ["All"]},
        {
            "retentionSeconds": "Attributes.MessageRetentionPeriod",
            "encryption.keyId": "Attributes.[SqsManagedSseEnabled, KmsMasterKeyId || '']",
        },
    ),
    Reading("sqs", "list_queue_tags", {"QueueUrl": "<url>"}, {"tags": "Tags"}, full_only=True),
)


_SSE_SQS: Final = "SSE-SQS"
_DAY: Final = 86400
_ATTRIBUTES: Final = (
    "CreatedTimestamp",
    "KmsMasterKeyId",
    "MessageRetentionPeriod",
    "QueueArn",
    "SqsManagedSseEnabled",
)


class SQSQueue(Resource):
    """SQS queue.

    `kms_key_id`: alias, id or ARN; None: SSE-SQS. `recorded_url`: of an earlier reconcile, which
    saves GetQueueUrl. Outputs: ``arn, name, url``.

    A deleted name is free again after 60 seconds; until then CreateQueue answers
    ``QueueDeletedRecently``, a conflict (SQS API reference, DeleteQueue).
    """

    kind = "SQSQueue"
    holds = "the messages that waited in it"

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        retention_days: int,
        kms_key_id: str | None = None,
        recorded_url: str = "",
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._place = place
        self._retention_days = retention_days
        self._kms_key_id = kms_key_id
        # The record may be forged: its URL must be this very queue's.
        own = recorded_url.endswith(f"/{place.account}/{self.physical_name}")
        self._recorded_url = recorded_url if own else ""
        self._deleted_url = ""

    def desired(self, outputs: Outputs) -> Properties:
        """Retention and encryption."""
        return {
            "retentionSeconds": self._retention_days * _DAY,
            "encryption.keyId": key_name(self._kms_key_id) or _SSE_SQS,
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """GetQueueAttributes of the recorded URL, or of the answer to GetQueueUrl.

        Once its deletion was asked for, the attributes only.
        """
        if self._deleted_url:
            # GetQueueUrl answers for another minute: it tells nothing of a deletion just asked for.
            return await self._attributes_of(self._deleted_url)
        if self._recorded_url:
            seen = await self._attributes_of(self._recorded_url)
            if seen is not None:
                return seen
        answer = await ignore_not_found(
            self._calls.read("sqs", "get_queue_url", QueueName=self.physical_name)
        )
        if answer is None:
            return None
        url = answer["QueueUrl"]
        # The queue may go between the two calls.
        return await self._attributes_of(url) if full else self._observed(url, {})

    async def _attributes_of(self, url: str) -> Observed | None:
        """Attributes of the queue; None: there is none, or another than ours."""
        details = await ignore_not_found(
            self._calls.read(
                "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=list(_ATTRIBUTES)
            )
        )
        attributes = (details or {}).get("Attributes", {})
        if attributes.get("QueueArn") != self._place.queue(self.physical_name):
            return None
        managed = attributes.get("SqsManagedSseEnabled", "false") == "true"
        properties = {
            "retentionSeconds": int(attributes["MessageRetentionPeriod"]),
            "encryption.keyId": key_name(attributes.get("KmsMasterKeyId"))
            or (_SSE_SQS if managed else ""),
        }
        created_at = datetime.fromtimestamp(int(float(attributes["CreatedTimestamp"])), UTC)
        return self._observed(url, properties, created_at=created_at)

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListQueueTags."""
        answer = await self._calls.read("sqs", "list_queue_tags", QueueUrl=observed.outputs["url"])
        tags: Mapping[str, str] = answer.get("Tags", {})
        return tags

    async def create(self, desired: Properties) -> Observed:
        """CreateQueue, with tags. It returns one that exists: the engine observes before."""
        answer = await self._calls.write(
            "sqs",
            "create_queue",
            QueueName=self.physical_name,
            Attributes=self._attributes(desired),
            tags=dict(self.tags),
        )
        return self._observed(answer["QueueUrl"], desired, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """SetQueueAttributes; it may take 60 seconds to show, the retention 15 minutes."""
        await self._calls.write(
            "sqs",
            "set_queue_attributes",
            QueueUrl=observed.outputs["url"],
            Attributes={"KmsMasterKeyId": ""} | self._attributes(desired),
        )

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagQueue."""
        await self._calls.write(
            "sqs", "tag_queue", QueueUrl=observed.outputs["url"], Tags=dict(tags)
        )

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagQueue."""
        await self._calls.write(
            "sqs", "untag_queue", QueueUrl=observed.outputs["url"], TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteQueue; for up to 60 seconds GetQueueUrl answers all the same.

        Raises:
            AlreadyGone: SQS knows no such queue any more.
        """
        url = observed.outputs["url"]
        if await ignore_not_found(self._calls.write("sqs", "delete_queue", QueueUrl=url)) is None:
            raise AlreadyGone
        self._deleted_url = url

    def _attributes(self, desired: Properties) -> dict[str, str]:
        retention = {"MessageRetentionPeriod": str(desired["retentionSeconds"])}
        if self._kms_key_id is None:
            return {**retention, "SqsManagedSseEnabled": "true"}
        # One excludes the other.
        return {**retention, "SqsManagedSseEnabled": "false", "KmsMasterKeyId": self._kms_key_id}

    def _observed(
        self,
        url: str,
        properties: Mapping[str, Any],
        *,
        created_at: datetime | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Observed:
        arn = self._place.queue(self.physical_name)
        return Observed(
            arn=arn,
            properties=properties,
            outputs={"arn": arn, "name": self.physical_name, "url": url},
            created_at=created_at,
            tags=tags,
        )
