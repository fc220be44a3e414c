"""IAM role: exactly the policies that the pipeline gives it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clickstream_operator.aws import policies
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.resources.iam_role import IAMRole
from tests.resources.conftest import ACCOUNT, TAGS, Cloud, DeleteTwice

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"
TRUST = policies.service_trust("lambda.amazonaws.com")
READ = policies.document(
    [policies.statement("read", actions=["s3:GetObject"], resources=["arn:aws:s3:::b/*"])]
)
WRITE = policies.document(
    [policies.statement("write", actions=["s3:PutObject"], resources=["arn:aws:s3:::b/*"])]
)


def role(cloud: Cloud, **changes: Any) -> IAMRole:
    """The processor's role, but for `changes`."""
    settings: dict[str, Any] = {
        "trust": TRUST,
        "inline_policies": {"pipeline": READ},
        "description": "Processor of shop",
    }
    return IAMRole(
        calls=cloud.calls,
        place=cloud.place,
        name="processor-role",
        physical_name="shop-processor",
        tags=TAGS,
        **settings | changes,
    )


async def test_creation_settles(cloud: Cloud) -> None:
    """Two writes; four reads when full, one when fast; then nothing to do."""
    one = role(cloud)
    assert await cloud.converge(one) == ["create_role", "put_role_policy"]
    observed = await cloud.settled(one)
    assert len(cloud.reads) == 4
    assert observed.tags == TAGS
    assert observed.created_at is not None
    assert observed.arn == cloud.place.role("shop-processor")
    fast = await cloud.observe(one, full=False)
    assert cloud.reads == ["get_role"]
    assert "inlinePolicies" not in fast.properties


async def test_second_creation_is_refused(cloud: Cloud) -> None:
    """Create-first relies on IAM refusing a second one."""
    one = role(cloud)
    await one.create(one.desired({}))
    with pytest.raises(AwsError) as raised:
        await one.create(one.desired({}))
    assert raised.value.category is Category.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("changes", "path", "operations"),
    [
        (
            {"trust": policies.service_trust("scheduler.amazonaws.com")},
            "trust",
            ["update_assume_role_policy"],
        ),
        ({"description": "Another"}, "description", ["update_role"]),
        (
            {"permissions_boundary": BOUNDARY},
            "permissionsBoundary",
            ["put_role_permissions_boundary"],
        ),
        ({"inline_policies": {"pipeline": WRITE}}, "inlinePolicies", ["put_role_policy"]),
        (
            {"inline_policies": {"other": READ}},
            "inlinePolicies",
            ["put_role_policy", "delete_role_policy"],
        ),
    ],
)
async def test_each_field_changes_and_comes_back(
    cloud: Cloud, changes: dict[str, Any], path: str, operations: list[str]
) -> None:
    """A changed field is named, takes its own calls only, and reverts."""
    await make_boundary(cloud)
    await cloud.converge(role(cloud))
    changed = role(cloud, **changes)
    assert (await cloud.difference(changed)).paths == (path,)
    assert await cloud.converge(changed) == operations
    await cloud.settled(changed)
    await cloud.converge(role(cloud))
    await cloud.settled(role(cloud))


async def test_boundary_at_creation(cloud: Cloud) -> None:
    """Operators without wider rights may create roles with a boundary only."""
    await make_boundary(cloud)
    one = role(cloud, permissions_boundary=BOUNDARY)
    assert await cloud.converge(one) == ["create_role", "put_role_policy"]


async def test_policies_of_others_go(cloud: Cloud) -> None:
    """What somebody adds to the role is drift."""
    await make_boundary(cloud)
    one = role(cloud)
    await cloud.converge(one)
    await add_foreign_policies(cloud)
    assert (await cloud.difference(one)).paths == ("attachedPolicies", "inlinePolicies")
    assert await cloud.converge(one) == ["delete_role_policy", "detach_role_policy"]


async def test_a_rewrite_of_equal_meaning_is_no_difference(cloud: Cloud) -> None:
    """Another order, a list for a lone text, a lone statement without its list, other spaces."""
    one = role(cloud)
    await cloud.converge(one)
    (read,) = READ["Statement"]
    turned = {**dict(reversed(read.items())), "Resource": "arn:aws:s3:::b/*"}
    policy = json.dumps({"Statement": turned, "Version": policies.VERSION}, indent=2)
    await cloud.session.call(
        "iam",
        "put_role_policy",
        RoleName="shop-processor",
        PolicyName="pipeline",
        PolicyDocument=policy,
    )
    (trust,) = TRUST["Statement"]
    listed = {
        **dict(reversed(trust.items())),
        "Action": ["sts:AssumeRole"],
        "Principal": {"Service": ["lambda.amazonaws.com"]},
    }
    await cloud.session.call(
        "iam",
        "update_assume_role_policy",
        RoleName="shop-processor",
        PolicyDocument=json.dumps({"Statement": listed, "Version": policies.VERSION}, indent=1),
    )
    assert not await cloud.difference(one)


async def test_missing_tag_is_set(cloud: Cloud) -> None:
    """A tag that somebody removed is drift; GetRole brings the tags."""
    one = role(cloud)
    await cloud.converge(one)
    await cloud.session.call("iam", "untag_role", RoleName="shop-processor", TagKeys=["team"])
    assert await cloud.converge(one) == ["tag_role"]


async def test_deletion(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """Two writes, no list; gone, and gone again."""
    one = role(cloud)
    await cloud.converge(one)
    await one.delete(await cloud.observe(one))
    assert cloud.writes == ["delete_role_policy", "delete_role"]
    await cloud.converge(one)
    assert await delete_twice(one) is None


async def test_deletion_strips_what_others_added(cloud: Cloud, delete_twice: DeleteTwice) -> None:
    """IAM deletes no role that still has policies."""
    await make_boundary(cloud)
    one = role(cloud)
    await cloud.converge(one)
    await add_foreign_policies(cloud)
    assert await delete_twice(one) is None


async def make_boundary(cloud: Cloud) -> None:
    """The policy that the tests use as a boundary and as a foreign attachment."""
    await cloud.session.call(
        "iam", "create_policy", PolicyName="limit", PolicyDocument=json.dumps(READ)
    )


async def add_foreign_policies(cloud: Cloud) -> None:
    """One inline, one attached."""
    await cloud.session.call(
        "iam",
        "put_role_policy",
        RoleName="shop-processor",
        PolicyName="mine",
        PolicyDocument=json.dumps(WRITE),
    )
    await cloud.session.call(
        "iam", "attach_role_policy", RoleName="shop-processor", PolicyArn=BOUNDARY
    )
