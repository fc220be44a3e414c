"""`uninstall-check`: what stands in the way, from objects as the API server has them."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.cli.findings import Level
from clickstream_operator.cli.leaving import findings
from clickstream_operator.cli.skew import Operator, crd_fault, operators_of
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse

RELEASED = {"meta.helm.sh/release-name": "operator"}
KEPT: dict[str, Any] = {
    "metadata": {"annotations": {**RELEASED, "helm.sh/resource-policy": "keep"}}
}
RUNNING = Operator("ops/operator", "1.0", 1, 1)


def pipeline(**metadata: Any) -> PipelineObject:
    """A pipeline with such metadata."""
    whole = {"name": "shop", "namespace": "a", "uid": "u", "generation": 1, **metadata}
    whole["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return parse(ObjectKey("a", "shop"), {"metadata": whole, "spec": {}})


def test_an_empty_cluster_can_be_left() -> None:
    """Nothing fails."""
    found = findings([], [RUNNING], KEPT)
    assert {one.level for one in found} == {Level.OK}


@pytest.mark.parametrize(
    ("metadata", "operators", "said"),
    [
        ({"finalizers": [FINALIZER]}, [RUNNING], "holds a/shop"),
        (
            {"finalizers": [FINALIZER], "deletionTimestamp": "2026-01-02T00:00:00Z"},
            [],
            "no operator runs to end it",
        ),
        ({}, [RUNNING], "nothing in AWS is on record"),
    ],
)
def test_pipelines_in_the_way_are_named(
    metadata: dict[str, Any], operators: list[Operator], said: str
) -> None:
    """Each with what to do."""
    found = findings([pipeline(**metadata)], operators, KEPT)
    told = [f"{one.says}; {one.remedy}" for one in found if "a/shop" in one.says]
    assert any(said in one for one in told)
    failed = any(one.level is Level.FAIL for one in found)
    assert failed == ("finalizers" in metadata)


def test_a_crd_that_helm_would_delete_fails() -> None:
    """It would take every pipeline along."""
    found = findings([], [RUNNING], {"metadata": {"annotations": RELEASED}})
    assert [one.subject for one in found if one.level is Level.FAIL] == ["CRD"]


def test_a_crd_that_is_not_helms_stays() -> None:
    """Whoever applied it by kubectl has it after the uninstall, too."""
    assert {one.level for one in findings([], [RUNNING], {"metadata": {}})} == {Level.OK}


def test_versions_of_crds_are_told_by_their_fields() -> None:
    """Same, older, newer, not there."""
    own = custom_resource_definition()
    assert crd_fault(own) == ""
    assert crd_fault(None) == "not installed"
    older = custom_resource_definition()
    del older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"][
        "properties"
    ]["alerts"]
    assert crd_fault(older) == "older than this tool: it lacks spec.alerts"
    newer = custom_resource_definition()
    fields = newer["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    fields["spec"]["properties"]["brandNew"] = {"type": "string"}
    assert crd_fault(newer) == "newer than this tool: it also has spec.brandNew"


def test_an_operator_is_read_from_its_deployment() -> None:
    """A Deployment that nobody has reconciled yet has no replica that is available."""
    body = {
        "metadata": {
            "name": "op", "namespace": "ops", "labels": {"app.kubernetes.io/version": "1.2"},
        },
        "spec": {"replicas": 2},
    }  # fmt: skip
    assert operators_of([body]) == [Operator("ops/op", "1.2", 0, 2)]
