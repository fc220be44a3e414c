"""Watch of the pipelines with Kopf, as informer and process frame only.

Kopf's high-level handlers lose spec changes during a backoff, release finalizers on a permanent
error and die on a refused status write (docs/adr/0001). Here a handler records the fingerprint of
an object and queues its key.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import kopf

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from clickstream_operator.autoscaling.autoscaler import EVERY_SECONDS
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.workers import Workers
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.status.compose import is_up_to_date
from clickstream_operator.telemetry.metrics import PipelineStates

#: Finalizer of Kopf, which removes it if no handler needs it; the operator's has another name.
_KOPF_FINALIZER = f"{GROUP}/kopf-unused"


def build_registry(
    *,
    predicates: Predicates,
    queue: WorkQueue,
    workers: Workers,
    states: PipelineStates,
    jitter: Callable[[], float] = random.random,
) -> kopf.OperatorRegistry:
    """Registry with the handlers."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**context: Any) -> kopf.ConnectionInfo | None:
        if "KUBECONFIG" in os.environ:
            return kopf.login_with_kubeconfig(**context)
        return kopf.login_with_service_account(**context)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def seen(event: kopf.RawEvent, body: kopf.Body, **_: Any) -> None:
        # A coroutine, because Kopf runs functions in threads, and the queue belongs to the event
        # loop.
        metadata = body["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        if event["type"] == "DELETED":
            predicates.delete(key)
            states.delete(key)
            queue.delete(key)
            queue.add(key)
            return
        states.set(key, body)
        is_new = not predicates.knows(key)
        if not predicates.changed(key, body):
            return
        if is_new and event["type"] is None and is_up_to_date(body):
            # After a start, pipelines that are up to date are spread over one resync.
            spec = body.get("spec") or {}
            spread = float(spec.get("resyncIntervalSeconds", 300))
            if (spec.get("stream") or {}).get("autoscaling"):
                spread = min(spread, EVERY_SECONDS)
            queue.add_after(key, jitter() * spread)
            return
        queue.add(key, urgent=True)

    @kopf.on.cleanup(registry=registry)
    async def drained(**_: Any) -> None:
        await workers.drain()

    return registry


def operator_settings(executor: Executor, *, label_selector: str = "") -> kopf.OperatorSettings:
    """Settings of Kopf; the API server sends only objects that match the selector."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = _KOPF_FINALIZER
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.execution.executor = executor
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.watching.inactivity_timeout = 70
    if label_selector:
        settings.watching.label_selectors[GROUP, PLURAL] = label_selector
    return settings
