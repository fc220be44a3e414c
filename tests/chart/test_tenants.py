"""Tenants in the chart: the ConfigMap that the operator watches, and admission that agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.tenants import Grants, Tenants, parse
from sandbox import Sandbox
from sandbox.processes.process import wait_until
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, one, options
from tests.chart.conftest import clean

RELEASE: Final = "clickstream-operator"
SECONDS: Final = 60.0
ACCOUNT: Final = "123456789012"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/team"
ON: Final = {"enabled": True}
TOPIC: Final = f"arn:aws:sns:us-east-1:{ACCOUNT}"
TENANTS: Final[list[dict[str, Any]]] = [
    {
        "namespaces": ["default"],
        "functionRoles": [ROLE],
        "operatorRoles": [ROLE],
        "topics": [f"{TOPIC}:team-*"],
        "alarmActions": [f"{TOPIC}:page.rs"],
        "kmsKeys": ["alias/team-*"],
        "emailDomains": ["corp.example"],
        "regions": ["eu-*"],
        "limits": {
            "shards": 4,
            "onDemandStreams": False,
            "tableUnits": 10,
            "memoryMiB": 256,
            "reservedConcurrency": 5,
        },
    },
    {"namespaces": ["team-*"], "ownCredential": False},
]
PROVISIONED: Final = {"billingMode": "Provisioned"}
#: Namespace, spec, and whether the tenants refuse it.
CASES: Final[list[tuple[str, dict[str, Any], bool]]] = [
    ("default", {}, False),
    ("default", {"region": "eu-west-1", "stream": {"shards": 4}}, False),
    ("default", {"region": "us-east-1"}, True),
    ("default", {"stream": {"shards": 5}}, True),
    ("default", {"stream": {"autoscaling": {"minShards": 1, "maxShards": 5}}}, True),
    ("default", {"stream": {"mode": "OnDemand"}}, True),
    ("default", {"stream": {"kmsKeyId": "alias/team-key"}}, False),
    ("default", {"archive": {"kmsKeyId": "alias/other"}}, True),
    ("default", {"logs": {"kmsKeyId": "alias/aws/logs"}}, False),
    ("default", {"alerts": {"topicArn": f"{TOPIC}:team-a"}}, False),
    ("default", {"alerts": {"topicArn": f"{TOPIC}:steam-a"}}, True),
    ("default", {"alerts": {"topicArn": f"{TOPIC}:team-abcdefgh-alerts"}}, True),
    (
        "default",
        {"alerts": ON | {"emails": ["a@corp.example", "b@CORP.example"]}},
        False,
    ),
    (
        "default",
        {"alerts": {"enabled": True, "emails": ["a@corp.example", "b@evil.example"]}},
        True,
    ),
    ("default", {"alerts": {"enabled": True, "emails": ["a@sub.corp.example"]}}, True),
    ("default", {"alarms": {"actionArns": [f"{TOPIC}:page.rs"]}}, False),
    ("default", {"alarms": {"actionArns": [f"{TOPIC}:pagers"]}}, True),
    ("default", {"credentials": {"roleArn": ROLE}}, False),
    ("default", {"credentials": {"roleArn": f"{ROLE}-2"}}, True),
    ("default", {"processor": {"roleArn": ROLE, "memoryMiB": 256}}, False),
    ("default", {"anomalyDetection": {"schedulerRoleArn": f"{ROLE}s"}}, True),
    ("default", {"processor": {"memoryMiB": 512}}, True),
    ("default", {"anomalyDetection": {"reservedConcurrency": 6}}, True),
    (
        "default",
        {"tables": {**PROVISIONED, "provisioned": {"readUnits": 10, "writeUnits": 11}}},
        True,
    ),
    ("team-a", {}, True),
    ("other", {}, True),
]


def values_file(folder: Path) -> list[str]:
    """Options for the tenants, and a release that runs no Pod."""
    path = folder / "tenants-values.yaml"
    path.write_text(yaml.safe_dump({"tenants": TENANTS}))
    return [
        "--values",
        str(path),
        *options(REGION, "replicaCount=0", "admissionPolicy.enabled=true"),
    ]


def refused_by_the_operator(namespace: str, spec: dict[str, Any]) -> str:
    """Why the operator's own checks refuse it."""
    grants = Grants.of(Tenants.model_validate({"tenants": TENANTS}), namespace)
    parsed = Spec.model_validate(spec)
    own = "" if parsed.credentials else grants.refused_own_credential()
    return (
        grants.not_a_tenant()
        or own
        or grants.refused_operator_role(parsed)
        or grants.refused_function_role(parsed)
        or grants.refused_topic(parsed)
        or grants.refused_alarm_action(parsed)
        or grants.refused_key(parsed)
        or grants.refused_mail_domain(parsed)
        or (grants.refused_region(parsed.region) if parsed.region else "")
        or grants.above_a_ceiling(parsed)
    )


def apply(cluster: Sandbox, namespace: str, spec: dict[str, Any]) -> str:
    """Ask the API server, without storing anything; what was said against it."""
    manifest = {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": "try", "namespace": namespace},
        "spec": spec,
    }
    done = cluster.kubectl(
        "apply", "--dry-run=server", "-f", "-", input=json.dumps(manifest), check=False
    )
    return done.stderr


@pytest.fixture
def guarded(cluster: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    """A cluster with the chart's policies, and namespaces of three kinds."""
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", "default"]
    try:
        for namespace in ("team-a", "other"):
            cluster.kubectl("create", "namespace", namespace)
        runner.run("install", RELEASE, str(CHART), *where, *values_file(tmp_path))
        assert wait_until(lambda: "tenants" in apply(cluster, "other", {}), SECONDS)
        yield cluster
    finally:
        runner.run("uninstall", RELEASE, *where, check=False)
        clean(cluster)
        for namespace in ("team-a", "other"):
            cluster.kubectl("delete", "namespace", namespace, "--timeout=60s", check=False)


def test_admission_refuses_what_the_operator_would(guarded: Sandbox) -> None:
    """The same answer for each case from the API server and from the operator's checks."""
    for namespace, spec, refused in CASES:
        said = apply(guarded, namespace, spec)
        assert bool(refused_by_the_operator(namespace, spec)) is refused, (namespace, spec)
        assert ("administrator sets it" in said) is refused, (namespace, spec, said)
        assert bool(said) is refused, (namespace, spec, said)


def test_the_operator_reads_what_the_values_say(offline: Helm, tmp_path: Path) -> None:
    """The ConfigMap parses to the values, and is mounted as a folder where the setting points."""
    objects = offline.render(CHART, *values_file(tmp_path))
    (text,) = one(objects, "ConfigMap")["data"].values()
    assert parse(text) == Tenants.model_validate({"tenants": TENANTS})
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "tenants")
    assert "subPath" not in mount
    (path,) = (each["value"] for each in container["env"] if each["name"] == "CLICKSTREAM_TENANTS")
    assert path == f"{mount['mountPath']}/tenants.yaml"
