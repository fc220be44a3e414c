"""Tags: who owns a resource, written in the resource itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

PREFIX: Final = "clickstream.dev/"
CLUSTER: Final = PREFIX + "cluster"
NAMESPACE: Final = PREFIX + "namespace"
PIPELINE: Final = PREFIX + "pipeline"
UID: Final = PREFIX + "uid"
COMPONENT: Final = PREFIX + "component"
#: On what was taken over, from its first write on: the status may be lost, the mark is not.
ORIGIN: Final = PREFIX + "origin"
ADOPTED: Final = "Adopted"
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
    """The tags that every taggable resource of a pipeline carries; the component comes on top."""
    return {
        **user_tags,
        CLUSTER: cluster,
        NAMESPACE: namespace,
        PIPELINE: pipeline,
        UID: uid,
        "Environment": environment,
        "ManagedBy": "clickstream-operator",
    }


def same_owner(expected: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether cluster, namespace and pipeline agree; the uid differs after a restore."""
    return all(found.get(key) == expected.get(key) for key in _OWNERS)


def has_owner(found: Mapping[str, str]) -> bool:
    """Whether some pipeline's owner tags are on the resource."""
    return any(key in found for key in _OWNERS)


def is_adopted(found: Mapping[str, str]) -> bool:
    """Whether the resource was taken over, by the pipeline that its tags name."""
    return found.get(ORIGIN) == ADOPTED


def owner_in_words(found: Mapping[str, str]) -> str:
    """The pipeline that the tags name; empty when they name none completely."""
    if not all(found.get(key) for key in _OWNERS):
        return ""
    return f"pipeline {found[NAMESPACE]}/{found[PIPELINE]} of cluster {found[CLUSTER]}"


def as_list(
    tags: Mapping[str, str], *, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]]:
    """Tags as AWS's list form; SSM, S3, IAM, SNS and CloudWatch use Key/Value."""
    return [{key: name, value: tags[name]} for name in sorted(tags)]


def from_list(
    tags: Iterable[Mapping[str, Any]], *, key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """The mapping behind AWS's list form."""
    return {str(tag[key]): str(tag[value]) for tag in tags}
