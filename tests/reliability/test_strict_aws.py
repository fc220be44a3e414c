"""Each rule of the strict AWS, its faults and its counts. Time passes only by `advance`."""

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox import Sandbox, SandboxError
from sandbox.aws.emulator import Emulator
from sandbox.aws.strict import StrictAws, cbor
from sandbox.aws.strict.rules import RULES

ACCOUNT = "123456789012"
ROOT = Path(__file__).parents[2]
READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kinesis:Get*", "Resource": "*"}],
    }
)
Client = Callable[[str], Any]


@pytest.fixture
def aws(strict: StrictAws) -> Client:
    """Return a maker of clients that reach the strict AWS and never retry."""
    return lambda service: client(service, strict.endpoint)


def client(service: str, endpoint: str, account: str = ACCOUNT) -> Any:
    """Return a client of one account that takes each answer as it comes."""
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="sandbox",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
    )


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
    """Return code, message and HTTP status of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    status = error["ResponseMetadata"]["HTTPStatusCode"]
    return error["Error"]["Code"], error["Error"].get("Message", ""), status


def package() -> bytes:
    """Return a zip with a function that does nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return None")
    return packed.getvalue()


def function(lambda_: Any, role: str = "probe") -> dict[str, Any]:
    """Create the function `probe`."""
    made: dict[str, Any] = lambda_.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        Handler="index.handler",
        Code={"ZipFile": package()},
    )
    return made


def table(dynamodb: Any, **settings: Any) -> dict[str, Any]:
    """Create the table `events`."""
    made: dict[str, Any] = dynamodb.create_table(
        TableName="events",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **settings,
    )["TableDescription"]
    return made


def summary(kinesis: Any) -> dict[str, Any]:
    """Return what DescribeStreamSummary tells of the stream `clicks`."""
    answer = kinesis.describe_stream_summary(StreamName="clicks")
    told: dict[str, Any] = answer["StreamDescriptionSummary"]
    return told


# Kinesis


def test_a_new_stream_is_creating_for_a_while(strict: StrictAws, aws: Client) -> None:
    """CREATING: no change, no tag; then ACTIVE."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    key = {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    code, message, status = refused(kinesis.start_stream_encryption, StreamName="clicks", **key)
    assert (code, status) == ("ResourceInUseException", 400)
    assert "not ACTIVE, instead in state CREATING" in message
    code, _, _ = refused(kinesis.add_tags_to_stream, StreamName="clicks", Tags={"a": "b"})
    assert code == "ResourceInUseException"
    strict.advance(29)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    strict.advance(1)
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"
    kinesis.add_tags_to_stream(StreamName="clicks", Tags={"a": "b"})
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("start_stream_encryption", {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}),
    ("enable_enhanced_monitoring", {"ShardLevelMetrics": ["IncomingBytes"]}),
    ("disable_enhanced_monitoring", {"ShardLevelMetrics": ["IncomingBytes"]}),
    ("increase_stream_retention_period", {"RetentionPeriodHours": 48}),
    ("decrease_stream_retention_period", {"RetentionPeriodHours": 24}),
    ("update_shard_count", {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
]


@pytest.mark.parametrize(("operation", "parameters"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_changed_stream_is_updating(
    strict: StrictAws, aws: Client, operation: str, parameters: dict[str, Any]
) -> None:
    """UPDATING after each kind of change, and no second change before it is over."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    strict.advance(30)
    if operation.startswith("decrease"):
        kinesis.increase_stream_retention_period(StreamName="clicks", RetentionPeriodHours=48)
        strict.advance(30)
    change = getattr(kinesis, operation)
    change(StreamName="clicks", **parameters)
    assert summary(kinesis)["StreamStatus"] == "UPDATING"
    code, message, _ = refused(
        kinesis.enable_enhanced_monitoring, StreamName="clicks", ShardLevelMetrics=["OutgoingBytes"]
    )
    assert code == "ResourceInUseException"
    assert "instead in state UPDATING" in message
    assert refused(kinesis.delete_stream, StreamName="clicks")[0] == "ResourceInUseException"
    strict.advance(30)
    assert summary(kinesis)["StreamStatus"] == "ACTIVE"
    kinesis.enable_enhanced_monitoring(StreamName="clicks", ShardLevelMetrics=["OutgoingBytes"])


