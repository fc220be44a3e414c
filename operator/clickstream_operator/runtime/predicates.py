"""Predicates: which changes of an object need a reconcile.

Only a fingerprint of each object is kept, because a reconcile reads the live object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickstream_operator.api.v1alpha1 import WATCHED_ANNOTATIONS
from clickstream_operator.kube.objects import ObjectKey


class Fingerprint(NamedTuple):
    """Parts of an object whose change needs a reconcile; labels and status are not among them."""

    uid: str
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    annotations: tuple[str | None, ...]


def fingerprint(body: Mapping[str, Any]) -> Fingerprint:
    """Fingerprint of an object."""
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
    """Fingerprints of the watched objects."""

    def __init__(self) -> None:
        self._known: dict[ObjectKey, Fingerprint] = {}

    def changed(self, key: ObjectKey, body: Mapping[str, Any]) -> bool:
        """Record an object; True if its fingerprint changed."""
        new = fingerprint(body)
        changed = self._known.get(key) != new
        self._known[key] = new
        return changed

    def knows(self, key: ObjectKey) -> bool:
        """Whether the object was recorded."""
        return key in self._known

    def delete(self, key: ObjectKey) -> None:
        """Drop a deleted object."""
        self._known.pop(key, None)

    def keys(self) -> list[ObjectKey]:
        """Keys of the recorded objects."""
        return list(self._known)
