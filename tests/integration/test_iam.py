"""IAM, enforced: what the operator may do is what it needs, and a role is used as it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sandbox import Sandbox
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, examples, run

TENANT = "222222222222"
TENANT_ROLE = f"arn:aws:iam::{TENANT}:role/clickstream-tenant"
POLICY = examples().parent / "docs" / "reference" / "operator-policy.json"


@pytest.fixture
def operator(strict: Sandbox) -> Iterator[Pilot]:
    """A controller whose credential has the shipped policy and nothing else."""
    with empty_aws(strict):
        key = user_with(strict, json.loads(POLICY.read_text()))
        started = Pilot(strict, account=key["AccessKeyId"], secret=key["SecretAccessKey"])
        yield started
        started.close()


def root(sandbox: Sandbox, service: str, account: str = ACCOUNT) -> Any:
    """A client of an account's root user."""
    return boto3.client(
        service,
        endpoint_url=sandbox.aws_endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="sandbox",
    )


def user_with(sandbox: Sandbox, policy: dict[str, Any]) -> dict[str, str]:
    """An access key of the operator's user, which has this policy."""
    iam = root(sandbox, "iam")
    iam.create_user(UserName="operator")
    iam.put_user_policy(
        UserName="operator", PolicyName="operator", PolicyDocument=json.dumps(policy)
    )
    key: dict[str, str] = iam.create_access_key(UserName="operator")["AccessKey"]
    return key


def allow_assuming(sandbox: Sandbox) -> None:
    """What the operator's own policy needs to assume the tenant's role."""
    root(sandbox, "iam").put_user_policy(
        UserName="operator",
        PolicyName="assume",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["sts:AssumeRole", "sts:TagSession"],
                        "Resource": TENANT_ROLE,
                    }
                ],
            }
        ),
    )


def test_a_role_of_another_account_is_assumed_with_tags(operator: Pilot) -> None:
    """Trust is asked for external id and tags; everything is made in the role's account."""
    sandbox = operator.sandbox
    iam = root(sandbox, "iam", TENANT)
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/operator"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "team-a"}},
    }
    version = "2012-10-17"
    iam.create_role(
        RoleName="clickstream-tenant",
        AssumeRolePolicyDocument=json.dumps({"Version": version, "Statement": [statement]}),
    )
    iam.put_role_policy(
        RoleName="clickstream-tenant", PolicyName="operator", PolicyDocument=POLICY.read_text()
    )
    allow_assuming(sandbox)
    operator.overrides = {"roles_by_namespace": {"def*": (TENANT_ROLE,)}}
    operator.restart()
    credentials = {"roleArn": TENANT_ROLE, "externalId": "team-b"}
    operator.apply({"credentials": credentials})

    # The wrong external id.
    run(operator.step())
    told = operator.condition("CredentialsValid")
    assert (told["status"], told["reason"]) == ("False", "CredentialsInvalid")
    assert f"{TENANT_ROLE} can't be assumed: User: arn:aws:iam::{ACCOUNT}" in told["message"]
    assert "sts:AssumeRole and sts:TagSession with this external id" in told["message"]
    assert not operator.writes()

    # The right one, but the role takes no session tags.
    operator.apply({"credentials": {**credentials, "externalId": "team-a"}})
    run(operator.step())
    assert "sts:TagSession" in operator.condition("CredentialsValid")["message"]

    # Only sessions of this namespace and pipeline.
    tags = {
        "aws:RequestTag/clickstream.dev/namespace": "default",
        "aws:RequestTag/clickstream.dev/pipeline": operator.name,
    }
    may_tag = {**statement, "Action": "sts:TagSession", "Condition": {"StringEquals": tags}}
    iam.update_assume_role_policy(
        RoleName="clickstream-tenant",
        PolicyDocument=json.dumps({"Version": version, "Statement": [statement, may_tag]}),
    )
    run(operator.converge())
    assert operator.condition("CredentialsValid")["status"] == "True"
    assert operator.status()["effective"]["account"] == TENANT
    assert len(root(sandbox, "kinesis", TENANT).list_streams()["StreamNames"]) == 1
    assert root(sandbox, "kinesis").list_streams()["StreamNames"] == []

    # The setting changes: nothing more is done with the role, a deletion waits as well.
    operator.overrides = {}
    operator.restart()
    operator.forget_calls()
    run(operator.step())
    assert operator.condition("Stalled")["reason"] == "RoleNotAllowed"
    assert "CLICKSTREAM_ROLES_BY_NAMESPACE" in operator.condition("Stalled")["message"]
    operator.request_deletion()
    run(operator.step())
    assert operator.calls == []
    operator.overrides = {"roles_by_namespace": {"def*": (TENANT_ROLE,)}}
    operator.restart()
    run(operator.converge(lambda: operator.body() is None))
    assert root(sandbox, "kinesis", TENANT).list_streams()["StreamNames"] == []


def test_another_account_is_refused(operator: Pilot) -> None:
    """The account is recorded; without the role everything would seem to be gone."""
    operator.apply()
    run(operator.converge())
    sandbox = operator.sandbox
    before = root(sandbox, "kinesis").list_streams()["StreamNames"]
    iam = root(sandbox, "iam", TENANT)
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/operator"}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
    iam.create_role(
        RoleName="clickstream-tenant",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    allow_assuming(sandbox)
    operator.overrides = {"roles_by_namespace": {"default": (TENANT_ROLE,)}}
    operator.restart()
    operator.forget_calls()
    operator.apply({"credentials": {"roleArn": TENANT_ROLE}})
    run(operator.step())
    told = operator.condition("Stalled")
    assert told["reason"] == "AccountMismatch"
    assert f"belongs to account {TENANT}, the pipeline to {ACCOUNT}" in told["message"]
    assert {one.operation for one in operator.calls} == {"get_caller_identity"}
    operator.apply()
    run(operator.converge())
    assert root(sandbox, "kinesis").list_streams()["StreamNames"] == before
