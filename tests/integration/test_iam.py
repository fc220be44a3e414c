"""IAM, enforced: what the operator may do is what it needs, and a role is used as it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from clickstream_operator.pipeline import packages
from docs.generator.operator_policy import actions_of
from sandbox import Sandbox
from sandbox.operator_process import PACKAGES
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, examples, run
from tests.tenant_grants import FOREIGN, granted
from tests.whole_run import aws_problems, shipped_actions

TENANT = "222222222222"
TENANT_ROLE = f"arn:aws:iam::{TENANT}:role/clickstream-tenant"
IAM = examples() / "iam"
POLICY = examples().parent / "docs" / "reference" / "operator-policy.json"

_ALERTS = {"enabled": True, "emails": ["team@example.com"]}
_LAST: dict[str, Any] = {
    "deletionPolicy": {"archive": "Empty", "tables": "Delete"},
    "tables": {"deletionProtection": False},
}
#: Specs that make every call that the operator knows, one after the other.
TOUR: list[dict[str, Any]] = [
    {
        "alerts": _ALERTS,
        # The grants of the tests let roles carry the second.
        "tags": {"Team": "web", "Tour": "one"},
        "processor": {"reservedConcurrency": 5},
        "stream": {"retentionHours": 48},
        "tables": {"ttl": {"sessionMetricsHours": 96, "countersHours": 96}},
        "events": {"fields": {"user": "u" * 100}},
        "privacy": {"queryParameters": [f"{number:02}{'q' * 60}" for number in range(60)]},
        "collector": {"enabled": True, "allowedOrigins": ["https://one.example"]},
    },
    {
        "collector": {"enabled": True, "allowedOrigins": ["https://two.example"]},
        "stream": {
            "shards": 4,
            "shardLevelMetrics": [],
            "kmsKeyId": "alias/tour",
            "maxRecordSizeKiB": 2048,
        },
        "anomalyDetection": {"memoryMiB": 256},
        "tables": {
            "billingMode": "Provisioned",
            "provisioned": {"readUnits": 5, "writeUnits": 5},
            "pointInTimeRecovery": False,
        },
        "deadLetter": {"retentionDays": 7},
        "logs": {"kmsKeyId": "alias/tour", "deletionProtection": True},
        "deletionPolicy": {"logs": "Retain"},
        "archive": {"expirationDays": 400, "kmsKeyId": "alias/tour"},
        "alarms": {"iteratorAgeSeconds": 300, "muteWhileResizing": True},
        "alerts": {**_ALERTS, "kmsKeyId": "alias/tour"},
        "processor": {"batchSize": 500},
    },
    {
        "stream": {"mode": "OnDemand", "warmThroughputMiBps": 20},
        "anomalyDetection": {"enabled": False},
        "dashboard": {"enabled": False},
        "alarms": {"enabled": False},
    },
    {**_LAST, "stream": {"autoscaling": {"minShards": 1, "maxShards": 4}}, "alerts": _ALERTS},
    {
        **_LAST,
        "alerts": {**_ALERTS, "emails": []},
        # The next process asks what the last one left.
        "alarms": {"muteWhileResizing": True},
    },
]


@pytest.fixture
def operator(strict: Sandbox, request: pytest.FixtureRequest) -> Iterator[Pilot]:
    """A controller whose credential has the shipped policy, or a variant, and nothing else."""
    policy: Path = getattr(request, "param", POLICY)
    with empty_aws(strict, plain=True):
        key = user_with(strict, json.loads(policy.read_text()))
        started = Pilot(strict, account=key["AccessKeyId"], secret=key["SecretAccessKey"])
        yield started
        started.close()


def root(sandbox: Sandbox, service: str, account: str = ACCOUNT) -> Any:
    """A client of an account's root user."""
    return boto3.client(
        service,
        endpoint_url=sandbox.emulator_endpoint,
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


def settled(pilot: Pilot) -> bool:
    """Whether the present spec is applied and everything works, alarms included."""
    status = pilot.status()
    return pilot.condition("Ready")["status"] == "True" and all(
        one["state"] == "Ready" or one["reason"] == "NotConfirmed" for one in status["resources"]
    )


def drift(pilot: Pilot) -> None:
    """Change by hand what the operator repairs with calls of their own."""
    iam = root(pilot.sandbox, "iam")
    role = pilot.status()["effective"]["names"]["processor-role"]
    nothing = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    more = {"Version": "2012-10-17", "Statement": [nothing]}
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [nobody]}
    names = pilot.status()["effective"]["names"]
    scheduler = root(pilot.sandbox, "scheduler")
    schedule = scheduler.get_schedule(Name=names["schedule"])
    kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    changed = {name: schedule[name] for name in kept} | {"State": "DISABLED"}
    scheduler.update_schedule(**changed)
    iam.attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/boundary")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    iam.update_role(RoleName=role, Description="by hand")
    iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=json.dumps(more))


def kinesis_of(pilot: Pilot) -> Any:
    """A client of the account that knows what the emulator lacks."""
    return boto3.client(
        "kinesis",
        endpoint_url=pilot.sandbox.aws_endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="sandbox",
    )


