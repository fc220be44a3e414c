"""`export --to terraform`: every resource of a pipeline, with its import block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from clickstream_operator.cli.terraform.configuration import WRITERS
from clickstream_operator.resources import __path__ as resources_path
from tests.integration.cli.runs import called
from tests.integration.pilot import Pilot, run

SPEC: dict[str, Any] = {
    "stream": {"shards": 3, "retentionHours": 48},
    "processor": {"startingPosition": {"type": "AtTimestamp", "timestamp": "2026-01-01T00:00:00Z"}},
    "tables": {"ttl": {"sessionMetricsHours": 96, "countersHours": 96}},
    "events": {"fields": {"type": 'a${b}%{c}"d'}},
    "alerts": {"enabled": True, "emails": ["ops@example.com"]},
    "tags": {"Team": "web: {x}"},
}


@pytest.fixture
def exported(pilot: Pilot) -> tuple[Pilot, str, str]:
    """A pipeline that is ready, its configuration, and what was said about it."""
    pilot.apply(SPEC)
    run(pilot.converge())
    pilot.forget_calls()
    done = called(pilot, "export", pilot.name, "--to", "terraform")
    assert done.returncode == 0, done.stderr
    assert pilot.writes() == {}
    return pilot, done.stdout, done.stderr


def _bare(name: Any) -> str:
    return str(name).strip('"')


def _resources(text: str) -> dict[str, dict[str, Any]]:
    """Resources by address, as another program reads the file."""
    return {
        f"{_bare(kind)}.{_bare(label)}": body
        for one in hcl2.loads(text)["resource"]
        for kind, labels in one.items()
        if not kind.startswith("__")
        for label, body in labels.items()
        if not label.startswith("__")
    }


def _imports(text: str) -> dict[str, str]:
    """Ids by address."""
    found = hcl2.loads(text)["import"]
    return {re.sub(r"[${}]", "", str(one["to"])): _bare(one["id"]) for one in found}


def test_every_resource_has_its_import(exported: tuple[Pilot, str, str]) -> None:
    """By the id by which Terraform's provider finds it."""
    pilot, text, said = exported
    resources, imports = _resources(text), _imports(text)
    assert resources.keys() == imports.keys()
    labels = {address.partition(".")[2] for address in resources}
    for one in pilot.status()["resources"]:
        if one["kind"] == "SNSSubscription":
            continue
        assert re.sub(r"\W+", "_", one["name"]) in labels, one["name"]
    names = pilot.status()["effective"]["names"]
    base = names["stream"].removesuffix("-events")
    assert imports["aws_kinesis_stream.stream"] == names["stream"]
    assert imports["aws_s3_bucket_lifecycle_configuration.archive"] == names["archive"]
    assert (
        imports["aws_iam_role_policy.processor_role_clickstream"] == f"{base}-processor:clickstream"
    )
    assert imports["aws_scheduler_schedule.schedule"] == f"default/{base}"
    queue = pilot.client("sqs").get_queue_url(QueueName=f"{base}-dead-letter")["QueueUrl"]
    assert imports["aws_sqs_queue.dead_letter"] == queue
    ours = {
        one["UUID"]
        for one in pilot.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        if base in one["FunctionArn"]
    }
    mappings = {
        imports[f"aws_lambda_event_source_mapping.{one}_mapping"]
        for one in ("processor", "detector")
    }
    assert mappings == ours
    assert imports["aws_s3_object.processor_config"].startswith(f"{names['archive']}/config/")
    assert "clickstream.dev/force-delete=true" in said


def test_the_values_are_those_of_aws(exported: tuple[Pilot, str, str]) -> None:
    """A plan of Terraform has nothing to change."""
    pilot, text, _ = exported
    resources = _resources(text)
    stream = resources["aws_kinesis_stream.stream"]
    assert (stream["shard_count"], stream["retention_period"]) == (3, 48)
    mapping = resources["aws_lambda_event_source_mapping.processor_mapping"]
    assert _bare(mapping["starting_position"]) == "AT_TIMESTAMP"
    assert _bare(mapping["starting_position_timestamp"]) == "2026-01-01T00:00:00Z"
    assert mapping["batch_size"] == 1000
    name = pilot.status()["effective"]["names"]["processor"]
    actual = pilot.client("lambda").get_function_configuration(FunctionName=name)
    function = resources["aws_lambda_function.processor"]
    assert function["memory_size"] == actual["MemorySize"]
    assert _bare(function["role"]) == actual["Role"]
    # Nothing in it is a template of Terraform.
    assert "a$${b}%%{c}" in text
    assert re.search(r"(?<!\$)\$\{b\}", text) is None
    rules = resources["aws_s3_bucket_lifecycle_configuration.archive"]["rule"]
    assert {_bare(one["id"]) for one in rules} == {
        "clickstream-raw", "clickstream-bad", "clickstream-failed",
    }  # fmt: skip
    tags = resources["aws_sqs_queue.dead_letter"]["tags"]
    assert "web: {x}" in {_bare(value) for value in tags.values()}


def test_secrets_stay_where_they_are(exported: tuple[Pilot, str, str]) -> None:
    """The hash key is imported by its name; its value is neither read nor written."""
    _, text, _ = exported
    parameter = _resources(text)["aws_ssm_parameter.hash_key"]
    assert _bare(parameter["value"]) == "kept as it is"
    assert "ignore_changes = all" in text


def test_a_resource_that_is_gone_is_told(exported: tuple[Pilot, str, str]) -> None:
    """The rest is exported."""
    pilot, _, _ = exported
    base = pilot.status()["effective"]["names"]["stream"].removesuffix("-events")
    pilot.client("cloudwatch").delete_dashboards(DashboardNames=[base])
    done = called(pilot, "export", pilot.name, "--to", "terraform")
    assert done.returncode == 0
    assert "dashboard is not in AWS and was left out" in done.stderr
    assert "aws_cloudwatch_dashboard" not in done.stdout


def test_a_pipeline_that_was_never_applied(pilot: Pilot) -> None:
    """There is nothing to export."""
    pilot.apply({})
    done = called(pilot, "export", pilot.name, "--to", "terraform")
    assert (done.returncode, "was never applied" in done.stderr) == (1, True)


def test_every_kind_has_a_writer() -> None:
    """A kind that is added later needs one."""
    kinds = set()
    for folder in resources_path:
        for file in Path(folder).glob("*.py"):
            kinds |= set(re.findall(r'^    kind = "(\w+)"', file.read_text(), re.MULTILINE))
    assert kinds == set(WRITERS)
