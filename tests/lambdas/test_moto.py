"""The functions against moto: real boto3 clients, real expressions, real conditional puts."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from clickstream_operator.synthetic.generator import generate
from detector.detector import Detector
from processor import handler
from processor.processor import Processor
from tests.lambdas.memory_aws import CrashError
from tests.lambdas.pipelines import (
    COUNTERS,
    KEY,
    KEYS,
    NOW,
    Pipeline,
    config_document,
    invocation,
    make_config,
)
from tests.unit.synthetic.test_generator import check_truth

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-west-1"


class MotoPipeline(Pipeline):
    """The pipeline of the in-memory tests on moto's services."""

    def __init__(self) -> None:
        super().__init__()
        make = {name: boto3.client(name, region_name=REGION) for name in SERVICES}
        self.dynamodb, self.s3, self.sqs, self.sns = make.values()
        for table, keys in KEYS.items():
            make["dynamodb"].create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        make["s3"].create_bucket(
            Bucket="p-archive", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        queue = make["sqs"].create_queue(QueueName="p-dead-letter")["QueueUrl"]
        topic = make["sns"].create_topic(Name="p-alerts")["TopicArn"]
        detection = config_document()["detection"] | {"alertsTopicArn": topic}
        self.config = make_config(deadLetterQueueUrl=queue, detection=detection)
        self.queue = queue


SERVICES = ("dynamodb", "s3", "sqs", "sns")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoPipeline]:
    """Return a pipeline on fresh services."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield MotoPipeline()


def test_traffic_of_repeated_overlapping_batches(pipeline: MotoPipeline) -> None:
    """The truth comes out of overlapping and repeated batches in ever new containers."""
    traffic = generate(2, 120, NOW, broken=5, late=2)
    payloads = [record.data for record in traffic.records]
    for start, end in ((0, 50), (30, 90), (0, 90), (80, len(payloads)), (0, len(payloads))):
        batch = invocation(payloads[start:end], start=start)
        pipeline.processor().process(batch)
        pipeline.detector().process(batch)
    check_truth(pipeline, traffic)
    received = pipeline.sqs.receive_message(QueueUrl=pipeline.queue, MaxNumberOfMessages=10)  # type: ignore[attr-defined]
    reasons: dict[str, int] = {}
    for message in received["Messages"]:
        for reason, count in json.loads(message["Body"])["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    assert reasons == traffic.truth.bad_rows


class Dying:
    """A client that dies after its n-th call."""

    def __init__(self, client: Any, calls: list[int], limit: int) -> None:
        self._client, self._calls, self._limit = client, calls, limit

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            answer = getattr(self._client, name)(**arguments)
            self._calls.append(1)
            if len(self._calls) > self._limit:
                raise CrashError
            return answer

        return call


def test_crashes_then_the_whole_batch_again(pipeline: MotoPipeline) -> None:
    """Containers that die further and further on leave what the survivor completes."""
    traffic = generate(3, 20, NOW, broken=3, bots=0)
    batch = invocation([record.data for record in traffic.records])
    died = 0
    for limit in range(0, 24, 2):
        calls: list[int] = []
        clients: dict[str, Any] = {
            name: Dying(getattr(pipeline, name), calls, limit) for name in ("dynamodb", "s3", "sqs")
        }
        processor = Processor(
            pipeline.config,
            **clients,
            hash_key=KEY,
            clock=lambda: NOW,
            out=pipeline.lines.append,
        )
        try:
            processor.process(batch)
        except CrashError:
            died += 1
    assert died > 4
    pipeline.processor().process(batch)
    check_truth(pipeline, traffic)


def test_threads_write_what_one_thread_writes(pipeline: MotoPipeline) -> None:
    """With a pool of threads, the counts are the same and a failure is raised."""
    traffic = generate(4, 60, NOW, bots=0, broken=0)
    batch = invocation([record.data for record in traffic.records])
    clients: dict[str, Any] = {
        "dynamodb": pipeline.dynamodb,
        "s3": pipeline.s3,
        "sqs": pipeline.sqs,
    }
    settings: dict[str, Any] = {"hash_key": KEY, "clock": lambda: NOW, "threads": 8}
    broken = clients | {"dynamodb": Dying(pipeline.dynamodb, [], 9)}
    with pytest.raises(CrashError):
        Processor(pipeline.config, **broken, **settings, out=pipeline.lines.append).process(batch)
    Processor(pipeline.config, **clients, **settings, out=pipeline.lines.append).process(batch)
    check_truth(pipeline, traffic)


def test_checkout_and_left_behind_messages(pipeline: MotoPipeline) -> None:
    """The detector's queries and conditional puts are what DynamoDB takes."""
    document = {
        "event_type": "page_view",
        "session_id": "s",
        "timestamp": NOW - 1,
        "page_url": "/checkout",
    }
    batch = invocation([json.dumps(document).encode()])
    pipeline.detector().process(batch)
    pipeline.processor().process(batch)
    with pytest.raises(CrashError):
        Detector(
            pipeline.config,
            dynamodb=pipeline.dynamodb,
            sns=Dying(pipeline.sns, [], 0),
            hash_key=KEY,
            clock=lambda: NOW,
            out=pipeline.lines.append,
        ).process({"source": "clickstream.schedule"})
    pipeline.now += 61
    pipeline.detector().process({"source": "clickstream.schedule"})
    (incident,) = pipeline.readback().incidents()
    assert (incident.rule, incident.sent) == ("unusual_page_sequence", 1)
    items = pipeline.dynamodb.scan(TableName=COUNTERS)["Items"]
    assert {item["metric_name"]["S"] for item in items} == {
        "detector",
        "detector-site",
        "lane",
        "incident",
        "unsent",
        "events_per_minute_page_view",
        "pages",
    }


def test_entry_point_reads_config_and_key(
    pipeline: MotoPipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The handler takes everything from its environment, once, and prints its lines."""
    parameter = config_document()["privacy"]["hashKeyParameter"]
    boto3.client("ssm", region_name=REGION).put_parameter(
        Name=parameter, Type="SecureString", Value="a-secret-hash-key"
    )
    config = config_document(deadLetterQueueUrl=pipeline.queue)
    monkeypatch.setitem(os.environ, "CLICKSTREAM_CONFIG", json.dumps(config))
    # moto keeps its tables in plain dictionaries: items that arrive at once may get lost in it.
    monkeypatch.setattr(handler, "THREADS", 1)
    handler._processor.cache_clear()
    traffic = generate(6, 10, NOW, bots=0, broken=1)
    batch = invocation([record.data for record in traffic.records])
    assert handler.handle(batch, None) == {"batchItemFailures": []}
    handler._processor.cache_clear()
    check_truth(pipeline, traffic)
    printed = capsys.readouterr().out.splitlines()
    assert all(json.loads(line) for line in printed)
    assert "a-secret-hash-key" not in "".join(printed)
