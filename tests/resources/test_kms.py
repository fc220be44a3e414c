"""KMS key identifiers: many names, one key."""

from __future__ import annotations

import pytest

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.kms import is_alias, is_managed_key, key_name
from tests.resources.conftest import Cloud

ARN = "arn:aws:kms:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("key_id", "name"),
    [
        (None, ""),
        ("", ""),
        ("alias/mine", "alias/mine"),
        (ARN + "alias/mine", "alias/mine"),
        ("1111-2222", "1111-2222"),
        (ARN + "key/1111-2222", "1111-2222"),
    ],
)
def test_names(key_id: str | None, name: str) -> None:
    """The ARN of a name is that name."""
    assert key_name(key_id) == name
    assert is_alias(key_id or "") == name.startswith("alias/")


async def test_managed_key_is_asked_about_once(cloud: Cloud) -> None:
    """The key behind an AWS alias does not change."""
    alias = "alias/aws/dynamodb"
    answer = await cloud.session.call("kms", "describe_key", KeyId=alias)
    arn = answer["KeyMetadata"]["Arn"]
    for _ in range(2):
        assert await is_managed_key(cloud.calls, alias, arn)
    cloud.forget()
    assert await is_managed_key(cloud.calls, alias, arn)
    assert cloud.reads == []
    assert not await is_managed_key(cloud.calls, alias, ARN + "key/other")


async def test_managed_key_is_known_to_the_next_reconcile_and_to_no_other_process(
    cloud: Cloud,
) -> None:
    """Calls share what they know where they are given the same set, and only there."""
    alias = "alias/aws/dynamodb"
    answer = await cloud.session.call("kms", "describe_key", KeyId=alias)
    arn, known = answer["KeyMetadata"]["Arn"], set[str]()
    cloud.forget()
    for _ in range(2):
        assert await is_managed_key(Calls(cloud.session, managed_keys=known), alias, arn)
    assert cloud.reads == ["describe_key"]
    assert await is_managed_key(Calls(cloud.session), alias, arn)
    assert cloud.reads == ["describe_key"] * 2
