"""Services that a reconcile works with: both edges, configuration, metrics, clocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.location import role_of
from clickstream_operator.telemetry.metrics import Metrics


async def unknown_age(_namespace: str) -> datetime | None:
    """The age of namespaces where nobody tells."""
    return None


@dataclass(frozen=True, slots=True)
class Services:
    """Made once by the process and handed to every part of the reconciler."""

    kube: KubeClient
    recorder: EventRecorder
    sessions: Callable[[str, Role | None], AwsSession]
    """The AWS session of a region and a role."""
    config: OperatorConfig
    metrics: Metrics
    clock: Callable[[], float]
    """Monotonic seconds."""
    now: Callable[[], datetime]
    """The time of day, for the status."""
    namespace_created: Callable[[str], Awaitable[datetime | None]] = unknown_age
    """When a namespace was created; None: unknown."""
    managed_keys: set[str] = field(default_factory=set)
    """ARNs of the AWS managed keys that this process has met: each is described once."""

    def session(self, obj: PipelineObject, region: str) -> AwsSession:
        """The session of a pipeline, with the role that it asks for."""
        return self.sessions(region, role_of(obj, self.config))

    def calls(self, obj: PipelineObject, region: str) -> Calls:
        """The AWS calls of one reconcile."""
        return Calls(self.session(obj, region), managed_keys=self.managed_keys)
