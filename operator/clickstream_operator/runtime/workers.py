"""Workers: process the next key of the queue, and requeue it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from clickstream_operator.kube.client import KubernetesError, KubernetesRefusal, StaleObject
from clickstream_operator.kube.fence import Fenced
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_STALE_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 5.0
_DEFECT_SECONDS: Final = 60.0

Reconcile = Callable[[ObjectKey], Awaitable[float | None]]


class Workers:
    """`count` tasks that reconcile keys until they are drained."""

    def __init__(
        self,
        *,
        count: int,
        queue: WorkQueue,
        reconcile: Reconcile,
        metrics: Metrics,
        on_forbidden: Callable[[], None] = lambda: None,
    ) -> None:
        self._count = count
        self._queue = queue
        self._reconcile = reconcile
        self._metrics = metrics
        self._on_forbidden = on_forbidden
        self._tasks: list[asyncio.Task[None]] = []
        self._since: dict[ObjectKey, float] = {}

    def start(self) -> None:
        """Start the tasks."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._count)]

    async def drain(self) -> None:
        """Wait for running reconciles, and start none."""
        self._queue.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def longest_reconcile_seconds(self) -> float:
        """Seconds since the oldest running reconcile began; 0 without one."""
        now = time.monotonic()
        return max((now - since for since in self._since.values()), default=0.0)

    async def _work(self) -> None:
        while (key := await self._queue.get()) is not None:
            with structlog.contextvars.bound_contextvars(pipeline=f"{key.namespace}/{key.name}"):
                await self._run(key)

    async def _run(self, key: ObjectKey) -> None:
        started = self._since[key] = time.monotonic()
        self._metrics.observe_workers(running=len(self._since), most=self._count)
        result = "error"
        delay: float | None = None
        try:
            delay = await self._reconcile(key)
            result = "success" if delay is None else "requeue_after"
        except StaleObject as stale:
            log.debug("object changed, reconciling again", why=str(stale))
            delay = _STALE_SECONDS
            result = "requeue_after"
        except Fenced as fenced:
            # The election ends the process. Until then nothing may be written.
            log.warning("not the leader", why=str(fenced))
            delay = _RETRY_SECONDS
        except KubernetesError as error:
            if isinstance(error, KubernetesRefusal) and error.forbidden:
                # `on_forbidden` reports the missing permissions once.
                log.info("kubernetes refused", why=str(error))
                self._on_forbidden()
            else:
                log.warning("kubernetes refused", why=str(error))
            delay = _RETRY_SECONDS
        except Exception:  # a defect in one reconcile must not end the worker
            log.exception("unexpected error in a reconcile")
            delay = _DEFECT_SECONDS
        finally:
            del self._since[key]
            self._metrics.observe_workers(running=len(self._since), most=self._count)
            self._queue.done(key)
        self._metrics.observe_reconcile(result=result, seconds=time.monotonic() - started)
        if delay is not None:
            self._queue.add_after(key, delay)
