"""Age of a namespace, asked while its pipeline may still meet what an earlier one left."""

from __future__ import annotations

import structlog

from clickstream_operator.kube.errors import KubernetesRefusal
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.reconcile.services import Services
from clickstream_operator.reconcile.state import ReconcileState

log = structlog.get_logger(__name__)


async def note_namespace(services: Services, obj: PipelineObject, state: ReconcileState) -> None:
    """Ask once for the age of the namespace, while the pipeline may still meet what it left."""
    resources = obj.status.resources
    begun = bool(resources) and all(one.arn for one in resources)
    if not begun and state.object.namespace_since is None:
        try:
            since = await services.namespace_created(obj.key.namespace)
        except KubernetesRefusal as refused:
            # Nothing is inherited that might be of an earlier namespace.
            log.warning("age of the namespace unknown", why=str(refused))
            since = services.now()
        state.object.namespace_since = since
