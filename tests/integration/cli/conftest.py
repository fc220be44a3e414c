"""One pipeline in the hands of an operator's process, with functions that count what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from sandbox import Sandbox
from sandbox.operator_process import OperatorProcess
from tests.integration.pilot import CLUSTER, empty_aws

#: Counts at once, so that no test waits for a window.
SPEC: dict[str, Any] = {"processor": {"batchingWindowSeconds": 0}}


@dataclass(frozen=True)
class Live:
    """A ready pipeline that a running operator keeps."""

    sandbox: Sandbox
    tenants: Path
    """The file with the operator's tenants."""
    name: str = "shop"
    namespace: str = "default"

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a pipeline, and wait until it is ready."""
        manifest = {
            "apiVersion": "clickstream.dev/v1alpha1",
            "kind": "ClickstreamPipeline",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        self.sandbox.kubectl("apply", "-f", "-", input=json.dumps(manifest))
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until a pipeline is ready for its present spec."""
        generation = self.body(name)["metadata"]["generation"]
        seen = f"--for=jsonpath={{.status.observedGeneration}}={generation}"
        for condition in (seen, "--for=condition=Ready"):
            self.sandbox.kubectl("wait", f"csp/{name}", "--timeout=120s", condition)

    def body(self, name: str = "") -> dict[str, Any]:
        """A pipeline as it stands."""
        answer = self.sandbox.kubectl("get", "csp", name or self.name, "-o", "json")
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def names(self, name: str = "") -> dict[str, str]:
        """Physical names of a pipeline's resources."""
        found: dict[str, str] = self.body(name)["status"]["effective"]["names"]
        return found

    def client(self, service: str) -> Any:
        """A boto3 client of the pipeline's account."""
        return boto3.client(
            service,
            endpoint_url=self.sandbox.emulator_endpoint,
            region_name="us-east-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="sandbox",
        )


@pytest.fixture(scope="module")
def live(installed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The pipeline `shop`, on an emulator whose functions run by the clock of this machine."""
    tenants: Path = tmp_path_factory.mktemp("tenants") / "tenants.yaml"
    grants = {"namespaces": ["*"], "adopt": ["*-*"]}
    tenants.write_text(yaml.safe_dump({"tenants": [grants]}))
    settings = {"CLICKSTREAM_CLUSTER_ID": CLUSTER, "CLICKSTREAM_TENANTS": str(tenants)}
    with empty_aws(installed, plain=True):
        operator = OperatorProcess(installed, settings)
        try:
            operator.start()
            started = Live(installed, tenants)
            started.apply(started.name, SPEC)
            yield started
        finally:
            operator.stop()
