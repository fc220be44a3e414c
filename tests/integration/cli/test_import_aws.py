"""`import aws`: the parts are found from the stream alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clickstream_operator.cli.manifest import faults_of
from sandbox import Sandbox
from tests.integration import terraform_made
from tests.integration.cli.runs import answered, called
from tests.integration.pilot import CLUSTER, Pilot, empty_aws, run
from tests.unit.cli.test_import_terraform import AT, NAMES

STREAM = NAMES["stream"]


@pytest.fixture
def recipe(installed: Sandbox) -> Iterator[Pilot]:
    """What Terraform made, and no pipeline."""
    with empty_aws(installed):
        started = Pilot(installed)
        terraform_made.build(started.client)
        yield started
        started.close()


def _imported(pilot: Pilot, stream: str) -> tuple[Any, str]:
    """The manifest, and what was said about it."""
    done = called(
        pilot, "import", "aws", "--stream", stream, "--region", "us-east-1", "--starting-at", AT
    )
    assert done.returncode == 0, done.stderr
    body = yaml.safe_load(done.stdout)
    assert faults_of(body) == []
    return body, done.stderr


def test_the_recipe_is_found_from_its_stream(recipe: Pilot) -> None:
    """As from its state: mappings lead to functions, functions to tables and bucket."""
    body, said = _imported(recipe, STREAM)
    from_state = yaml.safe_load(
        called(recipe, "import", "terraform", str(terraform_made.STATE), "--starting-at", AT).stdout
    )
    spec, expected = body["spec"], from_state["spec"]
    assert spec["names"] == expected["names"] == NAMES
    assert spec["processor"] == expected["processor"]
    assert spec["alerts"] == expected["alerts"]
    assert spec["tags"] == expected["tags"]
    assert body["metadata"] == from_state["metadata"]
    mappings = recipe.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) == 2
    for one in mappings:
        assert f"--uuid {one['UUID']} --no-enabled" in said
    assert "terraform" not in said.lower()
    assert recipe.writes() == {}


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        ("clickstream-analytics-events", f"did you mean {STREAM}?"),
        ("xyz", "choose the region with --region"),
    ],
)
def test_a_stream_that_is_not_there(recipe: Pilot, stream: str, said: str) -> None:
    """The nearest one is suggested."""
    done = called(recipe, "import", "aws", "--stream", stream, "--region", "us-east-1")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no stream {stream} in us-east-1; {said}" in done.stderr


def test_what_is_missing_is_told(recipe: Pilot) -> None:
    """A table that the functions name and nobody has, and functions of somebody else."""
    recipe.client("dynamodb").delete_table(TableName=NAMES["countersTable"])
    done = called(recipe, "import", "aws", "--stream", STREAM, "--region", "us-east-1")
    assert f"no table {NAMES['countersTable']}, which the functions name" in done.stderr
    functions = recipe.client("lambda")
    for one in functions.list_functions()["Functions"]:
        functions.update_function_configuration(
            FunctionName=one["FunctionName"], Environment={"Variables": {"A": "b"}}
        )
    done = called(recipe, "import", "aws", "--stream", STREAM, "--region", "us-east-1")
    assert f"no function of the recipe reads {STREAM}; functions that read it: clickstream-" in (
        done.stderr
    )


def test_a_pipeline_that_lost_its_object_gets_it_back(pilot: Pilot) -> None:
    """With the settings of its functions: a plan of the manifest changes nothing."""
    spec: dict[str, Any] = {
        "stream": {"shards": 3},
        "processor": {"memoryMiB": 512, "batchSize": 500, "logLevel": "DEBUG"},
        "privacy": {"userId": "Drop"},
        "events": {"fields": {"type": "name"}},
        "metrics": [{"name": "Orders", "match": {"name": "order"}}],
        "archive": {"expirationDays": 730},
        "anomalyDetection": {"sensitivity": "High"},
        "tags": {"Team": "web"},
    }
    pilot.apply(spec)
    run(pilot.converge())
    stream = pilot.status()["effective"]["names"]["stream"]
    body, said = _imported(pilot, stream)
    assert body["metadata"] == {"name": pilot.name, "namespace": pilot.namespace}
    for part, members in spec.items():
        found = body["spec"][part]
        if isinstance(members, dict):
            assert {key: found.get(key) for key in members} == members, part
    assert [one["name"] for one in body["spec"]["metrics"]] == ["Orders"]
    assert body["spec"]["names"]["stream"] == stream
    assert f"made by the operator of cluster {CLUSTER}" in said
    pilot.request_deletion()
    pilot.sandbox.kubectl(
        "patch", "csp", pilot.name, "--type=merge", '-p={"metadata":{"finalizers":[]}}'
    )
    pilot.apply(body["spec"])
    pilot.restart()
    pilot.forget_calls()
    run(pilot.converge())
    assert {name for name in pilot.writes() if ":create" in name} == set()
    assert answered(pilot, "plan", pilot.name)["changes"] == []
