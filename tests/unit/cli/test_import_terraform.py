"""`import terraform`: a state becomes the manifest that adopts its data, or is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.cli.manifest import faults_of
from tests.terminal import Done, piped
from tests.unit.cli.terraform_states import (
    FILE,
    State,
    attributes,
    in_module,
    joined,
    renamed,
    resource,
    state,
    without,
)

OLD = "clickstream-analytics-dev"
NAMES = {
    "stream": f"{OLD}-events-a1b2c3d4",
    "archiveBucket": f"{OLD}-archive-a1b2c3d4",
    "pageMetricsTable": f"{OLD}-a1b2c3d4-page-metrics",
    "sessionMetricsTable": f"{OLD}-a1b2c3d4-session-metrics",
    "countersTable": f"{OLD}-a1b2c3d4-counters",
}
AT = "2026-11-29T12:00:00Z"


def imported(content: State | bytes | str, folder: Path, *options: str) -> Done:
    """A run on a state file with this content."""
    file = folder / "terraform.tfstate"
    if isinstance(content, dict):
        content = json.dumps(content)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return piped(["import", "terraform", str(file), "--starting-at", AT, *options])


def manifest(done: Done) -> Any:
    """The manifest of a run that went well."""
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def removed(done: Done) -> list[str]:
    """Addresses in the `terraform state rm` of the steps."""
    words = shlex.split(done.stderr.partition("\nterraform state rm ")[2].partition("\n\n")[0])
    return [one for one in words if one.strip()]


def test_the_recipes_state_becomes_a_manifest(tmp_path: Path) -> None:
    """Five parts by name, adopted, kept on deletion, from a recorded point on."""
    body = manifest(imported(state(), tmp_path))
    assert faults_of(body) == []
    spec = body["spec"]
    assert spec["names"] == NAMES
    assert spec["region"] == "us-east-1"
    assert (spec["adoptionPolicy"], spec["deletionPolicy"]) == ("Always", {"adopted": "Retain"})
    assert spec["processor"] == {
        "batchSize": 100,
        "startingPosition": {"type": "AtTimestamp", "timestamp": AT},
    }
    assert spec["alerts"] == {"enabled": True, "emails": ["ops@example.com"]}
    assert spec["tags"] == {"Project": "clickstream-analytics"}
    assert body["metadata"] == {"name": OLD, "namespace": "default"}
    # What equals a default is not in the manifest.
    assert spec.keys() == {
        "region", "adoptionPolicy", "deletionPolicy", "names", "processor", "alerts", "tags",
    }  # fmt: skip


def test_the_steps_name_every_resource_once(tmp_path: Path) -> None:
    """Adopted leave the state with their settings; everything else may be destroyed."""
    done = imported(state(), tmp_path)
    adopted = removed(done)
    assert set(adopted) == {
        "aws_kinesis_stream.clickstream_events",
        "aws_s3_bucket.clickstream_archive",
        "aws_s3_bucket_versioning.clickstream_archive",
        "aws_s3_bucket_server_side_encryption_configuration.clickstream_archive",
        "aws_s3_bucket_public_access_block.clickstream_archive",
        "aws_s3_bucket_lifecycle_configuration.clickstream_archive",
        "aws_dynamodb_table.page_metrics",
        "aws_dynamodb_table.session_metrics",
        "aws_dynamodb_table.counters",
    }
    tail = done.stderr.partition("# 5.")[2]
    gone = {line[5:] for line in tail.splitlines() if line.startswith("#    ")}
    every = {
        f"{one['type']}.{one['name']}" + ("[0]" if "index_key" in one["instances"][0] else "")
        for one in state()["resources"]
        if one["mode"] == "managed"
    }
    assert gone == every - set(adopted)
    assert tail.rstrip().endswith("\nterraform destroy")
    for name in ("event_processor_mapping", "anomaly_detector_mapping"):
        uuid = attributes(state(), "aws_lambda_event_source_mapping", name)["uuid"]
        assert f"--region us-east-1 \\\n  --uuid {uuid} --no-enabled" in done.stderr


def _set(kind: str, name: str, **values: Any) -> Callable[[State], None]:
    return lambda of: attributes(of, kind, name).update(values)


def _drop(*words: str) -> Callable[[State], None]:
    """Everything whose type or name has one of the words."""

    def drop(of: State) -> None:
        of["resources"] = without(
            of, lambda one: not any(word in f"{one['type']}.{one['name']}" for word in words)
        )["resources"]

    return drop


STREAM = ("aws_kinesis_stream", "clickstream_events")
PROCESSOR = ("aws_lambda_function", "event_processor")
MAPPING = ("aws_lambda_event_source_mapping", "event_processor_mapping")
LIFECYCLE = ("aws_s3_bucket_lifecycle_configuration", "clickstream_archive")


def _rule(**values: Any) -> Callable[[State], None]:
    return lambda of: attributes(of, *LIFECYCLE)["rule"][0].update(values)


def _tables(**values: Any) -> Callable[[State], None]:
    def change(of: State) -> None:
        for one in of["resources"]:
            if one["type"] == "aws_dynamodb_table":
                one["instances"][0]["attributes"].update(values)

    return change


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        (_set(*STREAM, shard_count=8), "stream.shards", 8),
        (_set(*STREAM, retention_period=168), "stream.retentionHours", 168),
        # Items must outlive the records that can change them.
        (_set(*STREAM, retention_period=168), "tables.ttl.countersHours", 192),
        (_set(*STREAM, retention_period=168), "tables.ttl.pageMetricsDays", 8),
        (_set(*STREAM, kms_key_id="alias/own"), "stream.kmsKeyId", "alias/own"),
        (
            _set(*STREAM, stream_mode_details=[{"stream_mode": "ON_DEMAND"}]),
            "stream.mode",
            "OnDemand",
        ),
        (_set(*STREAM, shard_level_metrics=[]), "stream.shardLevelMetrics", []),
        (_set(*PROCESSOR, memory_size=1024), "processor.memoryMiB", 1024),
        (_set(*PROCESSOR, timeout=300), "processor.timeoutSeconds", 300),
        (
            _set(*PROCESSOR, reserved_concurrent_executions=7),
            "processor.reservedConcurrency",
            7,
        ),
        (_set(*MAPPING, batch_size=1), "processor.batchSize", 1),
        (
            _set(*MAPPING, maximum_batching_window_in_seconds=300),
            "processor.batchingWindowSeconds",
            300,
        ),
        # An alarm on the age of records bears twice the window.
        (
            _set(*MAPPING, maximum_batching_window_in_seconds=300),
            "alarms.iteratorAgeSeconds",
            630,
        ),
        (_drop("anomaly_detector"), "anomalyDetection.enabled", False),
        (_drop("dashboard"), "dashboard.enabled", False),
        (_drop("aws_sns"), "alerts", None),
        (_drop("subscription"), "alerts", {"enabled": True}),
        (_rule(expiration=[{"days": 730}]), "archive.expirationDays", 730),
        (_rule(expiration=[]), "archive.expirationDays", 0),
        # The recipe's own default, which S3 refuses with its transitions.
        (_rule(expiration=[{"days": 30}]), "archive.expirationDays", 30),
        (_rule(expiration=[{"days": 30}]), "archive.transitions", []),
        (
            _tables(billing_mode="PROVISIONED", read_capacity=5, write_capacity=25),
            "tables",
            {"billingMode": "Provisioned", "provisioned": {"readUnits": 5, "writeUnits": 25}},
        ),
        (
            _tables(point_in_time_recovery=[{"enabled": False}]),
            "tables.pointInTimeRecovery",
            False,
        ),
        (
            _set("aws_sqs_queue", "dlq", message_retention_seconds=345600),
            "deadLetter.retentionDays",
            4,
        ),
        (
            _set("aws_cloudwatch_log_group", "event_processor_logs", retention_in_days=90),
            "logs.retentionDays",
            90,
        ),
        (
            _set("aws_cloudwatch_log_group", "event_processor_logs", retention_in_days=0),
            "logs.retentionDays",
            3653,
        ),
        (_drop("aws_cloudwatch_log_group"), "logs", None),
    ],
)  # fmt: skip
def test_other_variables_become_other_settings(
    tmp_path: Path, change: Callable[[State], None], path: str, expected: Any
) -> None:
    """What the user chose in Terraform is what the pipeline has."""
    changed = state()
    change(changed)
    body = manifest(imported(changed, tmp_path))
    assert faults_of(body) == []
    found = body["spec"]
    for name in path.split("."):
        found = found.get(name) if found is not None else None
    assert found == expected


@pytest.mark.parametrize(
    "prefix", ["shop-prod", "a", "a-name-that-is-longer-than-forty-characters"]
)
def test_other_names_make_another_pipeline(tmp_path: Path, prefix: str) -> None:
    """Project and environment are in the names; a pipeline's name is cut to what is allowed."""
    body = manifest(imported(renamed(state(), OLD, prefix), tmp_path))
    assert body["spec"]["names"]["stream"] == f"{prefix}-events-a1b2c3d4"
    assert faults_of(body) == []


