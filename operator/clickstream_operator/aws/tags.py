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


def missing(expected: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The expected tags that are absent or different; foreign tags are nobody's business."""
    return {key: value for key, value in expected.items() if found.get(key) != value}


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
