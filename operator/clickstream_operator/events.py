"""Kubernetes Events: one per transition, repeated ones not at all."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import API_VERSION, KIND
from clickstream_operator.kube import Kube, KubernetesError

log = structlog.get_logger(__name__)

_REMEMBERED: Final = 4096
_NOTE_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class Happening:
    """What an Event says. Type Warning is for what a person must act on."""

    kind: Literal["Normal", "Warning"]
    reason: Reason
    note: str
    action: str


class EventRecorder:
    """Posts Events, best effort: an Event that can't be written never fails a pass."""

    def __init__(
        self, kube: Kube, *, instance: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now
        self._last: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def record(self, body: Mapping[str, Any], happening: Happening) -> None:
        """Post one Event, unless the last one of this reason on this object said the same."""
        metadata = body["metadata"]
        key = (metadata["uid"], f"{happening.reason}/{happening.action}")
        if self._last.get(key) == happening.note and happening.kind == "Warning":
            return
        self._last[key] = happening.note
        self._last.move_to_end(key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        event = {
            "metadata": {
                "name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": happening.kind,
            "reason": happening.reason.value,
            "note": happening.note[:_NOTE_LENGTH],
            "action": happening.action,
            "reportingController": "clickstream.dev/operator",
            "reportingInstance": self._instance,
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
        }
        try:
            await self._kube.create_event(metadata["namespace"], event)
        except KubernetesError as error:
            log.warning("event not posted", reason=happening.reason.value, why=str(error))