@pytest.mark.parametrize(
    "module", ["module.analytics", 'module.shop["eu west"]', "module.a.module.b[0]"]
)
def test_a_module_is_in_the_addresses(tmp_path: Path, module: str) -> None:
    """Also one that a shell would take apart."""
    done = imported(in_module(state(), module), tmp_path)
    assert manifest(done)["spec"]["names"] == NAMES
    assert f"{module}.aws_kinesis_stream.clickstream_events" in removed(done)
    assert all(one.startswith(f"{module}.") for one in removed(done))


def test_resources_may_have_any_name(tmp_path: Path) -> None:
    """Parts are known by what they say of one another, also when modules part them."""
    changed = state()
    for number, one in enumerate(changed["resources"]):
        if one["mode"] == "managed":
            one["name"], one["module"] = f"thing{number}", f"module.m{number % 3}"
    assert manifest(imported(changed, tmp_path))["spec"]["names"] == NAMES


def test_another_deployment_in_the_state_stays(tmp_path: Path) -> None:
    """Of several one is chosen; what belongs to the others is no part of the destruction."""
    both = joined(
        in_module(state(), "module.one"),
        in_module(renamed(state(), OLD, "other"), "module.two"),
    )
    refused = imported(both, tmp_path)
    assert refused.returncode == 1
    assert f"several deployments in this state: {NAMES['stream']}, other-events-a1b2c3d4; " in (
        refused.stderr
    )
    assert "--stream" in refused.stderr
    done = imported(both, tmp_path, "--stream", "other-events-a1b2c3d4")
    assert manifest(done)["spec"]["names"]["stream"] == "other-events-a1b2c3d4"
    targets = shlex.split(done.stderr.partition("\nterraform destroy ")[2])
    assert [one for one in targets if "-target=module.two." not in one and one.strip()] == []
    assert len(targets) >= 12


