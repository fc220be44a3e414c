"""Tags that record the owner of a resource in AWS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

PREFIX: Final = "clickstream.dev/"
CLUSTER: Final = PREFIX + "cluster"
NAMESPACE: Final = PREFIX + "namespace"
PIPELINE: Final = PREFIX + "pipeline"
UID: Final = PREFIX + "uid"
COMPONENT: Final = PREFIX + "component"
#: Set on adopted resources with the first write, because the status may be lost.
ORIGIN: Final = PREFIX + "origin"
ADOPTED: Final = "Adopted"
ENVIRONMENT: Final = "Environment"
MANAGED_BY: Final = "ManagedBy"
DEFAULTS: Final = frozenset({ENVIRONMENT, MANAGED_BY})
"""Tags that the operator sets where `spec.tags` has none of that name, in any case."""
_OWNERS: Final = (CLUSTER, NAMESPACE, PIPELINE)


def pipeline_tags(
    *,
    cluster: str,
    namespace: str,
    pipeline: str,
    uid: str,
    environment: str,
    user_tags: Mapping[str, str],
) -> dict[str, str]:
    """Tags of every taggable resource of a pipeline; each adds its component.

    The tags that say nothing about the owner are the user's to set, in the case that a tag policy
    asks for.
    """
    chosen = {key.lower() for key in user_tags}
    defaults = {ENVIRONMENT: environment, MANAGED_BY: "clickstream-operator"}
    return {
        **user_tags,
        CLUSTER: cluster,
        NAMESPACE: namespace,
        PIPELINE: pipeline,
        UID: uid,
        **{key: value for key, value in defaults.items() if key.lower() not in chosen},
    }


def same_owner(expected: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether cluster, namespace and pipeline agree. The uid may differ, after a restore."""
    return all(found.get(key) == expected.get(key) for key in _OWNERS)


def has_owner(found: Mapping[str, str]) -> bool:
    """Whether the resource has an owner tag of any pipeline."""
    return any(key in found for key in _OWNERS)


def names_another(expected: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether an owner tag that is there names somebody else."""
    return any(key in found and found[key] != expected.get(key) for key in _OWNERS)


def is_adopted(found: Mapping[str, str]) -> bool:
    """Whether the pipeline in the tags adopted the resource."""
    return found.get(ORIGIN) == ADOPTED


def owner_in_words(found: Mapping[str, str]) -> str:
    """The pipeline in the tags, for messages; empty if a part of its name is missing."""
    if not all(found.get(key) for key in _OWNERS):
        return ""
    return f"pipeline {found[NAMESPACE]}/{found[PIPELINE]} of cluster {found[CLUSTER]}"


def as_list(
    tags: Mapping[str, str], *, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]]:
    """Tags in the list form of AWS; SSM, S3, IAM, SNS and CloudWatch use Key and Value."""
    return [{key: name, value: tags[name]} for name in sorted(tags)]


def from_list(
    tags: Iterable[Mapping[str, Any]], *, key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """Tags from the list form of AWS."""
    return {str(tag[key]): str(tag[value]) for tag in tags}
