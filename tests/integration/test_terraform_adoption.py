"""A pipeline that the original's Terraform made is taken over with its data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clickstream_operator.query import PipelineReader
from sandbox import Sandbox
from sandbox.demos import terraform_recipe
from sandbox.processes.process import wait_until
from tests.integration.pilot import Pilot, empty_aws, examples, run
from tests.tenant_grants import granted

OUTPUTS = terraform_recipe.outputs()
STREAM = OUTPUTS["kinesis_stream_name"]
BUCKET = OUTPUTS["s3_bucket_name"]
PAGES = OUTPUTS["dynamodb_page_metrics_table_name"]
SESSIONS = OUTPUTS["dynamodb_session_metrics_table_name"]
COUNTERS = OUTPUTS["dynamodb_counters_table_name"]
ADOPTABLE = {"stream", "archive", "page-metrics-table", "session-metrics-table", "counters-table"}
NAMES = {
    "stream": STREAM,
    "archiveBucket": BUCKET,
    "pageMetricsTable": PAGES,
    "sessionMetricsTable": SESSIONS,
    "countersTable": COUNTERS,
}
#: What the manifest of the how-to says, but for the cut-over.
SPEC: dict[str, Any] = {"names": NAMES, "adoptionPolicy": "Always"}
HOUR = "2026-11-23T06"


@pytest.fixture
def adopter(installed: Sandbox) -> Iterator[Pilot]:
    """An operator that may adopt, beside what Terraform made and the data in it."""
    with empty_aws(installed):
        started = Pilot(installed, overrides={"tenants": granted(adopt=("*-*",))})
        terraform_recipe.build(started.client)
        _fill(started)
        yield started
        started.close()


def _fill(pilot: Pilot) -> None:
    """Items and objects as the recipe's functions write them."""
    later = str(int(time.time()) + 86400)
    items = {
        PAGES: {
            "page_url": "/products",
            "timestamp_hour": HOUR,
            "view_count": 41,
            "last_updated": 1,
        },
        SESSIONS: {
            "session_id": "s-old",
            "event_count": 7,
            "last_activity": f"{HOUR}:17:22.104Z",
            "user_agent": "unknown",
        },
        COUNTERS: {
            "metric_name": "events_per_minute_page_view",
            "time_window": f"{HOUR}:17",
            "event_count": 41,
        },
    }
    for table, item in items.items():
        typed = {
            key: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for key, value in item.items()
        }
        pilot.client("dynamodb").put_item(TableName=table, Item=typed | {"ttl": {"N": later}})
    for number in range(3):
        pilot.client("s3").put_object(
            Bucket=BUCKET,
            Key=f"year=2026/month=11/day=23/hour=06/{number}.json",
            Body=b"{}\n",
        )


def _data(pilot: Pilot) -> dict[str, Any]:
    """Every item and every object version."""
    tables = {
        table: pilot.client("dynamodb").scan(TableName=table)["Items"]
        for table in (PAGES, SESSIONS, COUNTERS)
    }
    versions = pilot.client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])
    objects = sorted((one["Key"], one["VersionId"], one["ETag"]) for one in versions)
    return {**tables, "objects": objects}


def _infrastructure(pilot: Pilot) -> dict[str, Any]:
    """What is not taken over, and the settings and tags of what may be, as AWS has them."""
    role = terraform_recipe.resources()["aws_iam_role", "lambda_execution_role"]["name"]
    functions = pilot.client("lambda").list_functions()["Functions"]
    mappings = pilot.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return {
        "functions": {
            one["FunctionName"]: (one["Runtime"], one["CodeSha256"], one["MemorySize"])
            for one in functions
            if one["FunctionName"].startswith("clickstream-analytics-dev-")
        },
        "mappings": {
            one["UUID"]: (one["State"], one["BatchSize"])
            for one in mappings
            if ":clickstream-analytics-dev-" in one["FunctionArn"]
        },
        "role": pilot.client("iam").list_role_policies(RoleName=role)["PolicyNames"],
        "queue": pilot.client("sqs").get_queue_url(
            QueueName=terraform_recipe.resources()["aws_sqs_queue", "dlq"]["name"]
        )["QueueUrl"],
        "topics": pilot.client("sns").list_topics()["Topics"],
    }


