"""Edge to Kubernetes: client, objects, Events, election; only it knows the client library."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from clickstream_operator.kube.events import Event
from clickstream_operator.kube.fence import WriteFence
from clickstream_operator.kube.objects import ObjectKey, PipelineObject

if TYPE_CHECKING:
    from clickstream_operator.kube.client import KubeClient
    from clickstream_operator.kube.event_recorder import EventRecorder
    from clickstream_operator.kube.leader_election import LeaderElector

__all__ = [
    "Event",
    "EventRecorder",
    "KubeClient",
    "LeaderElector",
    "ObjectKey",
    "PipelineObject",
    "WriteFence",
]

_MODULES: Final = {
    "EventRecorder": "event_recorder",
    "KubeClient": "client",
    "LeaderElector": "leader_election",
}
"""Module of each name that loads an SDK: imported when it is asked for, because most modules of the
operator want only the values here, and the SDK takes half a second and 15 MiB."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
