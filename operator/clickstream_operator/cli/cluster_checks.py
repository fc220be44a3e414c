"""Checks of the cluster: API server, operator, CRD, and rights in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL
from clickstream_operator.cli import skew
from clickstream_operator.cli.findings import Finding, Level
from clickstream_operator.cli.operator_config import environment_of
from clickstream_operator.kube.cluster_reader import ClusterReader
from clickstream_operator.kube.errors import KubernetesError
from clickstream_operator.kube.permissions import Permission, needed

_CHART: Final = "install or upgrade the chart"
_NAMED: Final = 3


def cluster_findings(reader: ClusterReader, namespace: str) -> Iterator[Finding]:
    """How the cluster is for a user who works in a namespace."""
    try:
        yield Finding(Level.OK, "cluster", f"Kubernetes {reader.version()} answers")
    except KubernetesError as error:
        remedy = "is it the right --context, and does `kubectl version` reach it?"
        yield Finding(Level.FAIL, "cluster", str(error), remedy)
        return
    yield from _told("CRD", lambda: _crd(reader))
    deployments: list[dict[str, Any]] = []
    try:
        deployments = reader.operators()
    except KubernetesError as error:
        yield Finding(Level.WARN, "operator", str(error))
    yield from _operators(deployments)
    yield from _told("your rights", lambda: _own_rights(reader, namespace))
    for one in deployments:
        yield from _told("operator's rights", partial(_operators_rights, reader, one))


def _told(subject: str, check: Callable[[], Finding]) -> Iterator[Finding]:
    """The finding of a check, or why it could not be made."""
    try:
        yield check()
    except KubernetesError as error:
        remedy = "ask for that right" if getattr(error, "forbidden", False) else ""
        yield Finding(Level.WARN, subject, f"could not be looked at: {error}", remedy)


def _crd(reader: ClusterReader) -> Finding:
    fault = skew.crd_fault(reader.crd())
    if not fault:
        return Finding(Level.OK, "CRD", "has the same fields as this tool")
    level = Level.WARN if fault.startswith("newer") else Level.FAIL
    remedy = "install this tool in the chart's version" if level is Level.WARN else _CHART
    return Finding(level, "CRD", fault, remedy)


def _operators(deployments: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    own = skew.client_version()
    found = skew.operators_of(deployments)
    if not found:
        yield Finding(
            Level.WARN,
            "operator",
            "no Deployment is seen",
            f"{_CHART}, or ask for the right to list Deployments",
        )
    for one in found:
        says = f"{one.name} {one.version}: {one.available} of {one.wanted} replicas are available"
        if one.wanted and not one.available:
            why = f"look at `kubectl describe deployment -n {one.name.replace('/', ' ')}`"
            yield Finding(Level.FAIL, "operator", says, why)
        elif one.version not in {own, ""}:
            yield Finding(Level.WARN, "operator", f"{says}; this tool is {own}", "install the same")
        else:
            yield Finding(Level.OK, "operator", says)


def _own_rights(reader: ClusterReader, namespace: str) -> Finding:
    wanted = [
        Permission(verb, GROUP, PLURAL, namespace=namespace)
        for verb in ("get", "list", "create", "patch", "delete")
    ]
    missing = [one for one in wanted if not reader.may(one)]
    if not missing:
        return Finding(Level.OK, "your rights", f"all on pipelines in namespace {namespace}")
    looks = any(one.verb in {"get", "list"} for one in missing)
    return Finding(
        Level.FAIL if looks else Level.WARN,
        "your rights",
        f"you may not {'; '.join(map(str, missing[:_NAMED]))}",
        "ask for the chart's role of editors (rbac.userRoles), or of viewers to look only",
    )


def _operators_rights(reader: ClusterReader, deployment: Mapping[str, Any]) -> Finding:
    """Rights of the operator's ServiceAccount, by its settings."""
    metadata, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    environment = environment_of([dict(deployment)])
    namespaces = environment.get("CLICKSTREAM_WATCH_NAMESPACES", "")
    home = environment.get("CLICKSTREAM_LEASE_NAMESPACE") or metadata["namespace"]
    elects = environment.get("CLICKSTREAM_LEADER_ELECTION", "true").lower() != "false"
    instance = environment.get("CLICKSTREAM_INSTANCE", "clickstream-operator")
    wanted = needed(
        namespaces=[one.strip() for one in namespaces.split(",") if one.strip()],
        names_cluster=bool(environment.get("CLICKSTREAM_CLUSTER_ID")),
        lease=(home, instance) if elects else None,
    )
    account = pod.get("serviceAccountName", "default")
    user = f"system:serviceaccount:{metadata['namespace']}:{account}"
    missing = [one for one in wanted if not reader.may(one, user=user)]
    if not missing:
        return Finding(Level.OK, "operator's rights", f"{user} may do what the operator needs")
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return Finding(
        Level.FAIL,
        "operator's rights",
        f"{user} may not {'; '.join(map(str, missing[:_NAMED]))}{more}",
        "install the chart with rbac.create=true",
    )


def role_of(reader: ClusterReader, deployments: Sequence[Mapping[str, Any]]) -> str:
    """ARN of the operator's role on AWS; empty where its ServiceAccount does not say."""
    for one in deployments[:1]:
        account = one["spec"]["template"]["spec"].get("serviceAccountName", "default")
        try:
            found = reader.service_account(one["metadata"]["namespace"], account)
        except KubernetesError:
            return ""
        annotations = ((found or {}).get("metadata") or {}).get("annotations") or {}
        return str(annotations.get("eks.amazonaws.com/role-arn", ""))
    return ""
