"""DynamoDB table: keys that never change, protection that blocks, and everything in between."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import (
    Phase,
    ResourceBlocked,
    StepMustWait,
)
from clickstream_operator.resources.dynamodb_capacity import Capacity
from clickstream_operator.resources.dynamodb_table import DynamoDBTable, _readiness
from tests.resources.conftest import TAGS, Cloud, DeleteTwice
from tests.resources.moto_gaps import GAPS


def table(cloud: Cloud, **changes: Any) -> DynamoDBTable:
    """A table with the API's defaults, but for `changes`."""
    settings: dict[str, Any] = {
        "hash_key": "page_url",
        "range_key": "timestamp_hour",
        "point_in_time_recovery": True,
        "deletion_protection": True,
    }
    return DynamoDBTable(
        calls=cloud.calls,
        name="page-metrics",
        physical_name="shop-page-metrics",
        tags=TAGS,
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """Three writes without an observation in between; then nothing to do."""
    one = table(cloud)
    writes = await cloud.converge(one)
    assert writes == ["create_table", "update_time_to_live", "update_continuous_backups"]
    observed = await cloud.settled(one)
    assert cloud.reads[:1] == ["describe_table"]
    assert observed.outputs["arn"].endswith(":table/shop-page-metrics")
    assert observed.created_at is not None
    assert dict(await one.read_tags(observed)) == TAGS


async def test_fast_observation_is_one_call(cloud: Cloud) -> None:
    """TTL and backups belong to the full one."""
    one = table(cloud)
    await cloud.converge(one)
    fast = await cloud.observe(one, full=False)
    assert "ttl.attribute" not in fast.properties
    assert not one.diff(one.desired({}), fast)
    assert [operation for operation in cloud.reads if operation != "describe_key"] == [
        "describe_table"
    ]


async def test_table_without_range_key_in_provisioned_mode(cloud: Cloud) -> None:
    """As the original's session table, with capacity."""
    one = table(cloud, hash_key="session_id", range_key=None, capacity=Capacity(5, 7))
    await cloud.converge(one)
    found = (await cloud.settled(one)).properties
    assert (found["billing.readUnits"], found["billing.writeUnits"]) == (5, 7)


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on AWS refusing a second one."""
    one = table(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("changes", "paths", "operation"),
    [
        ({"ttl_attribute": "expires"}, ("ttl.attribute",), "update_time_to_live"),
        (
            {"point_in_time_recovery": False},
            ("pointInTimeRecovery",),
            "update_continuous_backups",
        ),
        ({"deletion_protection": False}, ("deletionProtection",), "update_table"),
        (
            {"capacity": Capacity(5, 7)},
            ("billing.mode", "billing.readUnits", "billing.writeUnits"),
            "update_table",
        ),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], paths: tuple[str, ...], operation: str
) -> None:
    """A changed field is named, takes its own calls only, and reverts."""
    await cloud.converge(table(cloud))
    changed = table(cloud, **changes)
    assert (await cloud.difference(changed)).paths == paths
    assert set(await cloud.converge(changed)) == {operation}
    await cloud.settled(changed)
    await cloud.converge(table(cloud))
    await cloud.settled(table(cloud))


async def test_customer_key_is_known_by_every_name(cloud: Cloud) -> None:
    """By id, by ARN and by alias, a key is the key that it names."""
    key = (await cloud.session.call("kms", "create_key"))["KeyMetadata"]
    await cloud.session.call(
        "kms", "create_alias", AliasName="alias/mine", TargetKeyId=key["KeyId"]
    )
    await cloud.converge(table(cloud, kms_key_id=key["Arn"]))
    await cloud.settled(table(cloud, kms_key_id=key["KeyId"]))
    await cloud.settled(table(cloud, kms_key_id="alias/mine"))
    managed = table(cloud)
    diff = await cloud.difference(managed)
    assert diff.paths == ("encryption.keyId",)
    assert GAPS["dynamodb update_table SSESpecification"]
    observed = await cloud.observe(managed)
    await managed.update(managed.desired({}), observed, diff)
    assert cloud.writes == ["update_table"]


async def test_other_keys_need_a_replacement(cloud: Cloud) -> None:
    """The key schema is for life."""
    await cloud.converge(table(cloud))
    diff = await cloud.difference(table(cloud, hash_key="url", range_key=None))
    assert diff.replace == {"hashKey", "rangeKey"}


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = table(cloud)
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("dynamodb", "untag_resource", ResourceArn=arn, TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


async def test_protection_in_the_spec_blocks_deletion(cloud: Cloud) -> None:
    """Nothing is switched off behind the user's back."""
    one = table(cloud)
    await cloud.converge(one)
    with pytest.raises(ResourceBlocked, match="deletionProtection") as raised:
        await one.delete(await cloud.observe(one))
    assert raised.value.reason == "DeletionBlocked"
    assert cloud.writes == []


async def test_deletion_drops_protection_that_the_spec_dropped(
    cloud: Cloud, delete_twice: DeleteTwice
) -> None:
    """AWS may still have it on; then off, then gone, then gone again."""
    await cloud.converge(table(cloud))
    assert await delete_twice(table(cloud, deletion_protection=False)) is None


@pytest.mark.parametrize(
    ("operation", "code", "text", "changes"),
    [
        (
            "update_time_to_live",
            "ValidationException",
            "Time to live has been modified multiple times within a fixed interval",
            {"ttl_attribute": "expires"},
        ),
        (
            "update_table",
            "LimitExceededException",
            "Subscriber limit exceeded: Update to PayPerRequest mode are limited to 4 in 1 day(s).",
            {"capacity": None},
        ),
    ],
)
async def test_change_that_comes_too_soon_waits(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    *,
    operation: str,
    code: str,
    text: str,
    changes: dict[str, Any],
) -> None:
    """AWS's refusal for now is no error, and what else changes is written all the same."""
    before = {"capacity": Capacity(5, 5)}
    await cloud.converge(table(cloud, **before))
    changed = table(cloud, **{**before, **changes, "point_in_time_recovery": False})
    observed, diff = await cloud.observe(changed), await cloud.difference(changed)
    send = cloud.session.call
    invalid = code == "ValidationException"
    category = Category.INVALID if invalid else Category.LIMIT_EXCEEDED

    async def refuse(service: str, sent: str, /, **given: Any) -> Any:
        if sent == operation:
            raise AwsError(service=service, operation=sent, code=code, text=text, category=category)
        return await send(service, sent, **given)

    monkeypatch.setattr(cloud.session, "call", refuse)
    cloud.forget()
    with pytest.raises(StepMustWait) as raised:
        await changed.update(changed.desired({}), observed, diff)
    assert raised.value.wait.reason == "ChangeTooSoon"
    assert raised.value.wait.seconds == 900
    assert raised.value.written == {"pointInTimeRecovery"}
    assert "update_continuous_backups" in cloud.writes


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("ACTIVE", Phase.READY),
        ("CREATING", Phase.PROGRESSING),
        ("UPDATING", Phase.PROGRESSING),
        ("ARCHIVING", Phase.PROGRESSING),
        ("DELETING", Phase.DELETING),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Phase.FAILED),
        ("ARCHIVED", Phase.FAILED),
    ],
)
def test_status(status: str, phase: Phase) -> None:
    """Every status that AWS documents; a failure names the field that may be at fault."""
    seen = _readiness(status)
    assert seen.phase is phase
    assert ("spec.tables.kmsKeyId" in seen.message) == (phase is Phase.FAILED)


async def test_a_key_of_another_type_is_another_key(cloud: Cloud) -> None:
    """An adopted table whose key holds numbers would refuse every write of the functions."""
    one = table(cloud)
    await cloud.session.call(
        "dynamodb",
        "create_table",
        TableName=one.physical_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "page_url", "AttributeType": "S"},
            {"AttributeName": "timestamp_hour", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "page_url", "KeyType": "HASH"},
            {"AttributeName": "timestamp_hour", "KeyType": "RANGE"},
        ],
    )
    diff = await cloud.difference(one)
    assert diff.replace == {"rangeKey"}
    assert diff.fields["rangeKey"] == ("timestamp_hour (type N)", "timestamp_hour")
