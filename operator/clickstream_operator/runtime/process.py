"""The process: health server, election, workers, and Kopf as the frame around them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import kopf
import structlog

from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session_pool import SessionPool
from clickstream_operator.kube import label_selector as selector
from clickstream_operator.kube.client import KubeClient, KubernetesError
from clickstream_operator.kube.connection import connect, own_namespace
from clickstream_operator.kube.events import EventRecorder
from clickstream_operator.kube.fence import WriteFence, no_fence
from clickstream_operator.kube.leader_election import KubernetesLeases, LeaderElector
from clickstream_operator.kube.lease import Timing
from clickstream_operator.kube.permissions import PermissionReview, needed
from clickstream_operator.pipeline import packages
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.runtime.predicates import Predicates
from clickstream_operator.runtime.prerequisites import Prerequisites
from clickstream_operator.runtime.watch import build_registry, operator_settings
from clickstream_operator.runtime.workers import Workers
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.settings import Settings
from clickstream_operator.telemetry.health import HealthServer
from clickstream_operator.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

_FORBIDDEN: Final = 403

_GONE: Final = 410

_STUCK_SECONDS: Final = 600.0

_KUBE_THREADS: Final = 8


@dataclass(slots=True)
class _Progress:
    """What readiness depends on."""

    startup: Prerequisites
    workers: Workers | None = None
    leads: bool = False
    watching: bool = False
    candidate: LeaderElector | None = None


async def run(chosen: Settings) -> None:
    """Run the operator until Kopf is told to stop.

    Raises:
        KubernetesError: there is no configuration, or the API server refuses the operator.
        OSError: the health server's address can't be used.
    """
    functions = packages.load(chosen.packages)
    metrics = Metrics()
    aws_pool = ThreadPoolExecutor(chosen.aws_threads, thread_name_prefix="aws")
    kube_pool = ThreadPoolExecutor(_KUBE_THREADS, thread_name_prefix="kube")
    kubeconfig = Path(os.environ["KUBECONFIG"]) if os.environ.get("KUBECONFIG") else None
    timing = Timing.of(chosen.lease_seconds)
    fence = WriteFence(timing.deadline)
    ensure_leader = fence.check if chosen.leader_election else no_fence
    kube = KubeClient(
        connect(kubeconfig),
        executor=kube_pool,
        on_write=lambda target: metrics.kubernetes_writes.labels(target).inc(),
        ensure_leader=ensure_leader,
    )
    home = chosen.lease_namespace or own_namespace(kubeconfig)
    queue = WorkQueue(
        on_change=lambda depth, added: metrics.observe_queue(depth=depth, added=added),
        on_wait=metrics.observe_wait,
    )
    review = PermissionReview(
        kube,
        needed(
            namespaces=chosen.watch_namespaces,
            names_cluster=bool(chosen.cluster_id),
            lease=(home, chosen.instance) if chosen.leader_election else None,
        ),
    )
    progress = _Progress(Prerequisites(kube, review))
    server = HealthServer(
        metrics=metrics,
        healthy=lambda: _unhealthy(progress),
        ready=lambda: _unready(progress),
        role=lambda: _role(progress),
    )
    port = await server.start(chosen.listen_host, chosen.listen_port)
    log.info("listening", host=chosen.listen_host, port=port)
    stop = _stop_on_signal()
    elected = asyncio.Event()
    if chosen.leader_election:
        loop = asyncio.get_running_loop()
        progress.candidate = LeaderElector(
            KubernetesLeases(connect(kubeconfig, retries=False)),
            fence,
            namespace=home,
            name=chosen.instance,
            identity=f"{socket.gethostname()}_{uuid.uuid4()}",
            timing=timing,
            on_elected=lambda: loop.call_soon_threadsafe(elected.set),
        )
    else:
        elected.set()
    try:
        if await _first(stop, progress.startup.wait()):
            return
        if progress.candidate is not None:
            progress.candidate.start()
        if await _first(stop, elected.wait()):
            return
        controller = Reconciler(
            kube=kube,
            recorder=EventRecorder(kube, instance=chosen.instance),
            sessions=SessionPool(
                executor=aws_pool,
                limits=Limits(
                    enabled=chosen.rate_limits,
                    on_wait=lambda service, seconds: metrics.aws_waits.labels(service).inc(seconds),
                    on_throttle=lambda *call: metrics.aws_throttles.labels(*call).inc(),
                ),
                on_call=metrics.observe_call,
                ensure_leader=ensure_leader,
                pool_connections=chosen.aws_threads,
            ),
            config=OperatorConfig(
                cluster=chosen.cluster_id or await kube.cluster_uid(),
                instance=f"{home}/{chosen.instance}",
                default_region=chosen.default_region(),
                account_regional_buckets=chosen.account_regional_buckets(),
                packages=functions,
                permissions_boundary=chosen.permissions_boundary or None,
                adopt_without_owner=chosen.adopt_without_owner,
                allowed_roles=frozenset(chosen.allowed_role_arns),
                roles_by_namespace=chosen.roles_by_namespace,
                own_role_namespaces=chosen.own_role_namespaces,
                rollout_max_parallel=chosen.rollout_max_parallel,
                selected=selector.parse(chosen.watch_label_selector),
                namespaces=chosen.watch_namespaces,
                outputs_config_map=chosen.outputs_config_map,
            ),
            metrics=metrics,
            clock=time.monotonic,
            calls_at_once=chosen.calls_at_once(),
        )
        progress.leads = True
        progress.workers = Workers(
            count=chosen.workers,
            queue=queue,
            reconcile=controller.reconcile,
            metrics=metrics,
            on_forbidden=progress.startup.recheck,
        )
        metrics.leads.labels(chosen.instance).set(1)
        await _lead(
            chosen,
            kube_pool=kube_pool,
            queue=queue,
            metrics=metrics,
            workers=progress.workers,
            progress=progress,
        )
    finally:
        # The drain is over: whatever still runs may write nothing more.
        if progress.candidate is not None:
            await asyncio.to_thread(progress.candidate.release)
        await server.stop()
        aws_pool.shutdown(wait=False, cancel_futures=True)
        kube_pool.shutdown(wait=False, cancel_futures=True)


async def _lead(
    chosen: Settings,
    *,
    kube_pool: ThreadPoolExecutor,
    queue: WorkQueue,
    metrics: Metrics,
    workers: Workers,
    progress: _Progress,
) -> None:
    """Watch and reconcile until a signal comes; running passes end first."""
    workers.start()
    registry = build_registry(
        predicates=Predicates(), queue=queue, workers=workers, states=metrics.pipelines
    )
    started = asyncio.Event()
    watching = asyncio.create_task(_mark_watching(started, progress))
    guarding = asyncio.create_task(progress.startup.watch())
    try:
        # From here on Kopf handles the signals.
        await kopf.operator(
            registry=registry,
            settings=operator_settings(kube_pool, label_selector=chosen.watch_label_selector),
            clusterwide=not chosen.watch_namespaces,
            namespaces=chosen.watch_namespaces,
            ready_flag=started,
            # Alone Kopf shows it to nobody, and would make it from the name of the user: the image
            # runs as a number without a name.
            identity=cast("Any", socket.gethostname()),
        )
    except Exception as error:
        if getattr(error, "status", None) not in {_FORBIDDEN, _GONE}:
            raise
        # Started anew, the operator waits for its rights and says which are missing, and lists what
        # it lost sight of when the server had forgotten where its watch was (Kopf goes on only when
        # that is said in the stream).
        raise KubernetesError(f"the API server refuses the watch: {error}") from error
    finally:
        watching.cancel()
        guarding.cancel()


def _stop_on_signal() -> asyncio.Event:
    """Set when the process is asked to end. As process 1 of a container it would not end else."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _first(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Wait for the work, or until the process is asked to end; tells whether it is."""
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
    if progress.candidate is None or progress.leads:
        return ""
    return f"standby: {progress.candidate.leader or 'nobody'} leads"


def _unhealthy(progress: _Progress) -> str:
    workers = progress.workers
    hangs = workers is not None and workers.longest_reconcile_seconds() > _STUCK_SECONDS
    return "a pass hangs" if hangs else ""


def _unready(progress: _Progress) -> str:
    if progress.startup.waiting_for:
        return progress.startup.waiting_for
    if not progress.leads:
        # A standby is ready, once it has seen the lease.
        return "" if progress.candidate is None else progress.candidate.trouble
    return "" if progress.watching else "the watch has not begun"


async def _mark_watching(started: asyncio.Event, progress: _Progress) -> None:
    await started.wait()
    progress.watching = True
