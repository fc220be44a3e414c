"""SNS topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (
    Grant(
        "Alerts",
        (f"arn:aws:sns:*:*:{BASE}-alerts", f"arn:aws:sns:*:*:{BASE}-alerts:*"),
        by_tag=True,
    ),
)
BESIDES: Final = {"sns:create_topic": ("sns:TagResource",)}
READINGS: Final = (
    Reading(
        "sns",
        "get_topic_attributes",
        {"TopicArn": "<arn>"},
        {"encryption.keyId": "Attributes.KmsMasterKeyId || ''"},
    ),
    Reading(
        "sns",
        "list_tags_for_resource",
        {"ResourceArn": "<arn>"},
        {"tags": "Tags"},
        full_only=True,
    ),
)


class SNSTopic(Resource):
    """SNS topic.

    `kms_key_id`: alias, id or ARN; None: no encryption at rest, because CloudWatch alarms cannot
    publish to a topic under ``alias/aws/sns``. Outputs: ``arn, name``.
    """

    kind = "SNSTopic"
    fast_is_complete = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        kms_key_id: str | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.topic(self.physical_name)
        self._kms_key_id = kms_key_id

    def desired(self, outputs: Outputs) -> Properties:
        """The key."""
        return {"encryption.keyId": key_name(self._kms_key_id)}

    async def observe(self, *, full: bool) -> Observed | None:
        """GetTopicAttributes."""
        answer = await ignore_not_found(
            self._calls.read("sns", "get_topic_attributes", TopicArn=self._arn)
        )
        if answer is None:
            return None
        return self._observed(key_name(answer["Attributes"].get("KmsMasterKeyId")))

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForResource."""
        answer = await self._calls.read("sns", "list_tags_for_resource", ResourceArn=self._arn)
        return from_list(answer.get("Tags", ()))

    async def create(self, desired: Properties) -> Observed:
        """CreateTopic, with tags. It returns one that exists: the engine observes before."""
        attributes = {"KmsMasterKeyId": self._kms_key_id} if self._kms_key_id else {}
        await self._calls.write(
            "sns",
            "create_topic",
            Name=self.physical_name,
            Attributes=attributes,
            Tags=as_list(self.tags),
        )
        return self._observed(desired["encryption.keyId"], tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """SetTopicAttributes with the key."""
        await self._calls.write(
            "sns",
            "set_topic_attributes",
            TopicArn=self._arn,
            AttributeName="KmsMasterKeyId",
            AttributeValue=self._kms_key_id or "",
        )

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write("sns", "tag_resource", ResourceArn=self._arn, Tags=as_list(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write("sns", "untag_resource", ResourceArn=self._arn, TagKeys=list(keys))

    async def delete(self, observed: Observed) -> None:
        """DeleteTopic; its subscriptions go with it."""
        await ignore_not_found(self._calls.write("sns", "delete_topic", TopicArn=self._arn))

    def _observed(self, key: str, tags: Mapping[str, str] | None = None) -> Observed:
        return Observed(
            arn=self._arn,
            properties={"encryption.keyId": key},
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
        )
