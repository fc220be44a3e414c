"""The functions with the roles that the operator made, IAM enforced: enough, and nothing more."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import detector.handler
import processor.handler
from clickstream_layout.tables import SITE
from clickstream_operator.query import PipelineReader
from clickstream_operator.synthetic.generator import generate
from detector.balance_sources import Standing
from sandbox import Sandbox
from sandbox.demos.comparison import compare
from sandbox.processes.process import wait_until
from shared.lambda_records import read_records
from shared.lanes import NOTHING
from tests.integration.pilot import ACCOUNT, Pilot, empty_aws, run
from tests.integration.test_iam import root

SPEC = {
    "alerts": {"enabled": True},
    "processor": {"batchingWindowSeconds": 0},
    "tables": {"deletionProtection": False},
    "deletionPolicy": {"tables": "Delete", "archive": "Empty"},
}
PATIENCE = 40.0
#: Calls by which the detector checks whether a quiet shard has been read to its end.
OWN = {"detector": {"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"}}
#: What the Lambda service does in a role's name, and the emulator does on its own account: read the
#: stream, write logs, put batches that it gives up on. But for `OWN` no code of ours does it.
BY_LAMBDA = frozenset({"clickstreamReadStream", "clickstreamLog", "clickstreamFailedBatches",
                       "clickstreamBucket"})  # fmt: skip


@pytest.fixture(scope="module")
def live(strict: Sandbox) -> Iterator[Pilot]:
    """A ready pipeline whose functions run with the roles that the operator made."""
    with empty_aws(strict):
        pilot = Pilot(strict)
        pilot.apply(SPEC)
        run(pilot.converge())
        yield pilot
        pilot.close()


def outputs(pilot: Pilot) -> dict[str, Any]:
    """The pipeline's outputs."""
    found: dict[str, Any] = pilot.status()["outputs"]
    return found


def reader(pilot: Pilot) -> PipelineReader:
    """What the pipeline says."""
    names = outputs(pilot)
    return PipelineReader(
        dynamodb=root(pilot.sandbox, "dynamodb"),
        s3=root(pilot.sandbox, "s3"),
        page_metrics_table=names["dynamodbPageMetricsTableName"],
        session_metrics_table=names["dynamodbSessionMetricsTableName"],
        counters_table=names["dynamodbCountersTableName"],
        bucket=names["s3BucketName"],
        clock=time.time,
    )