def _tags(pilot: Pilot) -> dict[str, dict[str, str]]:
    """Tags of what may be taken over."""
    arns = {
        table: pilot.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
        for table in (PAGES, SESSIONS, COUNTERS)
    }
    lists = {
        STREAM: pilot.client("kinesis").list_tags_for_stream(StreamName=STREAM)["Tags"],
        BUCKET: pilot.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"],
        **{
            table: pilot.client("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"]
            for table, arn in arns.items()
        },
    }
    return {name: {one["Key"]: one["Value"] for one in tags} for name, tags in lists.items()}


def _origins(pilot: Pilot) -> dict[str, str]:
    return {one["name"]: one["origin"] for one in pilot.status()["resources"]}


def test_without_always_nothing_is_touched(adopter: Pilot) -> None:
    """The default policy takes back only what is the pipeline's own: each conflict is named."""
    data, tags, others = _data(adopter), _tags(adopter), _infrastructure(adopter)
    adopter.apply({"names": NAMES})
    run(adopter.step())
    stalled = adopter.condition("Stalled")
    assert stalled["reason"] == "OwnershipConflict"
    assert "or set spec.adoptionPolicy to Always" in stalled["message"]
    for name in ADOPTABLE:
        assert adopter.resource(name)["reason"] == "OwnershipConflict", name
    assert (_data(adopter), _tags(adopter)) == (data, tags)
    assert _infrastructure(adopter) == others


def test_settings_must_allow_adoption(adopter: Pilot) -> None:
    """A spec alone can't take what carries no owner."""
    adopter.overrides = {}
    adopter.restart()
    tags = _tags(adopter)
    adopter.apply(SPEC)
    run(adopter.step())
    stalled = adopter.condition("Stalled")
    assert stalled["reason"] == "OwnershipConflict"
    # The spec says Always already: the remedy is the setting, and not the field.
    assert "tenants[].adopt" in stalled["message"]
    assert "spec.adoptionPolicy" not in stalled["message"]
    assert _tags(adopter) == tags


def test_stream_bucket_and_tables_are_taken_over_with_their_data(adopter: Pilot) -> None:
    """Adopted are the five and only them; what others set stays; roles and functions are left."""
    data, tags, others = _data(adopter), _tags(adopter), _infrastructure(adopter)
    adopter.apply(SPEC)
    run(adopter.converge())
    origins = _origins(adopter)
    assert {name for name, origin in origins.items() if origin == "Adopted"} == ADOPTABLE
    assert _data(adopter) == data
    assert _infrastructure(adopter) == others
    for name, found in _tags(adopter).items():
        others_tags = {key: tags[name][key] for key in tags[name].keys() - {"ManagedBy"}}
        assert others_tags.items() <= found.items()
        assert found["ManagedBy"] == "clickstream-operator"
        assert found["clickstream.dev/pipeline"] == adopter.name
        assert found["clickstream.dev/origin"] == "Adopted"
    rules = adopter.client("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    kept = [one for one in rules if not one["ID"].startswith("clickstream-")]
    assert [one["ID"] for one in kept] == [terraform_recipe.lifecycle_rule()["ID"]]
    assert kept[0]["Expiration"] == {"Days": 365}
    run(adopter.resync())
    adopter.forget_calls()
    run(adopter.resync())
    assert not adopter.writes()
    assert adopter.condition("DriftDetected")["status"] == "False"


def test_every_write_of_an_adoption_may_be_the_last_before_a_crash(adopter: Pilot) -> None:
    """Between the tags and the status nothing tells but the tags: it is Adopted all the same."""
    adopter.apply(SPEC)
    for number in (1, 3, 8):
        with adopter.dying_at(number):
            run(adopter.converge())
    run(adopter.converge())
    origins = _origins(adopter)
    assert {name for name, origin in origins.items() if origin == "Adopted"} == ADOPTABLE


def test_lost_status_changes_no_origin(adopter: Pilot) -> None:
    """The object restored without its status still knows what it must not delete."""
    adopter.apply(SPEC)
    run(adopter.converge())
    _forget_object(adopter)
    adopter.apply(SPEC)
    adopter.restart()
    run(adopter.converge())
    origins = _origins(adopter)
    assert {name for name, origin in origins.items() if origin == "Adopted"} == ADOPTABLE


def _forget_object(pilot: Pilot) -> None:
    """Remove the object unobserved, as the loss of a cluster does."""
    pilot.request_deletion()
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--type=merge", '-p={"metadata":{"finalizers":[]}}'
    )


