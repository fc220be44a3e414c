"""Obstacles to an uninstall of the chart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.cli.findings import Finding, Level
from clickstream_operator.cli.skew import Operator
from clickstream_operator.kube.objects import PipelineObject

_NAMED: Final = 5
_KEEP: Final = "helm.sh/resource-policy"
_RELEASE: Final = "meta.helm.sh/release-name"


def findings(
    pipelines: Sequence[PipelineObject],
    operators: Sequence[Operator],
    crd: Mapping[str, Any] | None,
) -> list[Finding]:
    """Obstacles and facts, each as a finding."""
    found = [*_of_pipelines(pipelines, operators), *_of_operators(operators), _of_crd(crd)]
    return [one for one in found if one is not None]


def _of_pipelines(
    pipelines: Sequence[PipelineObject], operators: Sequence[Operator]
) -> Iterable[Finding]:
    if not pipelines:
        yield Finding(Level.OK, "pipelines", "there is none")
        return
    guarded = [one for one in pipelines if one.guarded]
    if guarded:
        yield Finding(
            Level.FAIL,
            "pipelines",
            f"the finalizer {FINALIZER} holds {_names(guarded)}: without the operator a deletion "
            "has no end, and neither has that of the namespace",
            "`delete` them first, or keep the CRD and install the operator again later",
        )
    deleting = [one for one in pipelines if one.deleting]
    if deleting:
        runs = any(one.available for one in operators)
        yield Finding(
            Level.WARN,
            "deletions",
            f"a deletion has begun: {_names(deleting)}",
            "wait for their end" if runs else "no operator runs to end it: start one",
        )
    untouched = [one for one in pipelines if not one.guarded]
    if untouched:
        yield Finding(
            Level.WARN, "pipelines", f"nothing in AWS is on record of {_names(untouched)}"
        )


def _of_operators(operators: Sequence[Operator]) -> Iterable[Finding]:
    if not operators:
        yield Finding(
            Level.WARN, "operator", "no Deployment is seen", "is it installed, and may you list it?"
        )
    for one in operators:
        state = f"{one.name} has {one.available} of {one.wanted} replicas"
        yield Finding(Level.OK if one.available else Level.WARN, "operator", state)


def _of_crd(crd: Mapping[str, Any] | None) -> Finding:
    if crd is None:
        return Finding(Level.WARN, "CRD", "it is not installed, or you may not read it")
    annotations = crd["metadata"].get("annotations") or {}
    if _RELEASE not in annotations:
        return Finding(Level.OK, "CRD", "no release of Helm has it, so none takes it along")
    if annotations.get(_KEEP) == "keep":
        return Finding(Level.OK, "CRD", "an uninstall keeps it, with every pipeline")
    return Finding(
        Level.FAIL,
        "CRD",
        f"it lacks the annotation {_KEEP}: keep, so an uninstall by Helm deletes it, and every "
        "pipeline with it",
        "install the chart with crds.keep=true first",
    )


def _names(pipelines: Sequence[PipelineObject]) -> str:
    named = ", ".join(f"{one.key.namespace}/{one.key.name}" for one in pipelines[:_NAMED])
    more = len(pipelines) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
