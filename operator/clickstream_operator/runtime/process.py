"""Process of the operator: health server, leader election, workers, and Kopf around them.

Called by `__main__`; calls `wiring` for the parts, `watch` for its queue, and `workers`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, cast

import kopf
import structlog

from clickstream_operator.kube.client import KubernetesError
from clickstream_operator.kube.leader_election import LeaderElector
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.prerequisites import Prerequisites
from clickstream_operator.runtime.watch import build_registry, operator_settings
from clickstream_operator.runtime.wiring import Wiring, wire
from clickstream_operator.runtime.workers import Workers
from clickstream_operator.settings import Settings
from clickstream_operator.telemetry.health import HealthServer
from clickstream_operator.tenants import TenantsSource

log = structlog.get_logger(__name__)

_UNAUTHORIZED: Final = 401

_FORBIDDEN: Final = 403

_GONE: Final = 410

_STUCK_SECONDS: Final = 600.0

#: Between two reads of the tenants' file. The kubelet updates a mounted ConfigMap within a minute.
_TENANTS_SECONDS: Final = 5.0


@dataclass(slots=True)
class _Progress:
    """State of the process, from which the health checks answer."""

    prerequisites: Prerequisites
    tenants: TenantsSource
    workers: Workers | None = None
    leads: bool = False
    watching: bool = False
    elector: LeaderElector | None = None


async def run(settings: Settings) -> None:
    """Run the operator until a signal ends it.

    Raises:
        KubernetesError: there is no configuration, or the API server refuses the operator.
        OSError: the health server can't listen on its address.
    """
    wiring = wire(settings)
    progress = _Progress(
        Prerequisites(wiring.kube, wiring.permission_review(), tenants=wiring.tenants),
        wiring.tenants,
    )
    server = _health_server(wiring, progress)
    port = await server.start(settings.listen_host, settings.listen_port)
    log.info("listening", host=settings.listen_host, port=port)
    stop = _stop_on_signal()
    try:
        if await _first(stop, progress.prerequisites.wait()):
            return
        if await _first(stop, _elected(wiring, progress)):
            return
        await _lead(wiring, progress)
    finally:
        # After the drain nothing is written any more.
        if progress.elector is not None:
            await asyncio.to_thread(progress.elector.release)
        await server.stop()
        wiring.close()


async def _elected(wiring: Wiring, progress: _Progress) -> None:
    """Wait until this process leads."""
    elected = asyncio.Event()
    progress.elector = wiring.leader_elector(elected.set)
    if progress.elector is not None:
        progress.elector.start()
        await elected.wait()


async def _lead(wiring: Wiring, progress: _Progress) -> None:
    """Watch and reconcile until a signal; reconciles under way end first."""
    settings, metrics = wiring.settings, wiring.metrics
    reconciler = Reconciler(await wiring.services(), calls_at_once=settings.calls_at_once())
    progress.leads = True
    workers = progress.workers = Workers(
        count=settings.workers,
        queue=wiring.queue,
        reconcile=reconciler.reconcile,
        metrics=metrics,
        on_forbidden=progress.prerequisites.recheck,
    )
    metrics.leads.labels(settings.instance).set(1)
    workers.start()
    predicates = Predicates()
    registry = build_registry(
        predicates=predicates, queue=wiring.queue, workers=workers, states=metrics.pipelines
    )
    started = asyncio.Event()
    tasks = [
        asyncio.create_task(_mark_watching(started, progress)),
        asyncio.create_task(progress.prerequisites.watch()),
        asyncio.create_task(_follow_tenants(wiring, predicates)),
    ]
    try:
        # From here on Kopf handles the signals.
        await kopf.operator(
            registry=registry,
            settings=operator_settings(
                wiring.kube_pool, label_selector=settings.watch_label_selector
            ),
            clusterwide=not settings.watch_namespaces,
            namespaces=settings.watch_namespaces,
            ready_flag=started,
            # By default Kopf takes the name of the user, and the user of the image has none.
            identity=cast("Any", socket.gethostname()),
        )
    except Exception as error:
        # Kopf turns a 401 into a failed login.
        refused = {_UNAUTHORIZED, _FORBIDDEN, _GONE}
        if not isinstance(error, kopf.LoginError) and getattr(error, "status", None) not in refused:
            raise
        # After a restart the operator waits for its permissions and reports missing ones. After a
        # 410 outside of the watch stream it lists all objects again; Kopf recovers only inside of
        # it.
        raise KubernetesError(f"the API server refuses the watch: {error}") from error
    finally:
        for task in tasks:
            task.cancel()


def _health_server(wiring: Wiring, progress: _Progress) -> HealthServer:
    return HealthServer(
        metrics=wiring.metrics,
        healthy=lambda: _unhealthy(progress),
        ready=lambda: _unready(progress),
        role=lambda: _role(progress),
    )


def _stop_on_signal() -> asyncio.Event:
    """Event of SIGTERM and SIGINT, which would not end process 1 of a container."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _first(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Wait for the work or for `stop`; True if `stop` is set."""
    tasks = {asyncio.ensure_future(work), stopped := asyncio.ensure_future(stop.wait())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
    return stop.is_set()


def _role(progress: _Progress) -> str:
    if progress.elector is None or progress.leads:
        return ""
    return f"standby: {progress.elector.leader or 'nobody'} leads"


def _unhealthy(progress: _Progress) -> str:
    workers = progress.workers
    hangs = workers is not None and workers.longest_reconcile_seconds() > _STUCK_SECONDS
    return "a reconcile hangs" if hangs else ""


def _unready(progress: _Progress) -> str:
    if progress.prerequisites.waiting_for:
        return progress.prerequisites.waiting_for
    if progress.tenants.problem:
        return progress.tenants.problem
    if not progress.leads:
        # A standby is ready, once it has seen the lease.
        return "" if progress.elector is None else progress.elector.problem
    return "" if progress.watching else "the watch has not begun"


async def _follow_tenants(wiring: Wiring, predicates: Predicates) -> None:
    """Read the tenants again and again; a new version reconciles every pipeline."""
    while True:
        await asyncio.sleep(_TENANTS_SECONDS)
        if await asyncio.to_thread(wiring.tenants.refresh):
            for key in predicates.keys():  # noqa: SIM118 - no mapping
                wiring.queue.add(key)


async def _mark_watching(started: asyncio.Event, progress: _Progress) -> None:
    await started.wait()
    progress.watching = True
