"""The parts of a deployment are found in AWS as its state tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli import aws
from clickstream_operator.cli.cut_over import read_readers
from clickstream_operator.cli.deployments.aws_deployment import find_deployment
from clickstream_operator.cli.deployments.model import Deployment
from clickstream_operator.cli.deployments.state import read_state
from clickstream_operator.cli.deployments.state_deployment import locate
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cli.quotas import read_quotas
from sandbox.demos import terraform_recipe
from tests.terminal import piped

OUTPUTS = terraform_recipe.outputs()
STREAM = OUTPUTS["kinesis_stream_name"]
PROCESSOR = OUTPUTS["lambda_event_processor_function_name"]


def client(service: str) -> Any:
    """A client of the emulated account."""
    return boto3.client(service, region_name="us-east-1")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in which Terraform has applied the recipe."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        terraform_recipe.build(client)
        yield


def found(stream: str = STREAM) -> Deployment:
    """The deployment of a stream."""
    return aws.run("us-east-1", lambda session: find_deployment(session, stream), profile=None)[0]


def test_aws_and_the_state_tell_the_same(made: None) -> None:
    """But for what the emulator's functions were made without."""
    told = locate(read_state(terraform_recipe.STATE.read_bytes(), "state")).deployment
    seen = found()
    assert seen.stream == told.stream
    assert seen.bucket == told.bucket
    # The emulator calls the key that it manages a customer's.
    assert {role: replace(one, kms_key_id="") for role, one in seen.tables.items()} == told.tables
    assert (seen.account, seen.region) == (told.account, told.region)
    assert (seen.alerts, seen.emails) == (told.alerts, told.emails)
    assert seen.tags == told.tags
    assert seen.log_retention_days == told.log_retention_days
    assert {(one.name, one.counts, one.batch_size) for one in seen.functions} == {
        (one.name, one.counts, one.batch_size) for one in told.functions
    }


def test_the_command_writes_the_manifest_of_the_state(made: None) -> None:
    """With the mappings that are there to turn off, and no word about a state."""
    at = ("--starting-at", "2026-11-29T12:00:00Z")
    seen = piped(["import", "aws", "--stream", STREAM, "--region", "us-east-1", *at])
    assert seen.returncode == 0, seen.stderr
    told = piped(["import", "terraform", str(terraform_recipe.STATE), *at])
    body, expected = yaml.safe_load(seen.stdout), yaml.safe_load(told.stdout)
    assert faults_of(body) == []
    for part in ("region", "names", "adoptionPolicy", "deletionPolicy", "alerts", "tags"):
        assert body["spec"][part] == expected["spec"][part], part
    position = body["spec"]["processor"]["startingPosition"]
    assert position == expected["spec"]["processor"]["startingPosition"]
    assert body["metadata"] == expected["metadata"]
    for one in client("lambda").list_event_source_mappings()["EventSourceMappings"]:
        name, uuid = one["FunctionArn"].split(":")[6], one["UUID"]
        turned_off = rf"#    {name}:\naws lambda .+ \\\n  --uuid {uuid} --no-enabled\n"
        assert re.search(turned_off, seen.stderr)
    assert "terraform" not in seen.stderr.lower()


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("clickstream-analytics-events", f"did you mean {STREAM}?"),
        ("xyz", "choose the region with --region"),
    ],
)
def test_a_stream_that_is_not_there(made: None, stream: str, said: str) -> None:
    """The nearest one is suggested, in one line."""
    done = piped(["import", "aws", "--stream", stream, "--region", "us-east-1"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: no stream {stream} in us-east-1; {said}\n"


def test_a_mapping_of_a_function_that_is_gone_is_no_reader(made: None) -> None:
    """The other one still leads to the tables."""
    client("lambda").delete_function(FunctionName=OUTPUTS["lambda_anomaly_detector_function_name"])
    assert [one.name for one in found().functions] == [PROCESSOR]


def test_other_keys_are_refused(made: None) -> None:
    """A table keeps its keys for life."""
    name = OUTPUTS["dynamodb_counters_table_name"]
    client("dynamodb").delete_table(TableName=name)
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "day", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "day", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(CliError, match="has the keys day, a pipeline needs metric_name and time_"):
        found()


def test_the_readers_of_an_adopted_stream_are_the_recipes(made: None) -> None:
    """A function of somebody else reads it too, and is nobody's rival."""
    functions = client("lambda")
    stranger = functions.get_function_configuration(FunctionName=PROCESSOR)
    functions.create_function(
        FunctionName="stranger",
        Runtime="python3.13",
        Role=stranger["Role"],
        Handler="a.b",
        Code={"ZipFile": b"x"},
    )
    arn = OUTPUTS["kinesis_stream_arn"]
    functions.create_event_source_mapping(
        EventSourceArn=arn, FunctionName="stranger", StartingPosition="LATEST"
    )
    effective = Effective(
        account="123456789012",
        region="us-east-1",
        partition="aws",
        names={
            "stream": STREAM,
            "page-metrics-table": OUTPUTS["dynamodb_page_metrics_table_name"],
            "session-metrics-table": OUTPUTS["dynamodb_session_metrics_table_name"],
            "counters-table": OUTPUTS["dynamodb_counters_table_name"],
        },
    )
    readers = aws.run(
        "us-east-1",
        lambda session: read_readers(session, effective, now=datetime.now(UTC)),
        profile=None,
    )
    assert {(one.function, one.counts, one.reads) for one in readers} == {
        (PROCESSOR, True, False),
        (OUTPUTS["lambda_anomaly_detector_function_name"], False, False),
    }


def test_quotas_are_read_as_far_as_aws_tells(made: None) -> None:
    """What the emulator does not know is named, as a refusal is."""
    quotas = aws.run("us-east-1", read_quotas, profile=None)
    assert quotas.answers["kinesis"]["ShardLimit"] > 0
    assert quotas.answers["iam"]["SummaryMap"]["RolesQuota"] > 0
    assert [one.partition(": ")[0] for one in quotas.unread] == ["lambda:get_account_settings"]
