"""The outputs as a ConfigMap, under the names of the original's Terraform outputs. Opt-in.

The ConfigMap belongs to the pipeline (ownerReference), so the garbage collector removes it with the
pipeline. One that does not belong to it is never written. A failure here never fails a reconcile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import API_VERSION, KIND
from clickstream_operator.kube.client import KubeClient, KubernetesError, StaleObject
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.status.result import Publication

log = structlog.get_logger(__name__)

SUFFIX: Final = "-outputs"
_BEFORE_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


OFF: Final = Publication(None)


class OutputsPublisher:
    """Writes the ConfigMaps, where the operator's settings ask for them."""

    def __init__(self, kube: KubeClient, *, enabled: bool) -> None:
        self._kube = kube
        self._enabled = enabled

    async def publish(self, obj: PipelineObject, outputs: Mapping[str, Any]) -> Publication:
        """Bring the ConfigMap to `outputs`; writes only what differs."""
        if not self._enabled:
            return OFF
        name = obj.key.name + SUFFIX
        try:
            return await self._publish(obj, name, rendered(outputs))
        except (KubernetesError, StaleObject) as error:
            # In a namespace that terminates, for one: the status says it, nothing else suffers.
            log.warning("outputs not published", get_config_map=name, why=str(error))
            remedy = "see docs/how-to/outputs-config-map.md for the rights that it needs"
            message = f"ConfigMap {name} is not written: {error}; {remedy}"
            return Publication("False", Reason.CONFIG_MAP_REFUSED, message)

    async def _publish(self, obj: PipelineObject, name: str, data: dict[str, str]) -> Publication:
        namespace = obj.key.namespace
        there = await self._kube.get_config_map(namespace, name)
        if there is None:
            await self._kube.create_config_map(namespace, _new(obj, name, data))
        elif not _is_owned(there, obj):
            return Publication("False", Reason.CONFIG_MAP_NOT_OWNED, _not_owned(there, obj))
        elif there.get("data") != data:
            await self._kube.replace_config_map(namespace, {**there, "data": data})
        return Publication("True", message=f"in ConfigMap {name}")


def rendered(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The outputs as a ConfigMap holds them: snake_case names, objects as JSON. Pure."""
    return {
        _snake(name): value if isinstance(value, str) else json.dumps(_snaked(value))
        for name, value in sorted(outputs.items())
    }


def _snaked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_snake(name): _snaked(item) for name, item in sorted(value.items())}
    return value


def _snake(name: str) -> str:
    return _BEFORE_CAPITAL.sub("_", name).lower()


def _new(obj: PipelineObject, name: str, data: dict[str, str]) -> dict[str, Any]:
    # Labels and annotations of the pipeline stay its own: Argo CD and kubectl would take the
    # ConfigMap for something that they applied.
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": obj.key.namespace,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": obj.key.name,
                    "uid": obj.metadata["uid"],
                    "controller": True,
                }
            ],
        },
        "data": data,
    }


def _owners(there: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(there["metadata"].get("ownerReferences") or ())


def _is_owned(there: Mapping[str, Any], obj: PipelineObject) -> bool:
    return any(one["uid"] == obj.metadata["uid"] for one in _owners(there))


def _not_owned(there: Mapping[str, Any], obj: PipelineObject) -> str:
    name = there["metadata"]["name"]
    earlier = any((one["kind"], one["name"]) == (KIND, obj.key.name) for one in _owners(there))
    if earlier:
        return (
            f"ConfigMap {name} is of an earlier pipeline of this name; the garbage collector "
            "removes it, then it is written anew"
        )
    return (
        f"ConfigMap {name} exists and is not this pipeline's, so it is not written; rename or "
        "delete it"
    )