def share_the_stream(pilot: Pilot) -> None:
    """Let others use an on-demand stream, as holds its mode, and take its order away."""
    kinesis = kinesis_of(pilot)
    stream = {"StreamARN": pilot.resource("stream")["arn"]}
    kinesis.update_stream_record_distribution_strategy(**stream, RecordDistributionStrategy="AUTO")
    run(pilot.resync())
    kinesis.create_queue(QueueName="orders", StreamConfigurationList=[stream])
    record = {"RecordConfiguration": {"RecordFormatType": "JSON"}}
    kinesis.create_channel(
        ChannelName="lake",
        ServiceExecutionRoleARN=f"arn:aws:iam::{ACCOUNT}:role/lake",
        StreamConfigurationList=[stream | record],
    )
    pilot.apply({"stream": {"mode": "Provisioned"}})
    run(pilot.converge(lambda: pilot.condition("Stalled").get("status") == "True"))
    kinesis.delete_queue(QueueARN=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:queue/orders")
    kinesis.delete_channel(ChannelARN=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:channel/lake")


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
    operator.overrides = {"tenants": granted("def*", operator_roles=(TENANT_ROLE,))}
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
    assert "tenants[].operatorRoles" in operator.condition("Stalled")["message"]
    operator.request_deletion()
    run(operator.step())
    assert operator.calls == []
    operator.overrides = {"tenants": granted("def*", operator_roles=(TENANT_ROLE,))}
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
    operator.overrides = {"tenants": granted("default", operator_roles=(TENANT_ROLE,))}
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


def test_the_shipped_policy_is_what_the_operator_needs(operator: Pilot) -> None:
    """All that a pipeline can ask for, under that policy: nothing refused, nothing unused."""
    kms = root(operator.sandbox, "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/tour", TargetKeyId=key)
    root(operator.sandbox, "iam").create_policy(
        PolicyName="boundary",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
            }
        ),
    )
    # Without it AWS takes no warm throughput.
    kinesis_of(operator).update_account_settings(
        MinimumThroughputBillingCommitment={"Status": "ENABLED"}
    )
    for spec in TOUR:
        operator.apply(spec)
        run(operator.converge(lambda: settled(operator)))
        # AWS's budgets of a day are free again; then the minute of the autoscaling comes.
        for seconds in (2 * 86400, 90):
            operator.time += seconds
            run(operator.step())
        if spec.get("stream", {}).get("mode") == "OnDemand":
            share_the_stream(operator)
    shipped = packages.load(PACKAGES)
    operator.overrides = {
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        # A new version of the operator brings other functions.
        "packages": {**shipped, "processor": shipped["detector"]},
    }
    operator.restart()
    run(operator.converge(lambda: settled(operator)))
    operator.overrides = {}
    operator.restart()
    run(operator.converge(lambda: settled(operator)))
    drift(operator)
    run(operator.resync())
    run(operator.resync())
    run(operator.resync())
    operator.request_deletion()
    run(operator.converge(lambda: operator.body() is None))
    refused = {
        f"{one.service}:{one.operation}" for one in operator.calls if one.code.startswith("AccessD")
    }
    assert refused == set()
    used = set[str]()
    for service, operation in {(one.service, one.operation) for one in operator.calls}:
        used |= actions_of(service, operation)
    assert aws_problems(used, shipped_actions()) == []


@pytest.mark.parametrize("operator", [IAM / "operator-policy-bounded.json"], indirect=True)
def test_a_required_boundary_is_required(operator: Pilot) -> None:
    """Without the boundary no role is made; with it a pipeline lives and goes."""
    document = (IAM / "permissions-boundary.json").read_text()
    root(operator.sandbox, "iam").create_policy(
        PolicyName="clickstream-boundary", PolicyDocument=document
    )
    operator.apply({"anomalyDetection": {"enabled": False}})
    run(operator.step())
    refused = operator.resource("processor-role")
    assert (refused["state"], refused["reason"]) == ("Failed", "AccessDenied")
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/clickstream-boundary"
    operator.overrides = {"permissions_boundary": boundary}
    operator.restart()
    run(operator.converge(lambda: settled(operator)))
    role = operator.status()["effective"]["names"]["processor-role"]
    made = root(operator.sandbox, "iam").get_role(RoleName=role)["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    operator.request_deletion()
    run(operator.converge(lambda: operator.body() is None))


@pytest.mark.parametrize("operator", [IAM / "operator-policy-without-iam.json"], indirect=True)
def test_given_roles_need_no_right_on_iam(operator: Pilot) -> None:
    """Roles that an administrator made, from the allow-list: not one call to IAM, to the end."""
    iam = root(operator.sandbox, "iam")
    given = {}
    services = {"processor": "lambda", "detector": "lambda", "scheduler": "scheduler"}
    for name, service in services.items():
        principal = {"Service": f"{service}.amazonaws.com"}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        made = iam.create_role(
            RoleName=f"clickstream-given-{name}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        given[name] = made["Role"]["Arn"]
    operator.overrides = {"tenants": granted(function_roles=tuple(given.values()), **FOREIGN)}
    operator.restart()
    operator.apply(
        {
            "processor": {"roleArn": given["processor"]},
            "anomalyDetection": {
                "roleArn": given["detector"],
                "schedulerRoleArn": given["scheduler"],
            },
            "stream": {"shards": 1},
        }
    )
    run(operator.converge(lambda: settled(operator)))
    for _ in range(3):
        run(operator.resync())
    names = operator.status()["effective"]["names"]
    schedule = root(operator.sandbox, "scheduler").get_schedule(Name=names["schedule"])
    assert schedule["Target"]["RoleArn"] == given["scheduler"]
    operator.request_deletion()
    run(operator.converge(lambda: operator.body() is None))
    assert "iam" not in {one.service for one in operator.calls}
    assert len(iam.list_roles()["Roles"]) == len(given)