def test_deletion_leaves_what_was_adopted(adopter: Pilot) -> None:
    """Also the stream, which a pipeline of its own would delete; the data is as before."""
    data = _data(adopter)
    adopter.apply(
        {
            **SPEC,
            "tables": {"deletionProtection": False},
            "deletionPolicy": {"tables": "Delete", "archive": "Empty"},
        }
    )
    run(adopter.converge())
    adopter.request_deletion()
    run(adopter.converge(lambda: adopter.body() is None))
    assert _data(adopter) == data
    assert STREAM in adopter.client("kinesis").list_streams()["StreamNames"]


def test_deletion_takes_what_was_adopted_when_the_policy_says_so(adopter: Pilot) -> None:
    """`deletionPolicy.adopted: Delete` hands it to the policies of each kind."""
    adopter.apply(
        {
            **SPEC,
            "tables": {"deletionProtection": False},
            "deletionPolicy": {"tables": "Delete", "archive": "Empty", "adopted": "Delete"},
        }
    )
    run(adopter.converge())
    others = _infrastructure(adopter)
    adopter.request_deletion()
    run(adopter.converge(lambda: adopter.body() is None))
    assert not adopter.client("kinesis").list_streams()["StreamNames"]
    assert not adopter.client("dynamodb").list_tables()["TableNames"]
    assert not adopter.client("s3").list_buckets()["Buckets"]
    assert _infrastructure(adopter) == others


def test_counting_goes_on_where_the_recipe_stopped(adopter: Pilot) -> None:
    """What came before the cut-over is not counted again, what comes after is, and sums agree."""
    _send(adopter, "s-old", 3)
    # Kinesis and Kubernetes keep times in milliseconds and seconds.
    wait_until(lambda: time.time() % 1 < 0.1, 2)
    time_before = int(time.time())
    wait_until(lambda: time.time() > time_before + 1, 3)
    adopter.apply(SPEC)
    run(adopter.converge())
    mappings = adopter.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    ours = [one for one in mappings if adopter.name in one["FunctionArn"]]
    assert {one["StartingPosition"] for one in ours} == {"AT_TIMESTAMP"}
    created = adopter.body()
    assert created is not None
    _send(adopter, "s-new", 2)
    _send(adopter, "s-old", 1)
    read = PipelineReader(
        dynamodb=adopter.client("dynamodb"),
        s3=adopter.client("s3"),
        page_metrics_table=PAGES,
        session_metrics_table=SESSIONS,
        counters_table=COUNTERS,
        bucket=BUCKET,
        clock=time.time,
    )

    def counted() -> int:
        return sum(sum(minutes.values()) for minutes in read.all_counts().values())

    assert wait_until(lambda: counted() >= 41 + 3, 60), counted()
    assert counted() == 41 + 3
    pages = {
        page: sum(h.views for h in hours.values()) for page, hours in read.all_page_views().items()
    }
    assert pages == {"/products": 41 + 3}
    assert {one.event["session_id"] for one in read.archived_events()} == {"s-new", "s-old"}
    assert read.all_sessions()["s-old"].event_count == 7 + 1


def _send(pilot: Pilot, session: str, number: int) -> None:
    event = {
        "event_type": "page_view",
        "session_id": session,
        "timestamp": int(time.time()),
        "page_url": "/products",
    }
    pilot.client("kinesis").put_records(
        StreamName=STREAM,
        Records=[{"PartitionKey": session, "Data": json.dumps(event).encode()}] * number,
    )


def test_example_names_what_the_recipe_made() -> None:
    """The how-to's manifest is of the same pipeline as the state file."""
    manifest = yaml.safe_load((examples() / "adopt-terraform.yaml").read_text())
    assert manifest["spec"]["names"] == NAMES
    assert manifest["spec"]["adoptionPolicy"] == "Always"
