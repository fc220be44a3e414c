"""The shipped policy on an emulator that enforces IAM: what decides is the tag of a cluster."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from clickstream_operator.aws.tags import CLUSTER
from sandbox.aws import emulator
from sandbox.aws.emulator import ACCOUNT, REGION, Emulator
from sandbox.processes.run import Run

POLICY = Path(__file__).parents[3] / "docs" / "reference" / "operator-policy.json"
NAME = "shop-customer"
TAGS = {CLUSTER: "prod"}
LIST = [{"Key": CLUSTER, "Value": "prod"}]
Maker = Callable[[str], Any]


@pytest.fixture(scope="module")
def enforced() -> Iterator[tuple[Maker, Maker]]:
    """Clients of the account's root user, and of one who has the shipped policy alone."""
    with tempfile.TemporaryDirectory(prefix="clickstream-authorization-") as folder:
        run = Run.create(Path(folder))
        aws = Emulator(emulator.locate(), enforce=True)

        def clients(key: str, secret: str) -> Maker:
            return lambda service: boto3.client(
                service,
                endpoint_url=aws.endpoint,
                region_name=REGION,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
            )

        try:
            run.start(aws.program())
            root = clients(ACCOUNT, "sandbox")
            iam = root("iam")
            iam.create_user(UserName="operator")
            iam.put_user_policy(
                UserName="operator", PolicyName="operator", PolicyDocument=POLICY.read_text()
            )
            key = iam.create_access_key(UserName="operator")["AccessKey"]
            yield root, clients(key["AccessKeyId"], key["SecretAccessKey"])
        finally:
            run.stop()
            aws.release_port()


def refused(call: Callable[..., Any], **parameters: Any) -> bool:
    """Whether IAM refuses a call."""
    try:
        call(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if "AccessDenied" not in code and code != "AuthorizationError":
            raise
        return True
    return False


def table(client: Any, name: str, **more: Any) -> str:
    """Make a table."""
    key = {"AttributeName": "k", "KeyType": "HASH"}
    made = client.create_table(
        TableName=name,
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    arn: str = made["TableDescription"]["TableArn"]
    return arn


def test_strangers_stay_and_ours_change(enforced: tuple[Maker, Maker]) -> None:
    """Of each kind whose deletion loses data: with the tag it goes, without it stays."""
    root, operator = enforced
    kinesis = operator("kinesis")
    for name, tags in ((f"{NAME}-events", {}), ("shop-abcdefgh-events", TAGS)):
        root("kinesis").create_stream(StreamName=name, ShardCount=1, Tags=tags)
        assert refused(kinesis.delete_stream, StreamName=name) is not bool(tags)
    sns, queues = operator("sns"), operator("sqs")
    logs, tables = operator("logs"), operator("dynamodb")
    for stem, tags in ((NAME, {}), ("shop-abcdefgh", TAGS)):
        as_list = [{"Key": key, "Value": value} for key, value in tags.items()]
        topic = root("sns").create_topic(Name=f"{stem}-alerts", Tags=as_list)["TopicArn"]
        subscribe = {"TopicArn": topic, "Endpoint": "a@example.com"}
        assert refused(sns.subscribe, Protocol="email", **subscribe) is not bool(tags)
        assert refused(sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="https://a.b")
        assert refused(sns.delete_topic, TopicArn=topic) is not bool(tags)
        url = root("sqs").create_queue(QueueName=f"{stem}-dead-letter", tags=tags)["QueueUrl"]
        assert refused(queues.delete_queue, QueueUrl=url) is not bool(tags)
        group = f"/aws/lambda/{stem}-processor"
        root("logs").create_log_group(logGroupName=group, **({"tags": tags} if tags else {}))
        assert refused(logs.delete_log_group, logGroupName=group) is not bool(tags)
        table(root("dynamodb"), f"{stem}-counters", **({"Tags": as_list} if tags else {}))
        assert refused(tables.delete_table, TableName=f"{stem}-counters") is not bool(tags)


def test_a_first_tag_and_then_the_change(enforced: tuple[Maker, Maker]) -> None:
    """As the operator adopts, and repairs tags that were removed by hand."""
    root, operator = enforced
    arn = table(root("dynamodb"), "adopted-abcdefgh-counters")
    tables = operator("dynamodb")
    assert refused(tables.tag_resource, ResourceArn=arn, Tags=[{"Key": "Team", "Value": "web"}])
    assert refused(tables.update_table, TableName=arn, DeletionProtectionEnabled=True)
    tables.tag_resource(ResourceArn=arn, Tags=LIST)
    tables.update_table(TableName=arn, DeletionProtectionEnabled=True)


def test_alarms_act_on_topics_alone(enforced: tuple[Maker, Maker]) -> None:
    """An alarm that scales somebody's group is refused by AWS, too."""
    _, operator = enforced
    alarm = {
        "AlarmName": "shop-abcdefgh-errors",
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Tags": LIST,
    }
    put = operator("cloudwatch").put_metric_alarm
    place = f"{REGION}:{ACCOUNT}"
    assert not refused(put, **alarm, AlarmActions=[f"arn:aws:sns:{place}:shop-abcdefgh-alerts"])
    scale = f"arn:aws:autoscaling:{place}:scalingPolicy:x:autoScalingGroupName/p:policyName/p"
    assert refused(put, **alarm, AlarmActions=[scale])
    assert refused(put, **alarm, OKActions=[scale])


def test_roles_take_the_owners_tags_alone(enforced: tuple[Maker, Maker]) -> None:
    """What a policy of others may ask of a session's tags is not the operator's to say."""
    _, operator = enforced
    iam = operator("iam")
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    role = {"RoleName": "shop-abcdefgh-processor", "Path": "/clickstream/"}
    iam.create_role(**role, AssumeRolePolicyDocument=json.dumps(document), Tags=LIST)
    more = [{"Key": "access-level", "Value": "admin"}]
    assert refused(iam.tag_role, RoleName=role["RoleName"], Tags=more)
    iam.tag_role(RoleName=role["RoleName"], Tags=LIST)
    iam.update_role(RoleName=role["RoleName"], Description="of ours")
