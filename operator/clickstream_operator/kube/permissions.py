"""Permissions that the operator needs in the cluster. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one resource; an empty namespace means all, an empty name any."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    def attributes(self) -> dict[str, str]:
        """The same as an access review asks for it."""
        return {
            "verb": self.verb,
            "group": self.group,
            "resource": self.resource,
            "subresource": self.subresource,
            "namespace": self.namespace,
            "name": self.name,
        }

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        what += f"/{self.subresource}" if self.subresource else ""
        what += f" {self.name}" if self.name else ""
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        return f"{self.verb} {what}" + ("" if self.resource == "namespaces" else f" {where}")


def needed(
    *,
    namespaces: Sequence[str],
    names_cluster: bool,
    lease: tuple[str, str] | None,
) -> list[Permission]:
    """Permissions without which an operator with these settings can't work.

    Those for ConfigMaps are not among them: each pipeline reports them in `OutputsPublished`.

    Args:
        namespaces: the watched ones; none means all.
        names_cluster: a setting has the cluster's id, so that no namespace must be read.
        lease: namespace and name of the own Lease; None without leader election.
    """
    permissions = []
    for namespace in namespaces or ("",):
        permissions += [
            Permission(verb, GROUP, PLURAL, namespace=namespace)
            for verb in ("get", "list", "watch", "patch")
        ]
        permissions.append(Permission("patch", GROUP, PLURAL, "status", namespace))
        permissions.append(Permission("create", "events.k8s.io", "events", namespace=namespace))
        permissions.append(Permission("get", "", "namespaces", namespace=namespace, name=namespace))
    if not names_cluster:
        permissions.append(
            Permission("get", "", "namespaces", namespace="kube-system", name="kube-system")
        )
    if lease is not None:
        home, name = lease
        group, plural = "coordination.k8s.io", "leases"
        permissions.append(Permission("create", group, plural, namespace=home))
        permissions += [
            Permission(verb, group, plural, "", home, name) for verb in ("get", "update")
        ]
    return permissions


def problem(missing: Sequence[Permission]) -> str:
    """Message about missing permissions, in a fixed order; empty if none is missing."""
    if not missing:
        return ""
    named = "; ".join(str(one) for one in missing[:_NAMED])
    more = len(missing) - _NAMED
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"RBAC does not allow the operator to: {named}{rest}. The rules that it needs are made by "
        "the chart with rbac.create=true; it goes on by itself once they are granted"
    )
