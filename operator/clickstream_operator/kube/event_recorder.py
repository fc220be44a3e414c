"""Recorder of Kubernetes Events, which does not repeat a warning within minutes."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from clickstream_operator.api.v1alpha1 import API_VERSION, KIND
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.events import Event

log = structlog.get_logger(__name__)

_REMEMBERED: Final = 4096
_NOTE_LENGTH: Final = 1024
#: A warning that comes and goes is repeated at this interval.
_SAME_AGAIN_AFTER: Final = timedelta(minutes=10)


class EventRecorder:
    """Posts Events, best effort: one that can't be posted never fails a reconcile."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        instance: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now
        self._last: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()
        self._latest = 0

    async def record(self, body: Mapping[str, Any], event: Event) -> None:
        """Post an Event, unless the same warning was posted within `_SAME_AGAIN_AFTER`."""
        metadata = body["metadata"]
        key = (metadata["uid"], f"{event.reason}/{event.action}")
        now = self._now()
        note, at = self._last.get(key, ("", now))
        repeated = event.kind == "Warning" and note == event.note
        if repeated and now - at < _SAME_AGAIN_AFTER:
            return
        self._last[key] = (event.note, now)
        self._last.move_to_end(key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        posted = {
            "metadata": {
                "name": f"{metadata['name']}.{self._suffix(now)}",
                "namespace": metadata["namespace"],
            },
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": event.kind,
            "reason": event.reason.value,
            "note": event.note[:_NOTE_LENGTH],
            "action": event.action,
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
            await self._kube.create_event(metadata["namespace"], posted)
        except KubernetesError as error:
            log.warning("event not posted", reason=event.reason.value, why=str(error))

    def _suffix(self, now: datetime) -> str:
        """A suffix that sorts by time, also among the Events of one moment.

        `kubectl describe` and `get events --sort-by=.lastTimestamp` sort by a timestamp that an
        Event of events.k8s.io/v1 must not have, and then keep the order of the names.
        """
        self._latest = max(self._latest + 1, round(now.timestamp() * 1_000_000))
        return f"{self._latest:014x}{uuid.uuid4().hex[:4]}"
