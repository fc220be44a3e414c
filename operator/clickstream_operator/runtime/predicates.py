"""What the watch last said about each pipeline, as little of it as decides whether to act.

The body itself is read from the API server when a pass begins: a pass starts from the live object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickstream_operator.api.v1alpha1 import WATCHED_ANNOTATIONS
from clickstream_operator.kube.objects import ObjectKey


class Fingerprint(NamedTuple):
    """The parts of an object whose change means work. Labels and status are not among them."""

    uid: str
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    annotations: tuple[str | None, ...]


def fingerprint(body: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint of one object."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return Fingerprint(
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        deleting="deletionTimestamp" in metadata,
        finalizers=tuple(metadata.get("finalizers") or ()),
        annotations=tuple(annotations.get(name) for name in WATCHED_ANNOTATIONS),
    )


class Predicates:
    """Fingerprints by key."""

    def __init__(self) -> None:
        self._known: dict[ObjectKey, Fingerprint] = {}

    def changed(self, key: ObjectKey, body: Mapping[str, Any]) -> bool:
        """Remember an object; True when it differs in what matters."""
        new = fingerprint(body)
        changed = self._known.get(key) != new
        self._known[key] = new
        return changed

    def knows(self, key: ObjectKey) -> bool:
        """Whether the watch has shown this object."""
        return key in self._known

    def forget(self, key: ObjectKey) -> None:
        """Drop a deleted object."""
        self._known.pop(key, None)

    def keys(self) -> list[ObjectKey]:
        """All known pipelines."""
        return list(self._known)
