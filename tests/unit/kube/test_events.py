"""What is posted, and what is not posted again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from kubernetes.client import ApiException

from clickstream_operator.api.reasons import Reason
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.errors import refused
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.events import Event

BODY = {
    "metadata": {"name": "web", "namespace": "shop", "uid": "uid-1", "resourceVersion": "1"},
}
BLOCKED = Event("Warning", Reason.ACCESS_DENIED, "may not", "Apply")
UPDATED = Event("Normal", Reason.RESOURCE_UPDATED, "updated stream", "Update")


class MemoryKube:
    """Events in a list; `refuse` is raised instead of taking one."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refuse: KubernetesError | None = None

    async def create_event(self, namespace: str, event: dict[str, Any]) -> None:
        """Remember it."""
        if self.refuse is not None:
            raise self.refuse
        self.events.append(event)


async def _posted(event: Event, *minutes: int) -> int:
    kube, times = MemoryKube(), iter(minutes)
    start = datetime(2026, 11, 1, tzinfo=UTC)
    recorder = EventRecorder(
        cast("KubeClient", kube),
        instance="test",
        now=lambda: start + timedelta(minutes=next(times)),
    )
    for _ in minutes:
        await recorder.record(BODY, event)
    return len(kube.events)


async def test_the_same_warning_is_not_posted_twice_within_minutes() -> None:
    """A state that flaps fills no list; one that comes back later is news."""
    assert await _posted(BLOCKED, 0, 1, 9) == 1
    assert await _posted(BLOCKED, 0, 10) == 2
    assert await _posted(BLOCKED, 0, 60, 61) == 2


async def test_names_sort_by_time() -> None:
    """Kubectl lists Events in the order of their names, also those of one moment."""
    kube, moment = MemoryKube(), datetime(2026, 11, 1, tzinfo=UTC)
    times = iter([moment, moment, moment, moment + timedelta(microseconds=1), moment])
    recorder = EventRecorder(cast("KubeClient", kube), instance="test", now=lambda: next(times))
    for _ in range(5):
        await recorder.record(BODY, UPDATED)
    names = [one["metadata"]["name"] for one in kube.events]
    assert names == sorted(names)
    assert len(set(names)) == 5
    assert all(name.startswith("web.") for name in names)


async def test_what_was_done_is_always_told() -> None:
    """Two updates are two updates."""
    assert await _posted(UPDATED, 0, 1) == 2


def _recorder(kube: MemoryKube) -> EventRecorder:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    return EventRecorder(cast("KubeClient", kube), instance="test", now=lambda: moment)


async def test_what_a_repeated_reconcile_reports_again_is_posted_once() -> None:
    """The occasion tells a repetition from the same thing that happens once more."""
    kube = MemoryKube()
    recorder = _recorder(kube)
    for occasion in ("a", "a", "b", "", ""):
        await recorder.record(BODY, UPDATED, occasion=occasion)
    assert len(kube.events) == 4


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (KubernetesError("the Kubernetes API does not answer"), True),
        (refused("posting", ApiException(status=429)), True),
        (refused("posting", ApiException(status=503)), True),
        (refused("posting", ApiException(status=403)), False),
        (refused("posting", ApiException(status=422)), False),
    ],
    ids=["no answer", "429", "503", "403", "422"],
)
async def test_what_can_not_be_posted_now_is_posted_before_the_next(
    error: KubernetesError, *, kept: bool
) -> None:
    """In order and under its name; what is refused for good is lost: in a namespace that ends."""
    kube = MemoryKube()
    recorder = _recorder(kube)
    kube.refuse = error
    await recorder.record(BODY, UPDATED)
    await recorder.record(BODY, BLOCKED)
    kube.refuse = None
    await recorder.post_waiting()
    await recorder.post_waiting()
    reasons = [UPDATED.reason.value, BLOCKED.reason.value] if kept else []
    assert [one["reason"] for one in kube.events] == reasons
