"""What `import` writes is planned and applied without anything that holds data being made anew."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from clickstream_operator import pipeline
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession, CallRecord
from clickstream_operator.aws.tag_index import TagIndex
from clickstream_operator.cli import aws
from clickstream_operator.cli.deployments.model import KEYS
from clickstream_operator.cli.planning import Planned, make_plan
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import build_context, policy_of
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.resources.lambda_function import FunctionPackage
from sandbox.demos import terraform_recipe
from tests.tenant_grants import granted
from tests.terminal import piped

OUTPUTS = terraform_recipe.outputs()
STREAM = OUTPUTS["kinesis_stream_name"]
BUCKET = OUTPUTS["s3_bucket_name"]
TABLES = [
    OUTPUTS[f"dynamodb_{one}_table_name"] for one in ("page_metrics", "session_metrics", "counters")
]
ADOPTED = {"stream", "archive", "page-metrics-table", "session-metrics-table", "counters-table"}
#: Requests that make what holds data, or change or remove what is in it.
TOUCHING = {
    "create_stream", "delete_stream", "create_table", "delete_table", "create_bucket",
    "delete_bucket", "put_item", "update_item", "delete_item", "batch_write_item",
    "delete_object", "delete_objects", "put_records", "put_record",
}  # fmt: skip
ZIP = b"PK\x05\x06" + bytes(18)


def client(service: str) -> Any:
    """A client of the emulated account."""
    return boto3.client(service, region_name="us-east-1")


def config(*adopt: str) -> OperatorConfig:
    """An operator that may adopt names of these patterns."""
    digest = base64.b64encode(sha256(ZIP).digest()).decode()
    return OperatorConfig(
        cluster="c",
        instance="",
        default_region="us-east-1",
        account_regional_buckets=False,
        packages={
            name: FunctionPackage(digest, lambda: ZIP)
            for name in ("processor", "detector", "collector")
        },
        tenants=granted(adopt=adopt),
    )


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Terraform made, with data in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        terraform_recipe.build(_with_a_record)
        for table, keys in zip(TABLES, KEYS.values(), strict=True):
            item = {key: {"S": f"old-{key}"} for key in keys if key} | {"n": {"N": "41"}}
            client("dynamodb").put_item(TableName=table, Item=item)
        for number in range(3):
            client("s3").put_object(Bucket=BUCKET, Key=f"year=2026/{number}", Body=b"{}")
        yield


def _with_a_record(service: str) -> Any:
    """A client; before there are functions, for which moto would start a container, a record."""
    if service == "lambda":
        client("kinesis").put_record(StreamName=STREAM, PartitionKey="p", Data=b"old")
    return client(service)


def data() -> dict[str, Any]:
    """Every item, every version of an object, every record, and when what holds them was made."""
    dynamodb, kinesis = client("dynamodb"), client("kinesis")
    found: dict[str, Any] = {}
    for table in TABLES:
        about = dynamodb.describe_table(TableName=table)["Table"]
        found[table] = (dynamodb.scan(TableName=table)["Items"], about["CreationDateTime"])
    versions = client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    found["objects"] = [(one["Key"], one["VersionId"], one["ETag"]) for one in versions]
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    records = []
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        at = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records += [one["Data"] for one in kinesis.get_records(ShardIterator=at)["Records"]]
    found["records"] = (records, summary["StreamCreationTimestamp"])
    return found


def imported() -> PipelineObject:
    """The pipeline of the manifest that `import terraform` writes."""
    done = piped(["import", "terraform", str(terraform_recipe.STATE)])
    assert done.returncode == 0, done.stderr
    body = yaml.safe_load(done.stdout)
    body["metadata"] |= {
        "uid": "u",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return parse(ObjectKey("default", body["metadata"]["name"]), body)


def planned(obj: PipelineObject, settings: OperatorConfig) -> Planned:
    """The plan of a pipeline."""
    return aws.run("us-east-1", lambda session: make_plan(obj, settings, session), profile=None)


def applied(
    obj: PipelineObject, plan: Planned, settings: OperatorConfig
) -> tuple[dict[str, Entry], list[CallRecord]]:
    """The inventory after the engine applied it, and every call that it made."""
    calls: list[CallRecord] = []

    async def work() -> dict[str, Entry]:
        with ThreadPoolExecutor(8) as executor:
            session = AwsSession(
                region="us-east-1",
                executor=executor,
                limits=Limits(enabled=False),
                on_call=calls.append,
            )
            inventory: dict[str, Entry] = {}
            for _ in range(8):
                facade = Calls(session)
                context = build_context(obj, plan.effective, facade, StreamHistory(), settings)
                start = ReconcileInput(
                    inventory=inventory,
                    policy=policy_of(obj, settings),
                    full=True,
                    intended_since=obj.created_at,
                    chosen_names=names.chosen(obj.spec),
                )
                applier = Applier(pipeline.build(context), start, tag_index=TagIndex(facade))
                outcomes = await applier.apply()
                inventory = {
                    name: one.entry for name, one in outcomes.items() if one.entry is not None
                }
            return inventory

    return asyncio.run(work()), calls


def test_a_plan_makes_nothing_anew_that_holds_data(made: None) -> None:
    """Stream, bucket and tables are changed in place; everything else is created."""
    before = data()
    plan = planned(imported(), config("clickstream-analytics-dev-*"))
    assert plan.obstacles == ()
    by_action: dict[str, set[str]] = {}
    for one in plan.plan.changes:
        by_action.setdefault(one.action, set()).add(one.resource)
    assert by_action.keys() == {"create", "update"}
    assert by_action["update"] == ADOPTED
    assert by_action["create"].isdisjoint(ADOPTED)
    holding = {name for name, one in plan.resources.items() if one.holds}
    assert holding - ADOPTED <= {"hash-key", "dead-letter", "processor-logs", "detector-logs"}
    assert data() == before


def test_nothing_is_touched_when_it_is_applied(made: None) -> None:
    """Every item, object and record is where it was, and the operator knows that it adopted."""
    before = data()
    obj, settings = imported(), config("clickstream-analytics-dev-*")
    inventory, calls = applied(obj, planned(obj, settings), settings)
    adopted = {name for name, one in inventory.items() if one.origin is Origin.ADOPTED}
    assert adopted == ADOPTED
    assert {inventory[name].state for name in ADOPTED} == {State.READY}
    after = data()
    after["objects"] = [one for one in after["objects"] if not one[0].startswith("config/")]
    assert after == before
    assert not {one.operation for one in calls} & TOUCHING
    mappings = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    ours = [one for one in mappings if one["FunctionArn"].endswith(("-processor", "-detector"))]
    assert [one["StartingPosition"] for one in ours] == ["AT_TIMESTAMP"] * 2


def test_without_the_setting_every_one_is_an_obstacle(made: None) -> None:
    """And nothing would be created in their place."""
    plan = planned(imported(), config())
    assert {one.resource for one in plan.obstacles} >= ADOPTED
    assert all("tenants[].adopt" in one.message for one in plan.obstacles)
    created = {one.resource for one in plan.plan.changes if one.action == "create"}
    assert created.isdisjoint(ADOPTED)
