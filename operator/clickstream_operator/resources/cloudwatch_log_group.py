"""CloudWatch Logs group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Unpack

from clickstream_operator.api.reasons import Reason
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
    ResourceBlocked,
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
            "class": "logGroups[0].logGroupClass",
            "deletionProtection": "logGroups[0].deletionProtectionEnabled",
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


#: CloudWatch makes metrics of lines (embedded metric format) in this class only ("Log classes").
_CLASS: Final = "STANDARD"


class LogGroup(Resource):
    """CloudWatch Logs group.

    `shared_prefix`: prefix of the names of all log groups of the pipeline; they share one read.
    `kms_key_id`: ARN (Logs takes nothing else). Outputs: ``arn, name``.

    It is made before its function, or Lambda makes it, without retention and tags. Its class can't
    be changed, and is always STANDARD: the functions' metrics are made of their log lines (ADR 62).
    """

    kind = "LogGroup"
    holds = "the logs that it held"
    fast_is_complete = True
    create_first = True
    replace_only: ClassVar[frozenset[str]] = frozenset({"class"})
    added_later: ClassVar[Properties] = {"class": _CLASS, "deletionProtection": False}

    def __init__(
        self,
        *,
        calls: Calls,
        place: AwsLocation,
        retention_days: int,
        shared_prefix: str,
        kms_key_id: str | None = None,
        deletion_protection: bool = False,
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._arn = place.log_group(self.physical_name)
        self._retention_days = retention_days
        self._shared_prefix = shared_prefix
        self._kms_key_id = kms_key_id
        self._deletion_protection = deletion_protection

    def desired(self, outputs: Outputs) -> Properties:
        """Retention, key, class and protection."""
        return {
            "retentionDays": self._retention_days,
            "encryption.keyId": key_name(self._kms_key_id),
            "class": _CLASS,
            "deletionProtection": self._deletion_protection,
        }

    def misfit(self, observed: Observed) -> str:
        """Another class, in which CloudWatch makes no metrics of log lines."""
        found = observed.properties["class"]
        if found == _CLASS:
            return ""
        return (
            f"log group {self.physical_name} is of the class {found}, in which CloudWatch makes no "
            "metrics of the functions' lines, and AWS can't change it; delete the log group, "
            "before it is adopted"
        )

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
        settings: dict[str, Any] = {"kmsKeyId": self._kms_key_id} if self._kms_key_id else {}
        if self._deletion_protection:
            settings["deletionProtectionEnabled"] = True
        await self._write("create_log_group", tags=dict(self.tags), **settings)
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
        if "deletionProtection" in diff:
            await self._protect(enabled=self._deletion_protection)

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write("logs", "tag_resource", resourceArn=self._arn, tags=dict(tags))

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write("logs", "untag_resource", resourceArn=self._arn, tagKeys=list(keys))

    async def delete(self, observed: Observed) -> None:
        """DeleteLogGroup, with its log lines.

        Raises:
            ResourceBlocked: ``DeletionBlocked``; the spec asks for deletion protection.
        """
        if self._deletion_protection:
            raise ResourceBlocked(
                Reason.DELETION_BLOCKED,
                f"log group {self.physical_name} has deletion protection; set "
                "spec.logs.deletionProtection to false, or spec.deletionPolicy.logs to Retain",
            )
        if observed.properties["deletionProtection"]:
            await self._protect(enabled=False)
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

    async def _protect(self, *, enabled: bool) -> None:
        await self._calls.write(
            "logs",
            "put_log_group_deletion_protection",
            logGroupIdentifier=self.physical_name,
            deletionProtectionEnabled=enabled,
        )

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "logs", operation, logGroupName=self.physical_name, **parameters
        )


def _group_properties(group: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "encryption.keyId": key_name(group.get("kmsKeyId")),
        "class": group.get("logGroupClass", _CLASS),
        "deletionProtection": group.get("deletionProtectionEnabled", False),
    }
    # A retention that a policy of the account sets wins over ours: it is not fought over.
    if not group.get("retentionPolicyName"):
        properties["retentionDays"] = group.get("retentionInDays", 0)
    return properties


def _created_at(group: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(group["creationTime"] / 1000, UTC)
