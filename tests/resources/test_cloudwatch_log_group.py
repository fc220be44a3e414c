"""Log group: retention, key, and one read for all groups of a pipeline."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine.resource import Observed, ResourceBlocked
from clickstream_operator.resources.cloudwatch_log_group import LogGroup, _group_properties
from tests.resources.conftest import TAGS, Cloud, DeleteTwice
from tests.resources.moto_gaps import GAPS

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def group(cloud: Cloud, component: str = "processor", **changes: Any) -> LogGroup:
    """The log group of a function, but for `changes`."""
    settings: dict[str, Any] = {"retention_days": 14, "kms_key_id": None}
    return LogGroup(
        calls=cloud.calls,
        place=cloud.place,
        shared_prefix="/aws/lambda/shop-",
        name=f"{component}-logs",
        physical_name=f"/aws/lambda/shop-{component}",
        tags=TAGS,
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """Two writes, one read, and then rest."""
    one = group(cloud)
    assert await cloud.converge(one) == ["create_log_group", "put_retention_policy"]
    observed = await cloud.settled(one)
    assert cloud.reads == ["describe_log_groups"]
    assert observed.arn == cloud.place.log_group("/aws/lambda/shop-processor")
    assert observed.created_at is not None
    assert dict(await one.read_tags(observed)) == TAGS


async def test_groups_share_one_read(cloud: Cloud) -> None:
    """Two groups, one DescribeLogGroups."""
    groups = [group(cloud), group(cloud, "detector")]
    for one in groups:
        await cloud.converge(one)
    cloud.forget()
    await asyncio.gather(*(one.observe(full=True) for one in groups))
    assert cloud.reads == ["describe_log_groups"]


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on Logs refusing a second one."""
    one = group(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


async def test_retention_changes_and_comes_back(cloud: Cloud) -> None:
    """A changed retention is named, takes one call, and reverts."""
    await cloud.converge(group(cloud))
    changed = group(cloud, retention_days=30)
    assert (await cloud.difference(changed)).paths == ("retentionDays",)
    assert await cloud.converge(changed) == ["put_retention_policy"]
    assert await cloud.converge(group(cloud)) == ["put_retention_policy"]


async def test_changed_key_is_named(cloud: Cloud) -> None:
    """In both directions."""
    one = group(cloud, kms_key_id=KEY)
    await cloud.converge(one)
    await cloud.settled(one)
    plain = group(cloud)
    assert (await cloud.difference(plain)).paths == ("encryption.keyId",)
    await cloud.converge(group(cloud, "detector"))
    keyed = group(cloud, "detector", kms_key_id=KEY)
    assert (await cloud.difference(keyed)).paths == ("encryption.keyId",)
    assert GAPS["logs associate_kms_key and disassociate_kms_key"]


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift."""
    one = group(cloud)
    await cloud.converge(one)
    arn = (await cloud.observe(one)).arn
    await cloud.session.call("logs", "untag_resource", resourceArn=arn, tagKeys=["team"])
    assert await cloud.converge(one) == ["tag_resource"]


def test_retention_of_an_account_policy_is_not_fought() -> None:
    """The account's policy wins over ours."""
    there = {"retentionInDays": 7, "retentionPolicyName": "account"}
    assert "retentionDays" not in _group_properties(there)
    assert _group_properties({"retentionInDays": 7})["retentionDays"] == 7
    assert _group_properties({})["retentionDays"] == 0


@pytest.mark.parametrize("protected", [True, False])
async def test_protection_is_put_back(cloud: Cloud, *, protected: bool) -> None:
    """In both directions, by a call of its own; a new group has it from the start."""
    one = group(cloud, deletion_protection=protected)
    one._calls = calls = AsyncMock()
    await one.create(one.desired({}))
    assert ("deletionProtectionEnabled" in calls.write.await_args_list[0].kwargs) is protected
    calls.reset_mock()
    there = Observed("arn", {**one.desired({}), "deletionProtection": not protected})
    await one.update(one.desired({}), there, one.diff(one.desired({}), there))
    calls.write.assert_awaited_once_with(
        "logs",
        "put_log_group_deletion_protection",
        logGroupIdentifier="/aws/lambda/shop-processor",
        deletionProtectionEnabled=protected,
    )


async def test_a_protected_group_is_not_deleted(cloud: Cloud) -> None:
    """The spec asks for it: the message names both fields. What others protected is freed first."""
    one = group(cloud, deletion_protection=True)
    one._calls = calls = AsyncMock()
    with pytest.raises(ResourceBlocked, match=r"spec\.logs\.deletionProtection") as raised:
        await one.delete(Observed("arn", one.desired({})))
    assert raised.value.reason == "DeletionBlocked"
    calls.write.assert_not_awaited()
    plain = group(cloud)
    plain._calls = calls = AsyncMock()
    await plain.delete(Observed("arn", {**plain.desired({}), "deletionProtection": True}))
    names = [call.args[1] for call in calls.write.await_args_list]
    assert names == ["put_log_group_deletion_protection", "delete_log_group"]


@pytest.mark.parametrize("found", ["INFREQUENT_ACCESS", "ESSENTIALS", "DELIVERY"])
def test_a_group_of_another_class_does_not_fit(cloud: Cloud, found: str) -> None:
    """The functions' metrics are made of their lines, in the class STANDARD only."""
    one = group(cloud)
    there = Observed("arn", {**one.desired({}), **_group_properties({"logGroupClass": found})})
    assert found in one.misfit(there)
    assert one.diff(one.desired({}), there).replace
    assert one.misfit(Observed("arn", _group_properties({}))) == ""


def test_groups_of_before_keep_their_hash(cloud: Cloud) -> None:
    """New settings are left out of it while they have the value of before."""
    one = group(cloud)
    assert all(one.desired({})[path] == value for path, value in one.added_later.items())


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Gone, and gone again."""
    one = group(cloud)
    await cloud.converge(one)
    assert await delete_twice(one) is None
