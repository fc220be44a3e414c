"""Reasons for which the operator would not begin a pipeline: settings, ceilings, taken names.

The same checks as in a reconcile, on what the user may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.cli.planning import Obstacle
from clickstream_operator.kube.cluster_reader import ClusterReader
from clickstream_operator.kube.errors import KubernetesRefusal
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.reconcile import name_conflicts
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.preflight import (
    APPLY_CHECKS,
    chosen_names_are_free,
    first_blocker,
)
from clickstream_operator.status.result import Blocker

WHOLE: Final = "pipeline"
"""Name of what an obstacle to the whole pipeline is about."""


def others(
    reader: ClusterReader, obj: PipelineObject, config: OperatorConfig
) -> tuple[list[dict[str, Any]], str]:
    """Pipelines that may have the names, or count for a ceiling; and why they could not be read.

    Raises:
        KubernetesError: the API server did not answer.
    """
    everywhere = name_conflicts.may_conflict(obj)
    if not everywhere and not config.grants(obj.key.namespace).counts_pipelines:
        return [], ""
    try:
        return reader.pipelines("" if everywhere else obj.key.namespace), ""
    except KubernetesRefusal as refusal:
        if not refusal.forbidden:
            raise
        return [], (
            "You may not list the pipelines of the cluster: whether another one has a name of "
            "spec.names was not looked at."
        )


def obstacles(
    obj: PipelineObject,
    config: OperatorConfig,
    bodies: Sequence[dict[str, Any]],
    identity: CallerIdentity,
) -> list[Obstacle]:
    """Obstacles to the whole pipeline. Pure."""
    found = [
        first_blocker(APPLY_CHECKS, obj, config),
        _one_too_many(obj, config, bodies),
        _name_conflict(obj, config, bodies, identity),
    ]
    return [Obstacle(WHOLE, one.reason, one.message) for one in found if one is not None]


def _one_too_many(
    obj: PipelineObject, config: OperatorConfig, bodies: Sequence[dict[str, Any]]
) -> Blocker | None:
    """The ceiling on pipelines of the namespace, for one that has not begun."""
    if obj.status.effective is not None:
        return None
    mine = (obj.metadata["creationTimestamp"], obj.key.name)
    beside = [
        one["metadata"] for one in bodies if one["metadata"]["namespace"] == obj.key.namespace
    ]
    older = sum((one["creationTimestamp"], one["name"]) < mine for one in beside)
    refused = config.grants(obj.key.namespace).too_many(older)
    return Blocker(Reason.NOT_ALLOWED, refused) if refused else None


def _name_conflict(
    obj: PipelineObject,
    config: OperatorConfig,
    bodies: Sequence[dict[str, Any]],
    identity: CallerIdentity,
) -> Blocker | None:
    """Another pipeline that has a name of this one, or would have it."""
    if not name_conflicts.may_conflict(obj):
        return None
    rivals = name_conflicts.competing_claims(obj, bodies, identity, config)
    claim = name_conflicts.claim_of(obj, identity, config)
    return name_conflicts.conflict_with(claim, rivals) or chosen_names_are_free(obj, config)
