"""From a Terraform state to a Ready pipeline by the commands alone, with the data in place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.cli.deployments.model import KEYS
from sandbox import Sandbox
from tests.integration import terraform_made
from tests.integration.cli.runs import answered, called
from tests.integration.pilot import Pilot, empty_aws, run
from tests.tenant_grants import granted

ADOPTED = {"stream", "archive", "page-metrics-table", "session-metrics-table", "counters-table"}
OUTPUTS = terraform_made.outputs()
STREAM = OUTPUTS["kinesis_stream_name"]
BUCKET = OUTPUTS["s3_bucket_name"]
TABLES = [
    OUTPUTS[f"dynamodb_{one}_table_name"] for one in ("page_metrics", "session_metrics", "counters")
]
HOLDS_DATA = {"KinesisStream", "S3Bucket", "DynamoDBTable"}


@pytest.fixture
def adopter(installed: Sandbox) -> Iterator[Pilot]:
    """An operator that may adopt, beside what Terraform made and the data in it."""
    with empty_aws(installed):
        started = Pilot(installed, overrides={"tenants": granted(adopt=("*-*",))})
        terraform_made.build(started.client)
        for table, keys in zip(TABLES, KEYS.values(), strict=True):
            item = {key: {"S": f"old-{key}"} for key in keys if key} | {
                "ttl": {"N": str(int(time.time()) + 86400)},
                "n": {"N": "41"},
            }
            started.client("dynamodb").put_item(TableName=table, Item=item)
        for number in range(3):
            started.client("s3").put_object(Bucket=BUCKET, Key=f"year=2026/{number}", Body=b"{}")
        started.client("kinesis").put_record(StreamName=STREAM, PartitionKey="p", Data=b"old")
        yield started
        started.close()


@pytest.fixture
def tenants(tmp_path: Path) -> str:
    """The tenants of that operator, for a plan."""
    file = tmp_path / "tenants.yaml"
    file.write_text('tenants:\n- namespaces: ["*"]\n  adopt: ["*-*"]\n')
    return str(file)


def _data(pilot: Pilot) -> dict[str, Any]:
    """Every item, every version of an object, every record, and when what holds them was made."""
    dynamodb, kinesis = pilot.client("dynamodb"), pilot.client("kinesis")
    found: dict[str, Any] = {}
    for table in TABLES:
        found[table] = dynamodb.scan(TableName=table)["Items"]
        about = dynamodb.describe_table(TableName=table)["Table"]
        found[f"{table} id"] = (about["TableId"], about["CreationDateTime"])
    versions = pilot.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    # The configuration of the functions lies beside the data.
    found["objects"] = sorted(
        (one["Key"], one["VersionId"], one["ETag"])
        for one in versions
        if not one["Key"].startswith("config/")
    )
    records = []
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        at = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        read = kinesis.get_records(ShardIterator=at)["Records"]
        records += [(shard["ShardId"], one["SequenceNumber"], one["Data"]) for one in read]
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    found["records"] = records
    found["stream"] = summary["StreamCreationTimestamp"]
    return found


def _imported(pilot: Pilot, folder: Path, at: datetime) -> tuple[Any, str]:
    """The manifest of the state under the pilot's name, and the steps."""
    file = folder / "adopted.yaml"
    done = called(
        pilot, "import", "terraform", str(terraform_made.STATE), "--name", pilot.name,
        "-n", pilot.namespace, "--starting-at", at.isoformat(), "-o", str(file),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(file.read_text()), done.stdout


def _turn_off(pilot: Pilot, steps: str) -> datetime:
    """Do what the second step says; the mappings of the emulator have ids of their own."""
    functions = pilot.client("lambda")
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        assert one["FunctionArn"].rpartition(":")[2] in steps
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
    return datetime.now(UTC)


def test_nothing_that_holds_data_is_made_anew(adopter: Pilot, tmp_path: Path, tenants: str) -> None:
    """Imported, planned and applied: every item, object and record is where it was."""
    before = _data(adopter)
    assert before["records"]
    assert len(before["objects"]) == 3
    start = datetime.now(UTC) - timedelta(seconds=30)
    body, steps = _imported(adopter, tmp_path, start)
    off = _turn_off(adopter, steps)
    adopter.forget_calls()
    file = str(tmp_path / "adopted.yaml")
    planned = answered(adopter, "plan", "-f", file, CLICKSTREAM_TENANTS=tenants)
    assert planned["obstacles"] == []
    made = {one["resource"] for one in planned["changes"] if one["action"] == "create"}
    assert made.isdisjoint(ADOPTED)
    assert {one["action"] for one in planned["changes"]} == {"create", "update"}
    assert [one for one in planned["dataAtRisk"] if "deleted" in one] == []
    words = " ".join(planned["notes"])
    assert "no event is lost" in words
    seconds = int(words.partition("those of at most ")[2].partition(" s are counted twice")[0])
    assert 29 <= seconds <= (off - start).total_seconds() + 1
    assert adopter.writes() == {}
    assert _data(adopter) == before
    adopter.apply(body["spec"])
    run(adopter.converge())
    origins = {one["name"]: one["origin"] for one in adopter.status()["resources"]}
    assert {name for name, origin in origins.items() if origin == "Adopted"} == ADOPTED
    assert _data(adopter) == before
    kinds = {one["name"]: one["kind"] for one in adopter.status()["resources"]}
    assert {name for name, kind in kinds.items() if kind in HOLDS_DATA} == ADOPTED
    mappings = adopter.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    ours = [one for one in mappings if adopter.name in one["FunctionArn"]]
    assert {one["StartingPosition"] for one in ours} == {"AT_TIMESTAMP"}
    again = answered(adopter, "plan", adopter.name, CLICKSTREAM_TENANTS=tenants)
    assert again["changes"] == []


def test_what_adoption_needs_is_told_before(adopter: Pilot, tmp_path: Path) -> None:
    """Without tenants[].adopt, and while the old functions still read."""
    _imported(adopter, tmp_path, datetime.now(UTC))
    functions = adopter.client("lambda")
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=True)
    closed = tmp_path / "tenants.yaml"
    closed.write_text("tenants:\n- namespaces: ['*']\n")
    planned = answered(
        adopter, "plan", "-f", str(tmp_path / "adopted.yaml"), CLICKSTREAM_TENANTS=str(closed)
    )
    refused = {one["resource"] for one in planned["obstacles"]}
    assert refused >= ADOPTED
    assert all("tenants[].adopt" in one["message"] for one in planned["obstacles"])


def test_an_older_pipeline_keeps_the_name(adopter: Pilot, tmp_path: Path, tenants: str) -> None:
    """The plan of a second one says whose it is."""
    body, _ = _imported(adopter, tmp_path, datetime.now(UTC))
    adopter.apply(body["spec"])
    body["metadata"]["name"] = "second"
    file = tmp_path / "second.json"
    file.write_text(json.dumps(body))
    planned = answered(adopter, "plan", "-f", str(file), CLICKSTREAM_TENANTS=tenants)
    first = planned["obstacles"][0]
    assert (first["resource"], first["reason"]) == ("pipeline", "OwnershipConflict")
    assert f"is of pipeline {adopter.namespace}/{adopter.name}" in first["message"]
