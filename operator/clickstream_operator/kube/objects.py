"""Object of a reconcile: the live body, parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from clickstream_operator.api.v1alpha1 import FINALIZER, Spec, Status


class ObjectKey(NamedTuple):
    """Namespace and name of a pipeline."""

    namespace: str
    name: str


class InvalidSpec(Exception):
    """The API server accepted a spec that this version can't read: CRD and operator differ."""


@dataclass(frozen=True, slots=True)
class PipelineObject:
    """A ClickstreamPipeline as the API server had it when the reconcile began."""

    key: ObjectKey
    body: Mapping[str, Any]
    spec: Spec
    status: Status

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Kubernetes metadata."""
        return dict(self.body["metadata"])

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.metadata["generation"])

    @property
    def created_at(self) -> datetime:
        """Time of creation."""
        return datetime.fromisoformat(self.metadata["creationTimestamp"])

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations; empty without any."""
        return dict(self.metadata.get("annotations") or {})

    @property
    def deleting(self) -> bool:
        """Whether its deletion was requested."""
        return "deletionTimestamp" in self.metadata

    @property
    def guarded(self) -> bool:
        """Whether it has the operator's finalizer."""
        return FINALIZER in (self.metadata.get("finalizers") or ())


def parse(key: ObjectKey, body: Mapping[str, Any]) -> PipelineObject:
    """The pipeline in a body.

    Raises:
        InvalidSpec: the CRD that accepted the spec is not this version's.
    """
    try:
        spec = Spec.model_validate(body.get("spec") or {})
        status = Status.model_validate(body.get("status") or {})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        raise InvalidSpec(f"CRD and operator are of different versions: {faults}") from error
    return PipelineObject(key, body, spec, status)
