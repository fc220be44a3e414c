"""Injected faults: which calls they hit, and what the caller sees."""

import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox import SandboxError
from sandbox.aws.strict import StrictAws, as_witness
from tests.reliability.strict_aws.probes import Client, refused

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


def test_a_witness_sees_what_is_there(strict: StrictAws, aws: Client) -> None:
    """Past faults and delays, with what the rules keep, and without being counted."""
    strict.reset(["s3-metrics"])
    s3 = aws("s3")
    s3.create_bucket(Bucket="probe")
    seen = as_witness(aws("s3")).get_bucket_metrics_configuration
    assert refused(seen, Bucket="probe", Id="failed")[0] == "NoSuchConfiguration"
    settings = {"Id": "failed", "Filter": {"Prefix": "failed/"}}
    s3.put_bucket_metrics_configuration(Bucket="probe", Id="failed", MetricsConfiguration=settings)
    strict.inject("access_denied", service="s3")
    strict.forget_calls()
    assert seen(Bucket="probe", Id="failed")["MetricsConfiguration"] == settings
    assert strict.calls() == {}
    assert refused(s3.list_buckets)[0] == "AccessDenied"


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