def test_a_deleted_stream_is_deleting_then_gone(strict: StrictAws, aws: Client) -> None:
    """DELETING: visible, its name in use; then not found."""
    strict.reset(["kinesis-states=30"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    strict.advance(30)
    kinesis.delete_stream(StreamName="clicks")
    assert summary(kinesis)["StreamStatus"] == "DELETING"
    description = kinesis.describe_stream(StreamName="clicks")["StreamDescription"]
    assert description["StreamStatus"] == "DELETING"
    code, message, _ = refused(kinesis.create_stream, StreamName="clicks", ShardCount=1)
    assert (code, "already exists" in message) == ("ResourceInUseException", True)
    strict.advance(30)
    code, _, _ = refused(kinesis.describe_stream_summary, StreamName="clicks")
    assert code == "ResourceNotFoundException"
    kinesis.create_stream(StreamName="clicks", ShardCount=1)


def test_five_streams_are_created_at_once(strict: StrictAws, aws: Client) -> None:
    """The sixth CREATING is a LimitExceededException."""
    strict.reset(["kinesis-states"])
    kinesis = aws("kinesis")
    for number in range(5):
        kinesis.create_stream(StreamName=f"clicks-{number}", ShardCount=1)
    code, _, _ = refused(kinesis.create_stream, StreamName="clicks", ShardCount=1)
    assert code == "LimitExceededException"
    strict.advance(30)
    kinesis.create_stream(StreamName="clicks", ShardCount=1)


def test_accounts_are_apart(strict: StrictAws, aws: Client) -> None:
    """A state belongs to the stream of one account."""
    strict.reset(["kinesis-states"])
    aws("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    other = client("kinesis", strict.endpoint, account="999999999999")
    code, _, _ = refused(other.describe_stream_summary, StreamName="clicks")
    assert code == "ResourceNotFoundException"
    strict.advance(30)
    other.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(aws("kinesis"))["StreamStatus"] == "ACTIVE"
    assert summary(other)["StreamStatus"] == "CREATING"


def test_shards_at_most_double_or_halve(strict: StrictAws, aws: Client) -> None:
    """4 shards: not 9, not 1; 8, and then 4, which shows when the stream is ACTIVE again."""
    strict.reset(["kinesis-resizes", "kinesis-states"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=4)
    strict.advance(30)

    def resize(count: int) -> Any:
        return kinesis.update_shard_count(
            StreamName="clicks", TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )

    for count in (9, 1):
        code, message, _ = refused(resize, count=count)
        assert code == "LimitExceededException"
        assert "at most double and at least half" in message
    for before, after in ((4, 8), (8, 4)):
        resize(after)
        assert summary(kinesis)["OpenShardCount"] == before
        strict.advance(30)
        assert summary(kinesis)["OpenShardCount"] == after


def test_ten_resizes_a_day(strict: StrictAws, aws: Client) -> None:
    """The eleventh is a LimitExceededException until a day after the first."""
    strict.reset(["kinesis-resizes"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)

    def resize(count: int) -> Any:
        return kinesis.update_shard_count(
            StreamName="clicks", TargetShardCount=count, ScalingType="UNIFORM_SCALING"
        )

    for number in range(10):
        resize(2 - number % 2)
        strict.advance(60)
    code, message, _ = refused(resize, count=2)
    assert (code, "ten times" in message) == ("LimitExceededException", True)
    strict.advance(24 * 3600 - 10 * 60)
    resize(2)


def test_two_mode_changes_a_day(strict: StrictAws, aws: Client) -> None:
    """On demand and back, done by the proxy; the third waits; an on-demand stream is not sized."""
    strict.reset(["kinesis-modes", "kinesis-states"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    strict.advance(30)
    arn = summary(kinesis)["StreamARN"]

    def change(mode: str) -> Any:
        return kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": mode})

    change("ON_DEMAND")
    assert summary(kinesis)["StreamStatus"] == "UPDATING"
    strict.advance(30)
    assert summary(kinesis)["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    code, message, _ = refused(
        kinesis.update_shard_count,
        StreamName="clicks",
        TargetShardCount=4,
        ScalingType="UNIFORM_SCALING",
    )
    assert (code, "on-demand" in message) == ("ValidationException", True)
    change("PROVISIONED")
    strict.advance(30)
    assert summary(kinesis)["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
    assert refused(change, mode="ON_DEMAND")[0] == "LimitExceededException"
    strict.advance(24 * 3600)
    change("ON_DEMAND")


def test_no_mode_of_a_stream_that_is_not_there(strict: StrictAws, aws: Client) -> None:
    """UpdateStreamMode of an unknown stream is a ResourceNotFoundException."""
    strict.reset(["kinesis-modes"])
    code, _, _ = refused(
        aws("kinesis").update_stream_mode,
        StreamARN=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/none",
        StreamModeDetails={"StreamMode": "ON_DEMAND"},
    )
    assert code == "ResourceNotFoundException"


# DynamoDB


def test_a_table_takes_one_change_at_a_time(strict: StrictAws, aws: Client) -> None:
    """CREATING, UPDATING and DELETING, each refusing changes."""
    strict.reset(["dynamodb-states=10"])
    dynamodb = aws("dynamodb")

    def status() -> str:
        return str(dynamodb.describe_table(TableName="events")["Table"]["TableStatus"])

    def busy(word: str) -> None:
        protect = {"TableName": "events", "DeletionProtectionEnabled": True}
        for call, parameters in (
            (dynamodb.update_table, protect),
            (dynamodb.delete_table, {"TableName": "events"}),
        ):
            code, message, http = refused(call, **parameters)
            assert (code, http) == ("ResourceInUseException", 400)
            assert f"Table is being {word}: events" in message

    assert table(dynamodb)["TableStatus"] == "CREATING"
    assert status() == "CREATING"
    busy("created")
    strict.advance(10)
    assert status() == "ACTIVE"
    dynamodb.update_table(TableName="events", DeletionProtectionEnabled=False)
    assert status() == "UPDATING"
    busy("updated")
    strict.advance(10)
    answer = dynamodb.delete_table(TableName="events")
    assert answer["TableDescription"]["TableStatus"] == "DELETING"
    assert status() == "DELETING"
    busy("deleted")
    assert refused(lambda: table(dynamodb))[0] == "ResourceInUseException"
    strict.advance(10)
    assert refused(status)[0] == "ResourceNotFoundException"
    table(dynamodb)


def test_backups_of_a_new_table_wait(strict: StrictAws, aws: Client) -> None:
    """ContinuousBackupsUnavailableException first, success later."""
    strict.reset(["dynamodb-backups=15"])
    dynamodb = aws("dynamodb")
    table(dynamodb)
    backups = {
        "TableName": "events",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    code, message, _ = refused(dynamodb.update_continuous_backups, **backups)
    assert code == "ContinuousBackupsUnavailableException"
    assert "Please retry later" in message
    strict.advance(15)
    dynamodb.update_continuous_backups(**backups)


def test_ttl_changes_once_an_hour(strict: StrictAws, aws: Client) -> None:
    """A second UpdateTimeToLive within the hour is a ValidationException."""
    strict.reset(["dynamodb-ttl"])
    dynamodb = aws("dynamodb")
    table(dynamodb)

    def set_ttl(*, enabled: bool) -> None:
        dynamodb.update_time_to_live(
            TableName="events",
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": "ttl"},
        )

    def status() -> str:
        told = dynamodb.describe_time_to_live(TableName="events")["TimeToLiveDescription"]
        return str(told["TimeToLiveStatus"])

    set_ttl(enabled=True)
    assert status() == "ENABLING"
    strict.advance(3599)
    code, message, _ = refused(set_ttl, enabled=False)
    assert (code, "multiple times" in message) == ("ValidationException", True)
    strict.advance(1)
    assert status() == "ENABLED"
    set_ttl(enabled=False)
    assert status() == "DISABLING"


def test_a_protected_table_stays(strict: StrictAws, aws: Client) -> None:
    """DeleteTable is a ValidationException until the protection is off."""
    strict.reset(["dynamodb-protection"])
    dynamodb = aws("dynamodb")
    table(dynamodb, DeletionProtectionEnabled=True)
    code, message, _ = refused(dynamodb.delete_table, TableName="events")
    assert (code, "protected against deletion" in message) == ("ValidationException", True)
    dynamodb.update_table(TableName="events", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="events")


def test_table_tags_show_late(strict: StrictAws, aws: Client) -> None:
    """Nothing after CreateTable, the previous set after TagResource."""
    strict.reset(["dynamodb-tags=5"])
    dynamodb = aws("dynamodb")
    arn = table(dynamodb, Tags=[{"Key": "a", "Value": "1"}])["TableArn"]

    def tags() -> dict[str, str]:
        listed = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
        return {one["Key"]: one["Value"] for one in listed}

    assert tags() == {}
    strict.advance(5)
    assert tags() == {"a": "1"}
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}])
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}])
    assert tags() == {"a": "1"}
    strict.advance(5)
    assert tags() == {"a": "2", "b": "3"}


# Lambda and IAM


def test_a_function_is_pending_then_in_progress(strict: StrictAws, aws: Client) -> None:
    """State and LastUpdateStatus, and what each of them refuses."""
    strict.reset(["lambda-states=8"])
    lambda_ = aws("lambda")
    assert function(lambda_)["State"] == "Pending"
    described = lambda_.get_function(FunctionName="probe")["Configuration"]
    assert described["State"] == "Pending"
    settings = {"FunctionName": "probe", "Description": "changed"}
    code, message, status = refused(lambda_.update_function_configuration, **settings)
    assert (code, status) == ("ResourceConflictException", 409)
    assert message.endswith("in the following state: Pending")
    assert refused(lambda_.invoke, FunctionName="probe")[0] == "ResourceConflictException"
    strict.advance(8)
    described = lambda_.get_function(FunctionName="probe")["Configuration"]
    assert (described["State"], described["LastUpdateStatus"]) == ("Active", "Successful")
    changed = lambda_.update_function_configuration(**settings)
    assert changed["LastUpdateStatus"] == "InProgress"
    code, message, _ = refused(
        lambda_.update_function_code, FunctionName="probe", ZipFile=package()
    )
    assert (code, "An update is in progress" in message) == ("ResourceConflictException", True)
    strict.advance(8)
    lambda_.update_function_code(FunctionName="probe", ZipFile=package())
    listed = lambda_.list_functions()["Functions"][0]
    assert listed["LastUpdateStatus"] == "InProgress"
    lambda_.delete_function(FunctionName="probe")


def test_a_mapping_goes_through_its_states(strict: StrictAws, aws: Client) -> None:
    """Creating, Enabling, Enabled, Updating, Deleting, gone; never two of one pair."""
    kinesis, lambda_ = aws("kinesis"), aws("lambda")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    function(lambda_)
    strict.reset(["lambda-mappings=10"])
    pair = {
        "EventSourceArn": summary(kinesis)["StreamARN"],
        "FunctionName": "probe",
        "StartingPosition": "TRIM_HORIZON",
    }
    made = lambda_.create_event_source_mapping(**pair)
    key = {"UUID": made["UUID"]}

    def states() -> list[str]:
        listed = lambda_.list_event_source_mappings(EventSourceArn=pair["EventSourceArn"])
        return [one["State"] for one in listed["EventSourceMappings"]]

    assert made["State"] == "Creating"
    assert states() == ["Creating"]
    code, message, status = refused(lambda_.create_event_source_mapping, **pair)
    assert (code, status) == ("ResourceConflictException", 409)
    assert "already exists" in message
    assert made["UUID"] in message
    strict.advance(5)
    assert states() == ["Enabling"]
    code, _, status = refused(lambda_.update_event_source_mapping, **key, BatchSize=10)
    assert (code, status) == ("ResourceInUseException", 400)
    strict.advance(5)
    assert states() == ["Enabled"]
    assert lambda_.update_event_source_mapping(**key, BatchSize=10)["State"] == "Updating"
    assert refused(lambda_.delete_event_source_mapping, **key)[0] == "ResourceInUseException"
    strict.advance(10)
    assert lambda_.delete_event_source_mapping(**key)["State"] == "Deleting"
    assert states() == ["Deleting"]
    assert lambda_.get_event_source_mapping(**key)["State"] == "Deleting"
    assert refused(lambda_.create_event_source_mapping, **pair)[0] == "ResourceConflictException"
    strict.advance(10)
    assert states() == []
    assert refused(lambda_.get_event_source_mapping, **key)[0] == "ResourceNotFoundException"


def test_a_new_role_cannot_be_assumed(strict: StrictAws, aws: Client) -> None:
    """Lambda and Scheduler refuse it for ten seconds."""
    strict.reset(["iam-new-roles=10"])
    iam, lambda_, scheduler = aws("iam"), aws("lambda"), aws("scheduler")
    arn = iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    code, message, status = refused(lambda: function(lambda_))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message == "The role defined for the function cannot be assumed by Lambda."
    schedule = {
        "Name": "tick",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:probe", "RoleArn": arn},
    }
    code, message, _ = refused(scheduler.create_schedule, **schedule)
    assert (code, "to assume the role" in message) == ("ValidationException", True)
    strict.advance(10)
    function(lambda_)
    scheduler.create_schedule(**schedule)


def test_new_rights_reach_a_mapping_late(strict: StrictAws, aws: Client) -> None:
    """CreateEventSourceMapping cannot access the stream right after PutRolePolicy."""
    iam, kinesis, lambda_ = aws("iam"), aws("kinesis"), aws("lambda")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    function(lambda_)
    strict.reset(["iam-new-policies=10"])
    iam.put_role_policy(RoleName="probe", PolicyName="read", PolicyDocument=READ)
    pair = {
        "EventSourceArn": summary(kinesis)["StreamARN"],
        "FunctionName": "probe",
        "StartingPosition": "TRIM_HORIZON",
    }
    code, message, _ = refused(lambda_.create_event_source_mapping, **pair)
    assert code == "InvalidParameterValueException"
    assert message.startswith("Cannot access stream arn:aws:kinesis")
    strict.advance(10)
    lambda_.create_event_source_mapping(**pair)


def test_a_role_with_policies_stays(aws: Client) -> None:
    """DeleteConflict is the emulator's own."""
    iam = aws("iam")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName="probe", PolicyName="read", PolicyDocument=READ)
    assert refused(iam.delete_role, RoleName="probe")[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName="probe", PolicyName="read")
    iam.delete_role(RoleName="probe")


def test_a_new_role_is_not_found(strict: StrictAws, aws: Client) -> None:
    """GetRole lags CreateRole."""
    strict.reset(["iam-reads=3"])
    iam = aws("iam")
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument="{}")
    code, message, status = refused(iam.get_role, RoleName="probe")
    assert (code, status) == ("NoSuchEntity", 404)
    assert message == "The role with name probe cannot be found."
    strict.advance(3)
    assert iam.get_role(RoleName="probe")["Role"]["RoleName"] == "probe"


def test_a_new_table_is_not_found(strict: StrictAws, aws: Client) -> None:
    """DescribeTable lags CreateTable."""
    strict.reset(["dynamodb-reads=1"])
    dynamodb = aws("dynamodb")
    table(dynamodb)
    code, _, _ = refused(dynamodb.describe_table, TableName="events")
    assert code == "ResourceNotFoundException"
    strict.advance(1)
    dynamodb.describe_table(TableName="events")


# SQS, S3, SNS, Scheduler, tagging


def test_a_new_queue_is_not_found(strict: StrictAws, aws: Client) -> None:
    """GetQueueUrl lags CreateQueue."""
    strict.reset(["sqs-reads=1"])
    sqs = aws("sqs")
    sqs.create_queue(QueueName="failed")
    code, _, _ = refused(sqs.get_queue_url, QueueName="failed")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
    strict.advance(1)
    sqs.get_queue_url(QueueName="failed")


def test_the_name_of_a_queue_rests(strict: StrictAws, aws: Client) -> None:
    """GetQueueUrl still answers, CreateQueue does not, for 60 seconds."""
    strict.reset(["sqs-deletions"])
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    assert sqs.get_queue_url(QueueName="failed")["QueueUrl"] == url
    strict.advance(59)
    code, _, _ = refused(sqs.get_queue_url, QueueName="failed")
    assert code == "AWS.SimpleQueueService.NonExistentQueue"
    code, message, status = refused(sqs.create_queue, QueueName="failed")
    assert (code, status) == ("AWS.SimpleQueueService.QueueDeletedRecently", 400)
    assert message.startswith("You must wait 60 seconds")
    strict.advance(1)
    sqs.create_queue(QueueName="failed")


def test_a_queue_of_other_tags_is_not_returned(strict: StrictAws, aws: Client) -> None:
    """CreateQueue returns what is there to the same request, and refuses another."""
    strict.reset(["twin-tags"])
    sqs = aws("sqs")
    mine = {"QueueName": "failed", "tags": {"a": "b"}}
    made = sqs.create_queue(**mine)["QueueUrl"]
    assert sqs.create_queue(**mine)["QueueUrl"] == made
    code, _, status = refused(sqs.create_queue, **mine | {"tags": {"a": "c"}})
    assert (code, status) == ("QueueAlreadyExists", 400)
    wanted = {"MessageRetentionPeriod": "7200"}
    code, _, _ = refused(sqs.create_queue, **mine, Attributes=wanted)
    assert code == "QueueAlreadyExists"
    assert sqs.list_queue_tags(QueueUrl=made)["Tags"] == {"a": "b"}


def test_a_topic_of_other_tags_is_not_returned(strict: StrictAws, aws: Client) -> None:
    """CreateTopic returns what is there to the same request, and refuses another."""
    strict.reset(["twin-tags"])
    sns = aws("sns")
    mine = {"Name": "alerts", "Tags": [{"Key": "a", "Value": "b"}]}
    made = sns.create_topic(**mine)["TopicArn"]
    assert sns.create_topic(**mine)["TopicArn"] == made
    code, message, _ = refused(sns.create_topic, Name="alerts", Tags=[{"Key": "a", "Value": "c"}])
    assert (code, message.partition(" Reason: ")[2]) == (
        "InvalidParameter",
        "Topic already exists with different tags",
    )


def test_queue_attributes_show_late(strict: StrictAws, aws: Client) -> None:
    """GetQueueAttributes lags SetQueueAttributes."""
    strict.reset(["sqs-attributes=60"])
    sqs = aws("sqs")
    attributes = {"MessageRetentionPeriod": "3600"}
    url = sqs.create_queue(QueueName="failed", Attributes=attributes)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "7200"})

    def retention() -> str:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])
        return str(told["Attributes"]["MessageRetentionPeriod"])

    assert retention() == "3600"
    strict.advance(60)
    assert retention() == "7200"


