"""Versions of tool, operator and CRD, and their differences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.kube.crd_fields import fields_lacking

_VERSION: Final = "app.kubernetes.io/version"
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Operator:
    """One installation of the operator."""

    name: str
    """``namespace/name`` of its Deployment."""
    version: str
    """Empty where its labels do not say."""
    available: int
    wanted: int


def client_version() -> str:
    """Version of this tool."""
    return version("clickstream-operator")


def operators_of(deployments: Sequence[Mapping[str, Any]]) -> list[Operator]:
    """The installations, from their Deployments."""
    return [
        Operator(
            name=f"{one['metadata']['namespace']}/{one['metadata']['name']}",
            version=str((one["metadata"].get("labels") or {}).get(_VERSION, "")),
            available=int((one.get("status") or {}).get("availableReplicas") or 0),
            wanted=int(one["spec"].get("replicas", 1)),
        )
        for one in deployments
    ]


def crd_fault(crd: Mapping[str, Any] | None) -> str:
    """How the installed CRD differs from this tool's; empty when it has the same fields."""
    if crd is None:
        return "not installed"
    own, served = _schema(custom_resource_definition()), _schema(crd)
    lacking = list(fields_lacking(own, served))
    if lacking:
        return f"older than this tool: it lacks {_names(lacking)}"
    more = list(fields_lacking(served, own))
    return f"newer than this tool: it also has {_names(more)}" if more else ""


def _schema(crd: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the version that is stored."""
    versions = crd["spec"]["versions"]
    one = next((each for each in versions if each.get("storage")), versions[0])
    found: Mapping[str, Any] = one["schema"]["openAPIV3Schema"]
    return found


def _names(fields: Sequence[str]) -> str:
    more = len(fields) - _NAMED
    return ", ".join(fields[:_NAMED]) + (f" and {more} more" if more > 0 else "")
