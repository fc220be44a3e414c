"""CloudWatch Logs group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Unpack

from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BASE, FUNCTION_NAMES, Grant, only
from clickstream_operator.aws.readings import Reading
from clickstream_operator.engine.resource import (
    Diff,
    Observed,
    Outputs,
    Properties,
    Resource,
    ResourceArguments,
)

GRANTS: Final = (
    only("logs:Describe*"),
    Grant(
        "Logs",
        tuple(
            f"arn:aws:logs:*:*:log-group:/aws/lambda/{BASE}-{function}*"
            for function in FUNCTION_NAMES
        ),
        by_tag=True,
    ),
)
BESIDES: Final = {"logs:create_log_group": ("logs:TagResource",)}
READINGS: Final = (
    Reading(
        "logs",
        "describe_log_groups",
        {"logGroupNamePrefix": "<name>"},
        {
            "retentionDays": "logGroups[0].retentionInDays",
            "encryption.keyId": "logGroups[0].kmsKeyId",
        },
    ),
    Reading(
        "logs",
        "list_tags_for_resource",
        {"resourceArn": "<arn>"},
        {"tags": "tags"},
        full_only=True,
    ),
)


class LogGroup(Resource):
    """CloudWatch Logs group.

    `shared_prefix`: prefix of the names of all log groups of the pipeline; they share one read.
    `kms_key_id`: ARN (Logs takes nothing else). Outputs: ``arn, name``.

    It is made before its function, or Lambda makes it, without retention and tags.
    """

    kind = "LogGroup"
    holds = "the logs that it held"
    fast_is_complete = True
    create_first = True

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        retention_days: int,
        shared_prefix: str,
        kms_key_id: str | None = None,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.log_group(self.physical_name)
        self._retention_days = retention_days
        self._shared_prefix = shared_prefix
        self._kms_key_id = kms_key_id

    def desired(self, outputs: Outputs) -> Properties:
        """Retention and key."""
        return {
            "retentionDays": self._retention_days,
            "encryption.keyId": key_name(self._kms_key_id),
        }

    async def observe(self, *, full: bool) -> Observed | None:
        """DescribeLogGroups by the shared prefix."""
        answer = await self._calls.read(
            "logs", "describe_log_groups", logGroupNamePrefix=self._shared_prefix
        )
        for group in answer.get("logGroups", ()):
            if group["logGroupName"] == self.physical_name:
                return self._observed(_group_properties(group), _created_at(group))
        return None

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsForResource."""
        answer = await self._calls.read("logs", "list_tags_for_resource", resourceArn=self._arn)
        tags: Mapping[str, str] = answer.get("tags", {})
        return tags

    async def create(self, desired: Properties) -> Observed:
        """CreateLogGroup with tags and key, then PutRetentionPolicy."""
        encryption = {"kmsKeyId": self._kms_key_id} if self._kms_key_id else {}
        await self._write("create_log_group", tags=dict(self.tags), **encryption)
        await self._write("put_retention_policy", retentionInDays=self._retention_days)
        return self._observed(desired, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """Everything that differs."""
        if "retentionDays" in diff:
            await self._write("put_retention_policy", retentionInDays=self._retention_days)
        if "encryption.keyId" in diff:
            if self._kms_key_id:
                await self._write("associate_kms_key", kmsKeyId=self._kms_key_id)
            else:
                await self._write("disassociate_kms_key")

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write("logs", "tag_resource", resourceArn=self._arn, tags=dict(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write("logs", "untag_resource", resourceArn=self._arn, tagKeys=list(keys))

    async def delete(self, observed: Observed) -> None:
        """DeleteLogGroup, with its log lines."""
        await ignore_not_found(self._write("delete_log_group"))

    def _observed(
        self,
        properties: Properties,
        created_at: datetime | None = None,
        *,
        tags: Mapping[str, str] | None = None,
    ) -> Observed:
        return Observed(
            arn=self._arn,
            properties=properties,
            outputs={"arn": self._arn, "name": self.physical_name},
            tags=tags,
            created_at=created_at,
        )

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "logs", operation, logGroupName=self.physical_name, **parameters
        )


def _group_properties(group: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {"encryption.keyId": key_name(group.get("kmsKeyId"))}
    # A retention that a policy of the account sets wins over ours: it is not fought over.
    if not group.get("retentionPolicyName"):
        properties["retentionDays"] = group.get("retentionInDays", 0)
    return properties


def _created_at(group: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(group["creationTime"] / 1000, UTC)
