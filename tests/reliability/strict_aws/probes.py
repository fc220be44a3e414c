"""Clients of the strict AWS, and the resources on which its rules are tried."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kinesis:Get*", "Resource": "*"}],
    }
)
Client = Callable[[str], Any]


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
