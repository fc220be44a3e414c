"""Recorder of Kubernetes Events, which does not repeat a warning within minutes."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from clickstream_operator.api.v1alpha1 import API_VERSION, KIND
from clickstream_operator.kube.client import KubeClient, KubernetesError, KubernetesRefusal
from clickstream_operator.kube.events import Event

log = structlog.get_logger(__name__)

_REMEMBERED: Final = 4096
_NOTE_LENGTH: Final = 1024
_DIGEST_LENGTH: Final = 8
#: A warning that comes and goes is repeated at this interval.
_SAME_AGAIN_AFTER: Final = timedelta(minutes=10)


class EventRecorder:
    """Posts Events, each at least once while the process lives; none ever fails a reconcile.

    An Event that the API server can't take now is posted again before the next one. Lost are those
    of a process that ends first, and those that are refused for good, as in a namespace that
    terminates (ADR 48).
    """

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
        self._names: OrderedDict[str, str] = OrderedDict()
        self._waiting: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._latest = 0

    async def record(self, body: Mapping[str, Any], event: Event, *, occasion: str = "") -> None:
        """Post an Event, unless the same warning was posted within `_SAME_AGAIN_AFTER`.

        Args:
            body: the pipeline.
            event: what happened.
            occasion: names the moment if a reconcile that is repeated reports the event again;
                the same event on the same occasion is posted once.
        """
        metadata = body["metadata"]
        news = [metadata["uid"], occasion, event.reason.value, event.action, event.note]
        digest = hashlib.sha256(json.dumps(news).encode()).hexdigest()
        if occasion and digest in self._names:
            return
        now = self._now()
        if self._is_repeated(metadata["uid"], event, now):
            return
        name = f"{metadata['name']}.{self._suffix(now)}{digest[:_DIGEST_LENGTH]}"
        if occasion:
            self._names[digest] = name
        self._waiting[name] = {
            "metadata": {"name": name, "namespace": metadata["namespace"]},
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
        for memory in (self._names, self._waiting):
            if len(memory) > _REMEMBERED:
                memory.popitem(last=False)
        await self.post_waiting()

    async def post_waiting(self) -> None:
        """Post what the API server could not take so far, oldest first; stop if it still can't."""
        while self._waiting:
            name, posted = next(iter(self._waiting.items()))
            try:
                # One that arrived although its answer was lost has this name already.
                await self._kube.create_event(posted["metadata"]["namespace"], posted)
            except KubernetesError as error:
                lost = isinstance(error, KubernetesRefusal) and not error.overloaded
                log.warning("event not posted", reason=posted["reason"], why=str(error), lost=lost)
                if not lost:
                    return
            self._waiting.pop(name, None)

    def _is_repeated(self, uid: str, event: Event, now: datetime) -> bool:
        """Whether the same warning was recorded a short time ago; otherwise this one is noted."""
        key = (uid, f"{event.reason}/{event.action}")
        note, at = self._last.get(key, ("", now))
        if event.kind == "Warning" and note == event.note and now - at < _SAME_AGAIN_AFTER:
            return True
        self._last[key] = (event.note, now)
        self._last.move_to_end(key)
        if len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)
        return False

    def _suffix(self, now: datetime) -> str:
        """A suffix that sorts by time, also among the Events of one moment.

        `kubectl describe` and `get events --sort-by=.lastTimestamp` sort by a timestamp that an
        Event of events.k8s.io/v1 must not have, and then keep the order of the names.
        """
        self._latest = max(self._latest + 1, round(now.timestamp() * 1_000_000))
        return f"{self._latest:014x}"
