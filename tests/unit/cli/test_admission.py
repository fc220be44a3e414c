"""What a plan says of the operator's settings and of names that others have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clickstream_operator.api import v1alpha1
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.cli.admission import obstacles
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.operator_config import read_tenants
from clickstream_operator.kube.errors import KubernetesRefusal
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.tenants import TenantsSource
from clickstream_operator.tenants import parse as parse_tenants

IDENTITY = CallerIdentity(account="123456789012", partition="aws")
STREAM = "taken-events"
MOUNT = "/etc/clickstream/tenants"


def body(name: str, spec: dict[str, Any], *, namespace: str = "team-a", at: int = 2) -> Any:
    """A pipeline as the API server has it, made on a day of January."""
    return {
        "apiVersion": v1alpha1.API_VERSION,
        "kind": v1alpha1.KIND,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": f"2026-01-{at:02}T00:00:00Z",
        },
        "spec": {"region": "us-east-1", **spec},
    }


def pipeline(spec: dict[str, Any]) -> PipelineObject:
    """The pipeline that is planned."""
    return parse(ObjectKey("team-a", "shop"), body("shop", spec))


def config(tenants: str) -> OperatorConfig:
    """An operator with these tenants; empty: the default."""
    source = TenantsSource.fixed(parse_tenants(tenants)) if tenants else TenantsSource()
    return OperatorConfig(
        cluster="c", instance="", default_region="us-east-1", account_regional_buckets=False,
        packages={}, tenants=source,
    )  # fmt: skip


def found(spec: dict[str, Any], tenants: str = "", *others: Any) -> list[str]:
    """Reasons and messages of the obstacles."""
    told = obstacles(pipeline(spec), config(tenants), list(others), IDENTITY)
    assert {one.resource for one in told} <= {"pipeline"}
    return [f"{one.reason}: {one.message}" for one in told]


ENTRY = "tenants:\n- namespaces: [team-a]\n"


@pytest.mark.parametrize(
    ("spec", "tenants", "said"),
    [
        ({}, "", ""),
        ({}, ENTRY, ""),
        ({}, "tenants:\n- namespaces: [team-b]\n", "namespace team-a is in no entry"),
        ({"tables": {"kmsKeyId": "alias/own"}}, ENTRY, "tenants[].kmsKeys"),
        ({"tables": {"kmsKeyId": "alias/own"}}, f"{ENTRY}  kmsKeys: [alias/own]\n", ""),
        ({"stream": {"shards": 8}}, f"{ENTRY}  limits: {{shards: 4}}\n", "above the 4"),
        ({}, f"{ENTRY}  limits: {{pipelines: 0}}\n", "has 0 older pipelines"),
        ({}, f"{ENTRY}  ownCredential: false\n", "RoleNotAllowed: pipelines of namespace team-a"),
    ],
)
def test_the_settings_hold_in_a_plan(spec: dict[str, Any], tenants: str, said: str) -> None:
    """In the words of the operator."""
    assert [said in one for one in found(spec, tenants)] == ([True] if said else [])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (body("older", {"names": {"stream": STREAM}}, at=1), "is of pipeline team-a/older"),
        (body("younger", {"names": {"stream": STREAM}}, at=3), ""),
        (
            body("older", {"names": {"stream": STREAM}}, namespace="team-b", at=1),
            "is of a pipeline of another namespace",
        ),
        (
            body("far", {"region": "eu-west-1", "names": {"stream": STREAM}}, at=1),
            "",
        ),
    ],
)
def test_a_name_that_another_pipeline_has(other: Any, said: str) -> None:
    """The older one keeps it."""
    told = found({"names": {"stream": STREAM}}, "", other)
    assert [said in one for one in told] == ([True] if said else [])


class _Reader:
    """A cluster with one operator, whose tenants are in a ConfigMap."""

    def __init__(self, data: dict[str, str] | None, *, file: str = f"{MOUNT}/tenants.yaml") -> None:
        self.data = data
        self.file = file
        self.forbidden = False

    def operators(self) -> list[dict[str, Any]]:
        mounts = [{"name": "t", "mountPath": MOUNT}, {"name": "work", "mountPath": "/work"}]
        env = [{"name": "CLICKSTREAM_TENANTS", "value": self.file}] if self.file else []
        volumes = [{"name": "t", "configMap": {"name": "op-tenants"}}, {"name": "work"}]
        pod = {"containers": [{"env": env, "volumeMounts": mounts}], "volumes": volumes}
        return [{"metadata": {"namespace": "system"}, "spec": {"template": {"spec": pod}}}]

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        assert (namespace, name) == ("system", "op-tenants")
        if self.forbidden:
            refusal = KubernetesRefusal("no")
            refusal.forbidden = True
            raise refusal
        return self.data


def test_the_tenants_are_those_of_the_deployment() -> None:
    """The ConfigMap of the volume in which the operator's file is."""
    source, note = read_tenants(_Reader({"tenants.yaml": ENTRY}))  # type: ignore[arg-type]
    assert note == ""
    assert source.grants("team-b").not_a_tenant() != ""
    assert source.grants("team-a").not_a_tenant() == ""


def test_the_users_own_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For who may not read the ConfigMap."""
    file = tmp_path / "tenants.yaml"
    file.write_text("tenants:\n- namespaces: [team-b]\n")
    monkeypatch.setenv("CLICKSTREAM_TENANTS", str(file))
    source, _ = read_tenants(_Reader({"tenants.yaml": ENTRY}))  # type: ignore[arg-type]
    assert source.grants("team-a").not_a_tenant() != ""


@pytest.mark.parametrize("case", ["forbidden", "gone", "elsewhere"])
def test_tenants_that_cannot_be_read_are_told(case: str) -> None:
    """The plan says what it did not look at."""
    reader = _Reader({} if case == "gone" else {"tenants.yaml": ENTRY})
    reader.forbidden = case == "forbidden"
    if case == "elsewhere":
        reader.file = "/somewhere/else.yaml"
    _, note = read_tenants(reader)  # type: ignore[arg-type]
    assert "was not looked at" in note


def test_an_operator_without_tenants_has_the_defaults() -> None:
    """Nothing is to be told."""
    assert read_tenants(_Reader(None, file=""))[1] == ""  # type: ignore[arg-type]


def test_broken_tenants_are_told_with_their_place() -> None:
    """As the operator refuses them."""
    with pytest.raises(CliError, match="ConfigMap system/op-tenants: "):
        read_tenants(_Reader({"tenants.yaml": "tenants: 1"}))  # type: ignore[arg-type]
