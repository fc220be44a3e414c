"""DynamoDB table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Unpack

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import ignore_not_found
from clickstream_operator.aws.kms import key_name
from clickstream_operator.aws.permissions import BASE, Grant
from clickstream_operator.aws.readings import Reading
from clickstream_operator.aws.tags import as_list, from_list
from clickstream_operator.engine.resource import (
    READY,
    Diff,
    Observed,
    Outputs,
    Properties,
    Readiness,
    Resource,
    ResourceArguments,
    ResourceBlocked,
    deleting,
    failed,
    progressing,
)
from clickstream_operator.resources.dynamodb_capacity import (
    SHARED_BY,
    Capacity,
    billing_properties,
    billing_request,
    observed_billing,
    with_shared_units,
)
from clickstream_operator.resources.dynamodb_encryption import MANAGED_KEY, encryption, key_in_use
from clickstream_operator.resources.dynamodb_limits import take

GRANTS: Final = (
    Grant(
        "Tables",
        tuple(
            f"arn:aws:dynamodb:*:*:table/{BASE}-{table}"
            for table in ("page-metrics", "session-metrics", "counters")
        ),
        by_tag=True,
    ),
)
BESIDES: Final = {"dynamodb:create_table": ("dynamodb:TagResource",)}
READINGS: Final = (
    Reading(
        "dynamodb",
        "describe_table",
        {"TableName": "<name>"},
        {
            "hashKey": "Table.KeySchema[?KeyType=='HASH'].AttributeName | [0]",
            "rangeKey": "Table.KeySchema[?KeyType=='RANGE'].AttributeName | [0]",
            "billing.mode": "Table.BillingModeSummary.BillingMode",
            "billing.readUnits": "Table.ProvisionedThroughput.ReadCapacityUnits",
            "billing.writeUnits": "Table.ProvisionedThroughput.WriteCapacityUnits",
            "encryption.keyId": "Table.SSEDescription.KMSMasterKeyArn",
            "deletionProtection": "Table.DeletionProtectionEnabled",
        },
    ),
    Reading(
        "dynamodb",
        "describe_time_to_live",
        {"TableName": "<name>"},
        {"ttl.attribute": "TimeToLiveDescription.TimeToLiveStatus"},
        full_only=True,
    ),
    Reading(
        "dynamodb",
        "describe_continuous_backups",
        {"TableName": "<name>"},
        {
            "pointInTimeRecovery": (
                "ContinuousBackupsDescription.PointInTimeRecoveryDescription"
                ".PointInTimeRecoveryStatus"
            )
        },
        full_only=True,
    ),
    Reading(
        "dynamodb",
        "list_tags_of_resource",
        {"ResourceArn": "<arn>"},
        {"tags": "Tags"},
        full_only=True,
    ),
)

_STRING: Final = "S"
#: Seconds. A new table is active after some, and its backups can be set a little later.
_NEW: Final = 15.0
_USUALLY: Final = 10.0
_BUSY: Final = frozenset({"CREATING", "UPDATING", "ARCHIVING"})


class DynamoDBTable(Resource):
    """DynamoDB table.

    `capacity` None: on-demand billing. `kms_key_id`: alias, key id or ARN; None: the AWS managed
    key. Keys are strings. Outputs: ``arn, name, createdAt``.

    TTL and point-in-time recovery are seen in a full observation only.
    """

    kind = "DynamoDBTable"
    holds = "the items that it held"
    acknowledged = frozenset({"ttl", "pointInTimeRecovery"})
    create_first = True
    changeable_when_failed = False
    shared_by = SHARED_BY
    replace_only = frozenset({"hashKey", "rangeKey"})

    def __init__(
        self,
        *,
        calls: Calls,
        hash_key: str,
        range_key: str | None,
        point_in_time_recovery: bool,
        deletion_protection: bool,
        capacity: Capacity | None = None,
        kms_key_id: str | None = None,
        ttl_attribute: str = "ttl",
        **arguments: Unpack[ResourceArguments],
    ) -> None:
        super().__init__(**arguments)
        self._calls = calls
        self._hash_key = hash_key
        self._range_key = range_key
        self._point_in_time_recovery = point_in_time_recovery
        self._deletion_protection = deletion_protection
        self._capacity = capacity
        self._kms_key_id = kms_key_id
        self._ttl_attribute = ttl_attribute

    def desired(self, outputs: Outputs) -> Properties:
        """Keys, billing, encryption, protection, TTL, backups."""
        properties: dict[str, Any] = {
            "hashKey": self._hash_key,
            "rangeKey": self._range_key or "",
            **billing_properties(self._capacity),
            "encryption.keyId": key_name(self._kms_key_id) or MANAGED_KEY,
            "deletionProtection": self._deletion_protection,
            "ttl.attribute": self._ttl_attribute,
            "pointInTimeRecovery": self._point_in_time_recovery,
        }
        return properties

    def diff(self, desired: Properties, observed: Observed) -> Diff:
        """Fields that differ; units that something else sets between their bounds do not."""
        return with_shared_units(
            super().diff(desired, observed), self._capacity, observed.properties
        )

    async def observe(self, *, full: bool) -> Observed | None:
        """DescribeTable; a full one adds DescribeTimeToLive and DescribeContinuousBackups."""
        answer = await ignore_not_found(self._read("describe_table"))
        if answer is None:
            return None
        table = answer["Table"]
        properties = await self._table_properties(table)
        # Neither can be changed before the table is active, so neither is asked for.
        if full and table["TableStatus"] == "ACTIVE":
            properties |= await self._full_properties()
        return self._observed(table, properties)

    async def read_tags(self, observed: Observed) -> Mapping[str, str]:
        """By ListTagsOfResource, which lags TagResource (DynamoDB API reference)."""
        answer = await self._calls.read(
            "dynamodb", "list_tags_of_resource", ResourceArn=observed.arn
        )
        return from_list(answer.get("Tags", ()))

    async def create(self, desired: Properties) -> Observed:
        """CreateTable; TTL and backups are off in a new table, and follow when it is active."""
        keys = {self._hash_key: "HASH"} | ({self._range_key: "RANGE"} if self._range_key else {})
        answer = await self._calls.write(
            "dynamodb",
            "create_table",
            TableName=self.physical_name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": _STRING} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
            SSESpecification=encryption(self._kms_key_id),
            DeletionProtectionEnabled=desired["deletionProtection"],
            Tags=as_list(self.tags),
            **billing_request(self._capacity),
        )
        table = answer["TableDescription"]
        properties = await self._table_properties(table)
        # What the call carried is on its way, even where the answer does not show it yet.
        properties |= {key: value for key, value in desired.items() if key.startswith("encryption")}
        properties |= {"ttl.attribute": "", "pointInTimeRecovery": False}
        return self._observed(table, properties, tags=self.tags)

    async def update(self, desired: Properties, observed: Observed, diff: Diff) -> None:
        """TTL, backups and one UpdateTable, which an active table takes together."""
        steps: dict[str, Callable[[], Awaitable[Any]]] = {}
        if "ttl.attribute" in diff:
            steps["ttl"] = partial(self._change_ttl, desired, observed)
        if "pointInTimeRecovery" in diff:
            steps["pointInTimeRecovery"] = partial(self._change_backups, desired)
        # Billing and encryption are asynchronous and exclude one another.
        if "billing" in diff:
            steps["billing"] = partial(self._change_billing, observed)
        elif "encryption" in diff:
            steps["encryption"] = self._change_encryption
        elif "deletionProtection" in diff:
            steps["deletionProtection"] = partial(self._change_protection, desired)
        await take(steps, diff)

    async def set_tags(self, observed: Observed, tags: Mapping[str, str]) -> None:
        """By TagResource."""
        await self._calls.write(
            "dynamodb", "tag_resource", ResourceArn=observed.arn, Tags=as_list(tags)
        )

    async def remove_tags(self, observed: Observed, keys: Sequence[str]) -> None:
        """By UntagResource."""
        await self._calls.write(
            "dynamodb", "untag_resource", ResourceArn=observed.arn, TagKeys=list(keys)
        )

    async def delete(self, observed: Observed) -> None:
        """DeleteTable, after switching off a protection that the spec no longer asks for.

        Raises:
            ResourceBlocked: ``DeletionBlocked``; the spec asks for deletion protection.
        """
        if self._deletion_protection:
            raise ResourceBlocked(
                "DeletionBlocked",
                f"table {self.physical_name} has deletion protection; set "
                "spec.tables.deletionProtection to false, or spec.deletionPolicy.tables to Retain",
            )
        if observed.properties["deletionProtection"]:
            await ignore_not_found(self._write("update_table", DeletionProtectionEnabled=False))
        await ignore_not_found(self._write("delete_table"))

    def _observed(
        self,
        table: Mapping[str, Any],
        properties: Properties,
        tags: Mapping[str, str] | None = None,
    ) -> Observed:
        created_at = table.get("CreationDateTime")
        outputs = {"arn": table["TableArn"], "name": self.physical_name}
        if created_at is not None:
            outputs["createdAt"] = created_at.isoformat()
        return Observed(
            arn=table["TableArn"],
            properties=properties,
            readiness=_readiness(table["TableStatus"]),
            outputs=outputs,
            tags=tags,
            created_at=created_at,
        )

    async def _table_properties(self, table: Mapping[str, Any]) -> dict[str, Any]:
        types = {
            one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]
        }
        keys = {
            item["KeyType"]: _key(item["AttributeName"], types.get(item["AttributeName"], _STRING))
            for item in table["KeySchema"]
        }
        return {
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE", ""),
            **observed_billing(table),
            "encryption.keyId": await key_in_use(
                self._calls, table.get("SSEDescription", {}), self._kms_key_id
            ),
            "deletionProtection": table.get("DeletionProtectionEnabled", False),
        }

    async def _full_properties(self) -> dict[str, Any]:
        ttl = (await self._read("describe_time_to_live"))["TimeToLiveDescription"]
        backups = (await self._read("describe_continuous_backups"))["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        enabled = ttl.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return {
            "ttl.attribute": ttl.get("AttributeName", "") if enabled else "",
            "pointInTimeRecovery": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        }

    async def _change_ttl(self, desired: Properties, observed: Observed) -> None:
        # Another attribute needs a switch-off first, and only one change an hour is taken
        # (UpdateTimeToLive, API reference).
        present = observed.properties["ttl.attribute"]
        await self._write(
            "update_time_to_live",
            TimeToLiveSpecification={
                "Enabled": not present,
                "AttributeName": present or desired["ttl.attribute"],
            },
        )

    async def _change_backups(self, desired: Properties) -> None:
        enabled = desired["pointInTimeRecovery"]
        await self._write(
            "update_continuous_backups",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
        )

    async def _change_encryption(self) -> None:
        await self._write("update_table", SSESpecification=encryption(self._kms_key_id))

    async def _change_protection(self, desired: Properties) -> None:
        await self._write("update_table", DeletionProtectionEnabled=desired["deletionProtection"])

    async def _change_billing(self, observed: Observed) -> None:
        await self._write("update_table", **billing_request(self._capacity, observed.properties))

    async def _read(self, operation: str) -> dict[str, Any]:
        return await self._calls.read("dynamodb", operation, TableName=self.physical_name)

    async def _write(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._calls.write(
            "dynamodb", operation, TableName=self.physical_name, **parameters
        )


def _key(name: str, kind: str) -> str:
    """A key as `desired` names it; one of another type is another key: the functions write text."""
    return name if kind == _STRING else f"{name} (type {kind})"


def _readiness(status: str) -> Readiness:
    if status == "ACTIVE":
        return READY
    if status == "DELETING":
        return deleting("AWS is deleting the table", seconds=_USUALLY)
    if status in _BUSY:
        seconds = _NEW if status == "CREATING" else _USUALLY
        return progressing("TableBusy", f"the table is {status}", seconds=seconds)
    return failed(
        "TableUnusable",
        f"the table is {status}: DynamoDB can't use its KMS key; enable the key of "
        "spec.tables.kmsKeyId again, or restore the table from its backup",
    )