def test_strangers_in_the_state_are_not_destroyed(tmp_path: Path) -> None:
    """A queue of somebody else in the same module is told and left out."""
    changed = state()
    stranger = json.loads(json.dumps(resource(changed, "aws_sqs_queue", "dlq")))
    stranger["name"] = "orders"
    stranger["instances"][0]["attributes"] |= {"name": "orders", "arn": "arn:aws:sqs:x:1:orders"}
    changed["resources"].append(stranger)
    done = imported(changed, tmp_path)
    manifest(done)
    targets = done.stderr.partition("\nterraform destroy ")[2]
    assert "-target=aws_sqs_queue.dlq" in targets
    assert "orders" not in targets
    assert "#    aws_sqs_queue.orders" in done.stderr


def test_contents_of_an_adopted_part_leave_the_state_too(tmp_path: Path) -> None:
    """An object or an item that Terraform made would be deleted with the rest."""
    changed = state()
    like = resource(changed, *LIFECYCLE)
    for kind, says in (
        ("aws_s3_object", {"bucket": NAMES["archiveBucket"], "key": "a"}),
        ("aws_dynamodb_table_item", {"table_name": NAMES["countersTable"]}),
        ("aws_s3_bucket_policy", {"bucket": NAMES["archiveBucket"]}),
        ("aws_s3_object", {"bucket": "another", "key": "a"}),
    ):
        changed["resources"].append(
            {
                **like,
                "type": kind,
                "name": f"n{len(changed['resources'])}",
                "instances": [{"attributes": says}],
            }
        )
    kinds = [one.partition(".")[0] for one in removed(imported(changed, tmp_path))]
    assert kinds.count("aws_s3_object") == 1
    assert {"aws_dynamodb_table_item", "aws_s3_bucket_policy"} <= set(kinds)


def test_what_is_left_of_a_replacement_is_no_part(tmp_path: Path) -> None:
    """A deposed instance has another in its place; a tainted one is told."""
    changed = state()
    stream = resource(changed, *STREAM)
    stream["instances"].append(
        {"deposed": "1234abcd", "attributes": {**stream["instances"][0]["attributes"], "name": "x"}}
    )
    resource(changed, "aws_dynamodb_table", "counters")["instances"][0]["status"] = "tainted"
    done = imported(changed, tmp_path)
    assert manifest(done)["spec"]["names"] == NAMES
    assert "aws_dynamodb_table.counters is tainted" in done.stderr


def test_a_user_says_when_and_who(tmp_path: Path) -> None:
    """Name, namespace and time; the steps use them, and the manifest goes to a file once."""
    file = tmp_path / "out.yaml"
    options = ("--name", "shop", "-n", "analytics", "-o", str(file))
    done = imported(state(), tmp_path, *options)
    assert done.returncode == 0, done.stderr
    body = yaml.safe_load(file.read_text())
    assert body["metadata"] == {"name": "shop", "namespace": "analytics"}
    assert f"kubectl apply -f {file}" in done.stdout
    assert "csp/shop -n analytics" in done.stdout
    again = imported(state(), tmp_path, *options)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


@pytest.mark.parametrize("time", ["yesterday", "2026-11-01", "2026-11-01T00:00:00"])
def test_a_time_without_a_zone_is_no_time(time: str) -> None:
    """Half a day of events would be lost or counted twice."""
    done = piped(["import", "terraform", str(FILE), "--starting-at", time])
    assert done.returncode == 3
    assert time in done.stderr


def test_a_time_with_a_zone_is_that_moment() -> None:
    """As UTC in the manifest."""
    done = piped(["import", "terraform", str(FILE), "--starting-at", "2026-11-01T01:00:00+01:00"])
    position = manifest(done)["spec"]["processor"]["startingPosition"]
    assert position["timestamp"] == "2026-11-01T00:00:00Z"
