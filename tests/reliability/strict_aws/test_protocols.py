"""Call log and wire formats of the strict AWS."""

import os
import subprocess
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.emulator import Emulator
from sandbox.aws.strict import StrictAws, cbor
from tests.reliability.strict_aws.probes import ACCOUNT, Client, refused, table


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


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
    ],
)
@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/__strict_aws__/calls", "/bucket"])
def test_no_web_page_reaches_proxy_or_emulator(
    strict: StrictAws, emulated: tuple[Emulator, StrictAws], path: str, headers: dict[str, str]
) -> None:
    """Neither by its origin nor by a name that is rebound: both run code as the developer."""
    for endpoint in (strict.endpoint, emulated[0].endpoint):
        request = Request(endpoint + path, data=b"{}", headers=headers, method="POST")  # noqa: S310 - http on loopback
        with pytest.raises(HTTPError) as refusal:
            build_opener(ProxyHandler({})).open(request, timeout=10)
        with refusal.value as answer:
            assert answer.code == 403
            assert not [name for name in answer.headers if name.lower().startswith("access-")]


_CALL = """
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    opener.open(urllib.request.Request(sys.argv[1], data=b"{}", method="POST"), timeout=10)
    print("200")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode().strip())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can call as somebody else")
def test_no_other_user_of_the_machine_reaches_proxy_or_emulator(
    strict: StrictAws, emulated: tuple[Emulator, StrictAws]
) -> None:
    """A loopback port is open to all of them, and the emulator runs code as the developer."""
    for endpoint in (strict.endpoint, emulated[0].endpoint):
        done = subprocess.run(
            ["/usr/bin/env", "-i", "python3", "-c", _CALL, f"{endpoint}/2015-03-31/functions"],
            user=65534,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "403 not for other users of this machine\n"


def test_no_answer_is_for_other_origins(
    strict: StrictAws, emulated: tuple[Emulator, StrictAws]
) -> None:
    """The emulator allows every origin to read its answers; neither port passes that on."""
    for endpoint in (strict.endpoint, emulated[0].endpoint):
        request = Request(f"{endpoint}/", method="GET")  # noqa: S310 - http on loopback
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
                names = list(answer.headers)
        except HTTPError as refused_call:
            with refused_call:
                names = list(refused_call.headers)
        assert names
        assert not [name for name in names if name.lower().startswith("access-control-")]