def test_records_go_in_and_everything_comes_out(live: Pilot) -> None:
    """Items, archive, bad rows and alert, from the functions in the emulator with their roles."""
    sqs, names = root(live.sandbox, "sqs"), outputs(live)
    inbox = sqs.create_queue(QueueName="role-alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])
    # Amazon SNS developer guide, "Subscribing an Amazon SQS queue": the queue lets the topic send.
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["Attributes"]["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": names["snsTopicArn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": policy})
    root(live.sandbox, "sns").subscribe(
        TopicArn=names["snsTopicArn"], Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
    )
    traffic = generate(7, 200, datetime.now(UTC).replace(microsecond=0).timestamp(), broken=3)
    answer = root(live.sandbox, "kinesis").put_records(
        StreamName=names["kinesisStreamName"],
        Records=[
            {"PartitionKey": record.partition_key, "Data": record.data}
            for record in traffic.records
        ],
    )
    assert answer["FailedRecordCount"] == 0
    alerts: Counter[tuple[str, str]] = Counter()
    rows: list[Any] = []

    def equal() -> bool:
        messages = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
        for message in messages.get("Messages", ()):
            alert = json.loads(json.loads(message["Body"])["Message"])
            alerts.update((one["type"], alert["session_id"]) for one in alert["anomalies"])
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
        rows[:] = compare(traffic.truth, reader(live), alerts)
        return all(row.equal for row in rows)

    assert wait_until(equal, PATIENCE), [row for row in rows if not row.equal]
    assert alerts
    assert traffic.truth.bad_rows


def role_policy(pilot: Pilot, function: str) -> dict[str, Any]:
    """The policy that the operator gave a function's role."""
    role = pilot.resource(f"{function}-role")["physicalName"]
    answer = root(pilot.sandbox, "iam").get_role_policy(RoleName=role, PolicyName="clickstream")
    found: dict[str, Any] = answer["PolicyDocument"]
    return found


def without_each_permission(
    policy: dict[str, Any], own: set[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and policy, for each action on each resource that the function's own code uses."""
    for number, statement in enumerate(policy["Statement"]):
        for action in statement["Action"]:
            if statement["Sid"] in BY_LAMBDA and action not in own:
                continue
            for resource in statement["Resource"]:
                left = deepcopy(policy)
                rest = [other for other in statement["Action"] if other != action]
                others = [other for other in statement["Resource"] if other != resource]
                narrowed = [
                    {**statement, "Sid": f"{statement['Sid']}a", "Action": rest},
                    {**statement, "Sid": f"{statement['Sid']}b", "Action": [action],
                     "Resource": others},
                ]  # fmt: skip
                left["Statement"][number : number + 1] = [
                    one for one in narrowed if one["Action"] and one["Resource"]
                ]
                yield f"{action} on {resource}", left


class Container:
    """A function's own code in this process, with a user who has the role's policy.

    A role can be assumed by the Lambda service only, so the policy is given to a user: what it
    allows is evaluated the same.
    """

    def __init__(self, pilot: Pilot, function: str, patch: pytest.MonkeyPatch) -> None:
        self._pilot = pilot
        self._function = function
        self._iam = root(pilot.sandbox, "iam")
        self._shards = 0
        user = f"as-{function}"
        self._iam.create_user(UserName=user)
        key = self._iam.create_access_key(UserName=user)["AccessKey"]
        configuration = root(pilot.sandbox, "lambda").get_function_configuration(
            FunctionName=pilot.resource(function)["physicalName"]
        )
        text = configuration["Environment"]["Variables"]["CLICKSTREAM_CONFIG"]
        self.config = json.loads(text)
        # As a large configuration is handed over, so that its permission is needed as well.
        object_key = f"config/{function}.json"
        root(pilot.sandbox, "s3").put_object(
            Bucket=self.config["bucket"], Key=object_key, Body=text.encode()
        )
        patch.setenv("CLICKSTREAM_CONFIG_S3", f"s3://{self.config['bucket']}/{object_key}")
        patch.setenv("AWS_ENDPOINT_URL", pilot.sandbox.aws_endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        self._user = user

    def allow(self, policy: dict[str, Any]) -> None:
        """Give the user this policy and no other."""
        self._iam.put_user_policy(
            UserName=self._user, PolicyName="role", PolicyDocument=json.dumps(policy)
        )

    def forget_minutes(self) -> None:
        """Remove what the detector remembers of the whole site."""
        table = self.config["tables"]["counters"]
        dynamodb = root(self._pilot.sandbox, "dynamodb")
        for item in dynamodb.scan(TableName=table)["Items"]:
            if item["metric_name"]["S"] == SITE:
                key = {name: item[name] for name in ("metric_name", "time_window")}
                dynamodb.delete_item(TableName=table, Key=key)

    def unsent(self, session: str) -> bool:
        """Whether an incident of a session has no message yet, or there is none at all."""
        found = [one for one in reader(self._pilot).incidents() if one.session_id == session]
        return not found or any(one.sent == 0 for one in found)

    def shard(self) -> str:
        """A shard that no one has used."""
        self._shards += 1
        return f"shardId-9{self._shards:011d}"

    def batch(self, shard: str, documents: list[Any], start: int = 1000) -> dict[str, Any]:
        """Lambda's event for these documents."""
        return {
            "Records": [
                {
                    "eventID": f"{shard}:{start + number}",
                    "kinesis": {
                        "sequenceNumber": str(start + number),
                        "partitionKey": "k",
                        "approximateArrivalTimestamp": time.time(),
                        "data": base64.b64encode(json.dumps(one).encode()).decode(),
                    },
                }
                for number, one in enumerate(documents)
            ]
        }


def click(session: str, **members: Any) -> dict[str, Any]:
    """An event of now."""
    return {
        "event_type": "page_view",
        "session_id": session,
        "timestamp": round(time.time() * 1000),
        "page_url": "/home",
        "user_agent": "agent",
        **members,
    }


def process(container: Container) -> None:
    """Make the processor do everything that it can: also find an intent that was left behind."""
    shard = container.shard()
    batch = container.batch(shard, [click("s"), {"broken": True}])
    worker = processor.handler._processor.__wrapped__()
    ((lane, records),) = read_records(batch, container.config["streamEpoch"]).items()
    rows = worker._decoder.decode_batch(records)
    # The archive is written, then the container dies: the next one must read what is there.
    worker._archive.store(lane, rows, worker._lanes.load(lane))
    processor.handler._processor.__wrapped__().process(batch)


class UnsentError(Exception):
    """The incident's message was not published: it waits for the next tick."""


def detect(container: Container) -> None:
    """Make the detector do everything that it can: incident, message, checkout, tick.

    Raises:
        UnsentError: as it says; the function itself goes on, and tries again later.
    """
    shard = container.shard()
    # A tick of a pipeline that is new to it: it checks how far each shard has been read.
    container.forget_minutes()
    session = f"bot-{shard}"
    worker = detector.handler._detector.__wrapped__()
    agent = "Googlebot/2.1"
    worker.process(container.batch(shard, [click(session, user_agent=agent, page_url="/checkout")]))
    worker.process({"source": "clickstream.schedule"})
    # A tick asks Kinesis only about shards that are behind; here it is asked about each.
    tail = worker._minutes._tail
    assert tail is not None
    for lane in tail.lanes(worker._config.stream_epoch):
        assert (
            tail.reach(lane.shard, watermark=NOTHING, since_ms=round(time.time() * 1000))
            is not None
        )
    # An hour's balance adds up the counters; without the right the hour would be unknown.
    assert worker._balance is not None
    standing, hour = Standing(), round(time.time()) // 3600
    worker._balance._sources.sum_items(
        standing, range(hour, hour + 1), (), consistent=False, may_go_on=lambda: True
    )
    if container.unsent(session):
        raise UnsentError


@pytest.mark.roles
@pytest.mark.parametrize(
    ("function", "work"),
    [("processor", process), ("detector", detect)],
    ids=["processor", "detector"],
)
def test_each_permission_of_a_role_is_needed(
    live: Pilot,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    work: Callable[[Container], None],
) -> None:
    """With the whole policy the function works; without any one part of it AWS refuses a call."""
    container = Container(live, function, monkeypatch)
    policy = role_policy(live, function)
    container.allow(policy)
    work(container)
    checked, unneeded = 0, []
    for name, less in without_each_permission(policy, OWN.get(function, set())):
        container.allow(less)
        checked += 1
        try:
            work(container)
        except UnsentError:
            assert name.startswith("sns:Publish")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            assert code in {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
        else:
            unneeded.append(name)
    assert checked >= 9
    assert not unneeded


def test_what_lambda_does_itself_is_the_rest(live: Pilot) -> None:
    """Every other statement is one of those that AWS names for Lambda's own work."""
    for function in ("processor", "detector"):
        policy = role_policy(live, function)
        others = [one for one in policy["Statement"] if one["Sid"] in BY_LAMBDA]
        assert {one["Sid"] for one in others} == BY_LAMBDA
        actions = {action for one in others for action in one["Action"]}
        assert actions <= {
            "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
            "kinesis:GetShardIterator", "kinesis:ListShards", "logs:CreateLogStream",
            "logs:PutLogEvents", "s3:PutObject", "s3:ListBucket",
        }  # fmt: skip
        assert all(ACCOUNT in arn or ":s3:" in arn for one in others for arn in one["Resource"])