def test_the_name_of_a_bucket_is_busy(strict: StrictAws, aws: Client) -> None:
    """BucketNotEmpty is the emulator's own; OperationAborted follows a deletion."""
    strict.reset(["s3-deletions"])
    s3 = aws("s3")
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="a b/ü", Body=b"x")
    assert refused(s3.delete_bucket, Bucket="archive")[0] == "BucketNotEmpty"
    s3.delete_object(Bucket="archive", Key="a b/ü")
    s3.delete_bucket(Bucket="archive")
    code, message, status = refused(s3.create_bucket, Bucket="archive")
    assert (code, status) == ("OperationAborted", 409)
    assert message.startswith("A conflicting conditional operation")
    strict.advance(60)
    s3.create_bucket(Bucket="archive")


def test_a_mail_subscription_waits_for_its_reader(strict: StrictAws, aws: Client) -> None:
    """Pending, not to be unsubscribed, until it is confirmed."""
    strict.reset(["sns-confirmations"])
    sns = aws("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    mail = {"TopicArn": topic, "Protocol": "email", "Endpoint": "reader@example.com"}
    assert sns.subscribe(**mail)["SubscriptionArn"] == "pending confirmation"

    def listed() -> list[str]:
        answer = sns.list_subscriptions_by_topic(TopicArn=topic)
        return [one["SubscriptionArn"] for one in answer["Subscriptions"]]

    assert listed() == ["PendingConfirmation"]
    arn = sns.subscribe(**mail, ReturnSubscriptionArn=True)["SubscriptionArn"]
    for name in ("PendingConfirmation", arn):
        code, message, _ = refused(sns.unsubscribe, SubscriptionArn=name)
        assert (code, "pending" in message) == ("InvalidParameter", True)
    assert strict.confirm("reader@example.com") == 1
    assert listed() == [arn]
    sns.unsubscribe(SubscriptionArn=arn)
    assert listed() == []


def test_an_unread_mail_subscription_goes(strict: StrictAws, aws: Client) -> None:
    """After 48 hours; one of another kind is never pending."""
    strict.reset(["sns-confirmations"])
    sns = aws("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="reader@example.com")
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:failed"
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    assert arn.startswith("arn:")
    strict.advance(48 * 3600)
    answer = sns.list_subscriptions_by_topic(TopicArn=topic)
    assert [one["SubscriptionArn"] for one in answer["Subscriptions"]] == [arn]


def test_a_schedule_takes_one_change_at_a_time(strict: StrictAws, aws: Client) -> None:
    """ConflictException for three seconds after a change."""
    strict.reset(["scheduler-conflicts=3"])
    scheduler = aws("scheduler")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:probe"
    role = f"arn:aws:iam::{ACCOUNT}:role/probe"
    scheduler.create_schedule(
        Name="tick",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role},
    )
    code, _, status = refused(scheduler.delete_schedule, Name="tick")
    assert (code, status) == ("ConflictException", 409)
    strict.advance(3)
    scheduler.delete_schedule(Name="tick")


def test_the_tagging_api_lists_late(strict: StrictAws, aws: Client) -> None:
    """GetResources does not list a resource made a moment ago."""
    strict.reset(["tagging-delay=30"])
    table(aws("dynamodb"), Tags=[{"Key": "pipeline", "Value": "shop"}])

    def listed() -> list[str]:
        answer = aws("resourcegroupstaggingapi").get_resources(
            TagFilters=[{"Key": "pipeline", "Values": ["shop"]}]
        )
        return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]

    assert listed() == []
    strict.advance(30)
    assert listed() == [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/events"]


def test_calls_a_second_are_limited(strict: StrictAws, aws: Client) -> None:
    """The fourth PutMetricAlarm of a second is throttled, the sixteenth call to Lambda too."""
    strict.reset(["quotas"])
    cloudwatch, lambda_ = aws("cloudwatch"), aws("lambda")
    alarm = {
        "AlarmName": "late",
        "Namespace": "AWS/Kinesis",
        "MetricName": "IteratorAge",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    for _ in range(3):
        cloudwatch.put_metric_alarm(**alarm)
    assert refused(cloudwatch.put_metric_alarm, **alarm)[0] == "Throttling"
    strict.advance(1)
    cloudwatch.put_metric_alarm(**alarm)
    for _ in range(15):
        lambda_.list_functions()
    code, _, status = refused(lambda_.list_event_source_mappings)
    assert (code, status) == ("TooManyRequestsException", 429)


# Faults

THROTTLES = [
    ("kinesis", "list_streams", "LimitExceededException"),
    ("dynamodb", "list_tables", "ThrottlingException"),
    ("lambda", "list_functions", "TooManyRequestsException"),
    ("s3", "list_buckets", "SlowDown"),
    ("iam", "list_roles", "Throttling"),
    ("sns", "list_topics", "Throttling"),
    ("sqs", "list_queues", "RequestThrottled"),
    ("cloudwatch", "describe_alarms", "Throttling"),
    ("logs", "describe_log_groups", "ThrottlingException"),
    ("ssm", "describe_parameters", "ThrottlingException"),
    ("scheduler", "list_schedules", "ThrottlingException"),
    ("sts", "get_caller_identity", "Throttling"),
    ("resourcegroupstaggingapi", "get_resources", "ThrottledException"),
]


@pytest.mark.parametrize(
    ("service", "operation", "code"), THROTTLES, ids=[one[0] for one in THROTTLES]
)
def test_every_protocol_can_be_throttled(
    strict: StrictAws, aws: Client, service: str, operation: str, code: str
) -> None:
    """Botocore reads the code that the service uses, and the next call succeeds."""
    strict.inject("throttle", service=service, count=1)
    call = getattr(aws(service), operation)
    assert refused(call)[0] == code
    call()
    assert {outcome for _, _, outcome in strict.calls(service)} == {code, "OK"}


def test_an_error_hits_the_calls_that_were_chosen(strict: StrictAws, aws: Client) -> None:
    """By service, operation, resource, number and count."""
    kinesis = aws("kinesis")
    error = {"service": "kinesis", "operation": "Create*", "resource": "bad-*"}
    strict.inject("error", **error, nth=2, code="InternalFailure", status=500, message="broken")
    kinesis.create_stream(StreamName="good-1", ShardCount=1)
    kinesis.create_stream(StreamName="bad-1", ShardCount=1)
    second = refused(kinesis.create_stream, StreamName="bad-2", ShardCount=1)
    assert second == ("InternalFailure", "broken", 500)
    kinesis.create_stream(StreamName="bad-3", ShardCount=1)
    assert [(one["seen"], one["hits"]) for one in strict.faults()] == [(3, 1)]
    assert kinesis.list_streams()["StreamNames"] == ["bad-1", "bad-3", "good-1"]


def test_every_third_call(strict: StrictAws, aws: Client) -> None:
    """`every` strikes again and again, `count` ends it."""
    strict.inject("access_denied", operation="ListStreams", every=3, count=2)
    outcomes = []
    for _ in range(9):
        try:
            aws("kinesis").list_streams()
            outcomes.append("OK")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    denied = "AccessDeniedException"
    assert outcomes == ["OK", "OK", denied, "OK", "OK", denied, "OK", "OK", "OK"]


def test_credentials_expire(strict: StrictAws, aws: Client) -> None:
    """In the words of each protocol, until the faults end."""
    strict.inject("expired_token")
    assert refused(aws("iam").list_roles)[0] == "ExpiredToken"
    assert refused(aws("s3").list_buckets)[0] == "ExpiredToken"
    assert refused(aws("kinesis").list_streams)[0] == "ExpiredTokenException"
    strict.end_faults()
    aws("iam").list_roles()


def test_a_call_is_lost_before_or_after(strict: StrictAws, aws: Client) -> None:
    """Before: AWS never saw it. After: AWS did it, the caller does not know."""
    kinesis = aws("kinesis")
    strict.inject("drop_before", operation="CreateStream", resource="before")
    strict.inject("drop_after", operation="CreateStream", resource="after")
    for name in ("before", "after"):
        with pytest.raises(ConnectionClosedError):
            kinesis.create_stream(StreamName=name, ShardCount=1)
    assert kinesis.list_streams()["StreamNames"] == ["after"]
    told = [(one["resource"], one["outcome"], one["fault"], one["sent"]) for one in strict.writes()]
    assert told == [
        ("before", "dropped", "drop_before", False),
        ("after", "OK", "drop_after", True),
    ]


def test_an_answer_can_be_held(strict: StrictAws) -> None:
    """A write is done and noted while its caller still waits: the moment for a crash."""
    strict.inject("delay", operation="CreateStream", when="after", seconds=60)
    script = (
        "import boto3, sys; boto3.client('kinesis', endpoint_url=sys.argv[1], "
        "region_name='us-east-1', aws_access_key_id='123456789012', aws_secret_access_key='x')"
        ".create_stream(StreamName='clicks', ShardCount=1)"
    )
    caller = subprocess.Popen([sys.executable, "-c", script, strict.endpoint])
    try:
        deadline = time.monotonic() + 30
        while not strict.writes():
            assert time.monotonic() < deadline
        assert caller.poll() is None
        assert strict.writes()[0]["outcome"] == "OK"
    finally:
        caller.kill()
        caller.wait()


def test_a_wrong_fault_is_refused(strict: StrictAws) -> None:
    """A misspelt fault would never strike: it is an error."""
    for wrong in ({"action": "throtle"}, {"action": "throttle", "operatoin": "x"}):
        with pytest.raises(SandboxError, match="unknown in a fault"):
            strict.inject(**wrong)
    with pytest.raises(SandboxError, match="no rule 'kinesis'"):
        strict.reset(["kinesis"])


# Counting and the wire


def test_calls_are_counted_by_their_own_names(strict: StrictAws, aws: Client) -> None:
    """Service, operation and outcome of every protocol; writes in their order, with their names."""
    s3 = aws("s3")
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="k", Body=b"x" * 100_000)
    assert s3.head_object(Bucket="archive", Key="k")["ContentLength"] == 100_000
    assert len(s3.get_object(Bucket="archive", Key="k")["Body"].read()) == 100_000
    s3.list_objects_v2(Bucket="archive")
    s3.list_object_versions(Bucket="archive")
    s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
    refused(s3.get_bucket_lifecycle_configuration, Bucket="archive")
    refused(s3.head_bucket, Bucket="none")
    aws("sts").get_caller_identity()
    aws("sns").create_topic(Name="alerts")
    refused(aws("lambda").get_function, FunctionName="none")
    refused(aws("scheduler").get_schedule, Name="none")
    refused(aws("sqs").get_queue_url, QueueName="none")
    assert strict.calls() == {
        ("s3", "CreateBucket", "OK"): 1,
        ("s3", "PutObject", "OK"): 1,
        ("s3", "HeadObject", "OK"): 1,
        ("s3", "GetObject", "OK"): 1,
        ("s3", "ListObjectsV2", "OK"): 1,
        ("s3", "ListObjectVersions", "OK"): 1,
        ("s3", "PutBucketVersioning", "OK"): 1,
        ("s3", "GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"): 1,
        ("s3", "HeadBucket", "404"): 1,
        ("sts", "GetCallerIdentity", "OK"): 1,
        ("sns", "CreateTopic", "OK"): 1,
        ("lambda", "GetFunction", "ResourceNotFoundException"): 1,
        ("scheduler", "GetSchedule", "ResourceNotFoundException"): 1,
        ("sqs", "GetQueueUrl", "AWS.SimpleQueueService.NonExistentQueue"): 1,
    }
    assert [(one["number"], one["operation"], one["resource"]) for one in strict.writes()] == [
        (1, "CreateBucket", "archive"),
        (2, "PutObject", "archive"),
        (3, "PutBucketVersioning", "archive"),
        (4, "CreateTopic", "alerts"),
    ]
    reads = {(one["service"], one["resource"]): one["count"] for one in strict.reads()}
    assert (reads["s3", "archive"], reads["lambda", "none"], reads["sts", ""]) == (5, 1, 1)
    strict.forget_calls()
    assert not strict.calls()
    assert not strict.reads()


def test_a_changed_answer_is_believed(strict: StrictAws) -> None:
    """A client that retries takes it at once: no checksum of the emulator's own body is left."""
    strict.reset(["dynamodb-states"])
    patient = boto3.session.Session().client(
        "dynamodb",
        endpoint_url=strict.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="sandbox",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )
    assert table(patient)["TableStatus"] == "CREATING"
    assert strict.calls() == {("dynamodb", "CreateTable", "OK"): 1}


def test_rpc_v2_cbor_is_understood(strict: StrictAws) -> None:
    """CloudWatch's own protocol, which botocore does not choose here, is counted and refused."""
    strict.inject("throttle", service="cloudwatch")
    request = Request(  # noqa: S310 http on loopback
        f"{strict.endpoint}/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
        data=cbor.encode({"AlarmNames": ["late"], "MaxRecords": 1}),
        headers={
            "smithy-protocol": "rpc-v2-cbor",
            "content-type": "application/cbor",
            "authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/"
            "monitoring/aws4_request, SignedHeaders=host, Signature=0",
        },
    )
    with pytest.raises(HTTPError) as caught:
        build_opener(ProxyHandler({})).open(request)
    with caught.value as error:
        assert error.headers["smithy-protocol"] == "rpc-v2-cbor"
        assert cbor.decode(error.read())["__type"] == "Throttling"
    assert strict.calls() == {("cloudwatch", "DescribeAlarms", "Throttling"): 1}


def test_cbor_of_all_that_it_writes() -> None:
    """What is written is what botocore reads."""
    data = {
        "text": "ü",
        "numbers": [0, 23, 24, 255, 256, 70_000, 5_000_000_000, -1, -500, 1.5],
        "flags": [True, False, None],
        "bytes": b"\x00\xff",
    }
    assert cbor.decode(cbor.encode(data)) == data


def test_every_rule_has_a_test() -> None:
    """A rule that no test names could be wrong for years."""
    text = Path(__file__).read_text()
    assert [name for name in RULES if f'"{name}' not in text] == []


def test_time_runs_as_told(strict: StrictAws, aws: Client) -> None:
    """Scaled, a window of an hour ends by itself in an instant."""
    strict.reset(["kinesis-states=3600"])
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    assert summary(kinesis)["StreamStatus"] == "CREATING"
    strict.run_clock(1_000_000)
    deadline = time.monotonic() + 30
    while summary(kinesis)["StreamStatus"] != "ACTIVE":
        assert time.monotonic() < deadline


def test_all_rules_are_on_in_a_sandbox(emulated: tuple[Emulator, StrictAws]) -> None:
    """`Sandbox.start(strict_aws=True)`: its AWS endpoint is the proxy, all rules apply."""
    with Sandbox.start(strict_aws=True) as started:
        assert started.aws_endpoint == started.strict_aws.endpoint
        assert started.strict_aws.rules().keys() == RULES.keys()
        client("kinesis", started.aws_endpoint).create_stream(StreamName="clicks", ShardCount=1)
        assert started.strict_aws.calls() == {("kinesis", "CreateStream", "OK"): 1}
        started.stop_aws()
        with pytest.raises(ConnectionClosedError):
            client("kinesis", started.aws_endpoint).list_streams()
        assert started.strict_aws.calls("kinesis", "ListStreams").keys() == {
            ("kinesis", "ListStreams", "unreachable")
        }
        started.start_aws()
        started.reset_aws()
        assert not started.strict_aws.calls()
        assert (
            json.loads(started.run.folder.joinpath("state.json").read_text())["facts"]["strict_aws"]
            == "true"
        )
