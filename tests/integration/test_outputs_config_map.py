"""The outputs as a ConfigMap: opt-in, the pipeline's own, and never anybody else's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.processes.process import wait_until
from tests.conftest import is_plain
from tests.integration.pilot import Pilot, empty_aws, run

RIGHTS = Path(__file__).parents[2] / "examples" / "install" / "outputs-rbac.yaml"
#: Little to make: what a ConfigMap says is the same for all.
SPEC: dict[str, Any] = {
    "anomalyDetection": {"enabled": False},
    "alarms": {"enabled": False},
    "dashboard": {"enabled": False},
}


@pytest.fixture
def publisher(installed: Sandbox, request: pytest.FixtureRequest) -> Iterator[Pilot]:
    """An operator with the setting on, and the rights that its example gives."""
    installed.kubectl("apply", "-f", str(RIGHTS))
    with empty_aws(installed, plain=is_plain(request)):
        started = Pilot(installed, overrides={"outputs_config_map": True})
        yield started
        started.close()
    installed.kubectl("delete", "-f", str(RIGHTS))


def _config_map(pilot: Pilot) -> dict[str, Any]:
    answer = pilot.sandbox.kubectl(
        "get", "configmap", f"{pilot.name}-outputs", "-n", pilot.namespace, "-o", "json",
        "--ignore-not-found",
    )  # fmt: skip
    return dict(json.loads(answer.stdout)) if answer.stdout else {}


def _warnings(pilot: Pilot) -> list[str]:
    return [one["reason"] for one in pilot.events() if one["type"] == "Warning"]


def test_nothing_is_written_unless_asked_for(pilot: Pilot) -> None:
    """Without the setting there is no ConfigMap, no condition, no read."""
    pilot.apply(SPEC)
    run(pilot.converge())
    assert not _config_map(pilot)
    assert pilot.condition("OutputsPublished")["status"] == "absent"


def test_outputs_are_published_and_follow_the_spec(publisher: Pilot) -> None:
    """Written once, written again only when something changed, removed with the pipeline."""
    publisher.apply(SPEC, annotations={"team": "web"}, labels={"app": "shop"})
    run(publisher.converge())
    found = _config_map(publisher)
    outputs = publisher.status()["outputs"]
    assert found["data"]["kinesis_stream_name"] == outputs["kinesisStreamName"]
    assert found["data"]["dlq_url"] == outputs["dlqUrl"]
    owner = found["metadata"]["ownerReferences"][0]
    assert owner["uid"] == (publisher.body() or {})["metadata"]["uid"]
    assert "labels" not in found["metadata"]
    assert "annotations" not in found["metadata"]
    assert publisher.condition("OutputsPublished")["message"] == (
        f"in ConfigMap {publisher.name}-outputs"
    )
    publisher.forget_calls()
    run(publisher.resync())
    assert not publisher.kube_writes
    publisher.apply({**SPEC, "processor": {"memoryMiB": 512}})
    run(publisher.converge())
    changed = json.loads(_config_map(publisher)["data"]["configuration_summary"])
    assert changed["lambda_memory_size"] == 512
    # Gone by hand, or changed by hand: right again at the next resync.
    publisher.sandbox.kubectl("delete", "configmap", f"{publisher.name}-outputs")
    run(publisher.resync())
    assert _config_map(publisher)["data"]["table_prefix"] == outputs["tablePrefix"]
    publisher.request_deletion()
    run(publisher.converge(lambda: publisher.body() is None))
    assert wait_until(lambda: not _config_map(publisher), 30)


@pytest.mark.plain_aws("Events are counted, and a throttled alarm adds one")
def test_config_map_of_others_is_never_written(publisher: Pilot) -> None:
    """It is said once, with the remedy; when the name is free the outputs appear."""
    name = f"{publisher.name}-outputs"
    publisher.sandbox.kubectl("create", "configmap", name, "--from-literal=mine=1")
    before = _config_map(publisher)
    publisher.apply(SPEC)
    run(publisher.converge())
    said = publisher.condition("OutputsPublished")
    assert (said["status"], said["reason"]) == ("False", "ConfigMapNotOwned")
    assert said["message"].endswith("so it is not written; rename or delete it")
    run(publisher.resync())
    assert _config_map(publisher) == before
    assert _warnings(publisher) == ["ConfigMapNotOwned"]
    publisher.sandbox.kubectl("delete", "configmap", name)
    run(publisher.resync())
    assert publisher.condition("OutputsPublished")["status"] == "True"


def test_missing_rights_are_said_and_cost_nothing_else(publisher: Pilot) -> None:
    """The pipeline is Ready all the same, and the message names what is refused."""
    publisher.sandbox.kubectl("delete", "-f", str(RIGHTS))
    try:
        publisher.apply(SPEC)
        run(publisher.converge())
        said = publisher.condition("OutputsPublished")
        assert said["reason"] == "ConfigMapRefused"
        assert 'cannot get resource "configmaps"' in said["message"]
        publisher.forget_calls()
        run(publisher.resync())
        assert not publisher.kube_writes
    finally:
        publisher.sandbox.kubectl("apply", "-f", str(RIGHTS))


def test_terminating_namespace_does_not_wait_for_a_config_map(publisher: Pilot) -> None:
    """There nothing can be created any more; deletion goes on."""
    publisher.namespace = f"{publisher.name}-ns"
    publisher.sandbox.kubectl("create", "namespace", publisher.namespace)
    publisher.apply(SPEC)
    run(publisher.converge())
    publisher.sandbox.kubectl("delete", "namespace", publisher.namespace, "--wait=false")

    def deleting() -> bool:
        return "deletionTimestamp" in (publisher.body() or {"metadata": {}})["metadata"]

    assert wait_until(deleting, 30)
    run(publisher.converge(lambda: publisher.body() is None))

    def gone() -> bool:
        try:
            publisher.sandbox.kubectl("get", "namespace", publisher.namespace)
        except subprocess.CalledProcessError:
            return True
        return False

    assert wait_until(gone, 30)
