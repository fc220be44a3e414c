"""Workers: each end of a reconcile has its delay, and none ends the worker."""

from __future__ import annotations

import asyncio

import pytest
from kubernetes.client.exceptions import ApiException

from clickstream_operator.kube.client import (
    KubernetesError,
    KubernetesRefusal,
    StaleObject,
    refused,
)
from clickstream_operator.kube.fence import Fenced
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime.workers import Workers
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.telemetry.metrics import Metrics
from tests.clock import Clock

FIRST, SECOND = ObjectKey("shop", "first"), ObjectKey("shop", "second")
End = float | Exception | None


class DelayedKeys(WorkQueue):
    """A queue that remembers what is to come back, and when."""

    def __init__(self) -> None:
        super().__init__(clock=Clock())
        self.delays: list[tuple[ObjectKey, float]] = []

    def add_after(self, key: ObjectKey, delay: float) -> None:
        """Note it; the test ends before it would be due."""
        self.delays.append((key, delay))


def forbidden(status: int) -> Exception:
    """A refusal of the API server."""
    return refused("doing it", ApiException(status=status, reason="because"))


class Work:
    """One worker, whose reconciles end as told for the first key and with 7 s for others."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.seen: list[ObjectKey] = []
        self.told_forbidden = 0
        self.second = asyncio.Event()
        self.queue, self.metrics = DelayedKeys(), Metrics()
        self.workers = Workers(
            count=1,
            queue=self.queue,
            reconcile=self._reconcile,
            metrics=self.metrics,
            on_forbidden=self._note_forbidden,
        )

    async def _reconcile(self, key: ObjectKey) -> float | None:
        self.seen.append(key)
        if key == SECOND:
            self.second.set()
            return 7.0
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def _note_forbidden(self) -> None:
        self.told_forbidden += 1

    def counted(self, result: str) -> float:
        """Reconciles with this result."""
        value = self.metrics.reconciles.labels("clickstreampipeline", result)._value.get()
        return float(value)

    async def run(self) -> None:
        """Both keys, one after another, and the end."""
        self.workers.start()
        for key in (FIRST, SECOND):
            self.queue.add(key)
        await asyncio.wait_for(self.second.wait(), 30)
        await self.workers.drain()


@pytest.mark.parametrize(
    ("end", "delay", "told_forbidden"),
    [
        (None, None, 0),
        (30.0, 30.0, 0),
        (0.0, 0.0, 0),
        (StaleObject("changed"), 0.2, 0),
        (Fenced("not sent"), 5.0, 0),
        (KubernetesError("no answer"), 5.0, 0),
        (forbidden(500), 5.0, 0),
        (forbidden(403), 5.0, 1),
        (ValueError("a defect"), 60.0, 0),
        (KeyError("a defect"), 60.0, 0),
    ],
)
async def test_every_end_of_a_reconcile_has_its_delay(
    end: End, delay: float | None, told_forbidden: int
) -> None:
    """A changed object is read at once, a refusal soon, a defect later; the next key goes on."""
    work = Work(end)
    await work.run()
    assert work.seen == [FIRST, SECOND]
    expected = [] if delay is None else [(FIRST, delay)]
    assert work.queue.delays == [*expected, (SECOND, 7.0)]
    assert work.told_forbidden == told_forbidden


@pytest.mark.parametrize(
    ("end", "result"),
    [
        (None, "success"),
        (30.0, "requeue_after"),
        (StaleObject("changed"), "requeue_after"),
        (Fenced("not sent"), "error"),
        (ValueError("a defect"), "error"),
    ],
)
async def test_every_end_of_a_reconcile_is_counted(end: End, result: str) -> None:
    """What comes back by itself is no error."""
    work = Work(end)
    await work.run()
    wanted = {"success": 0.0, "requeue_after": 1.0, "error": 0.0}
    wanted[result] += 1
    assert {name: work.counted(name) for name in wanted} == wanted
    assert work.workers.longest_reconcile_seconds() == 0.0


def test_a_refusal_of_the_api_server_tells_whether_it_is_a_right() -> None:
    """The control of the table above."""
    found = forbidden(403)
    assert isinstance(found, KubernetesRefusal)
    assert found.forbidden
