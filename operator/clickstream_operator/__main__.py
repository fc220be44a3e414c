"""The process: settings, logs, health server, workers, and Kopf as the frame around them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import click
import kopf
import structlog

from clickstream_operator import logging, packages, settings
from clickstream_operator.api.v1alpha1 import GROUP, PLURAL
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.controller import Controller
from clickstream_operator.events import EventRecorder
from clickstream_operator.handlers import build_registry, operator_settings
from clickstream_operator.health import HealthServer
from clickstream_operator.kube import Kube, KubernetesError, connect
from clickstream_operator.metrics import Metrics
from clickstream_operator.preflight import Surroundings
from clickstream_operator.settings import Settings, SettingsError
from clickstream_operator.store import Store
from clickstream_operator.workers import Workers
from clickstream_operator.workqueue import WorkQueue

log = structlog.get_logger(__name__)

_DISCOVERY_SECONDS: Final = 2.0
_STUCK_SECONDS: Final = 600.0
_KUBE_THREADS: Final = 8
_SESSIONS: Final = 8


@dataclass(slots=True)
class _Progress:
    """What readiness depends on."""

    crd_served: bool = False
    watching: bool = False


@click.command()
@click.option("--debug", is_flag=True, help="Show a traceback when the start fails.")
@click.version_option(package_name="clickstream-operator")
def main(*, debug: bool) -> None:
    """Reconcile ClickstreamPipelines until stopped. Settings are CLICKSTREAM_* variables."""
    try:
        chosen = settings.load()
        logging.configure(chosen.log_level)
        asyncio.run(run(chosen))
    except (SettingsError, KubernetesError, OSError) as error:
        if debug:
            raise
        click.echo(f"clickstream-operator: {error}", err=True)
        sys.exit(2)


async def run(chosen: Settings) -> None:
    """Run the operator until Kopf is told to stop.

    Raises:
        KubernetesError: there is no configuration, or the API server refuses the operator.
        OSError: the health server's address can't be used.
    """
    metrics = Metrics()
    aws_pool = ThreadPoolExecutor(chosen.aws_threads, thread_name_prefix="aws")
    kube_pool = ThreadPoolExecutor(_KUBE_THREADS, thread_name_prefix="kube")
    kubeconfig = os.environ.get("KUBECONFIG")
    kube = Kube(
        connect(Path(kubeconfig) if kubeconfig else None),
        executor=kube_pool,
        on_write=lambda target: metrics.kubernetes_writes.labels(target).inc(),
    )
    queue = WorkQueue(
        on_change=lambda depth, added: metrics.observe_queue(depth=depth, added=added)
    )
    progress = _Progress()
    controller = Controller(
        kube=kube,
        recorder=EventRecorder(kube, instance=chosen.instance),
        sessions=_sessions(chosen, metrics, aws_pool),
        surroundings=Surroundings(
            cluster=chosen.cluster_id or await kube.cluster_uid(),
            instance=chosen.instance,
            default_region=chosen.default_region(),
            account_regional_buckets=chosen.account_regional_buckets(),
            packages=packages.load(chosen.packages),
            permissions_boundary=chosen.permissions_boundary or None,
            adopt_without_owner=chosen.adopt_without_owner,
            allowed_roles=frozenset(chosen.allowed_role_arns),
        ),
        metrics=metrics,
        clock=time.monotonic,
    )
    workers = Workers(
        count=chosen.workers, queue=queue, reconcile=controller.reconcile, metrics=metrics
    )
    server = HealthServer(
        metrics=metrics,
        healthy=lambda: "a pass hangs" if workers.longest_pass_seconds() > _STUCK_SECONDS else "",
        ready=lambda: _unready(progress),
    )
    port = await server.start(chosen.listen_host, chosen.listen_port)
    log.info("listening", host=chosen.listen_host, port=port)
    await _until_served(kube, chosen, progress)
    workers.start()
    registry = build_registry(
        store=Store(),
        queue=queue,
        workers=workers,
    )
    started = asyncio.Event()
    watching = asyncio.create_task(_mark_watching(started, progress))
    try:
        await kopf.operator(
            registry=registry,
            settings=operator_settings(kube_pool),
            clusterwide=not chosen.watch_namespaces,
            namespaces=chosen.watch_namespaces,
            ready_flag=started,
        )
    finally:
        watching.cancel()
        await server.stop()
        aws_pool.shutdown(wait=False, cancel_futures=True)
        kube_pool.shutdown(wait=False, cancel_futures=True)


def _unready(progress: _Progress) -> str:
    if not progress.crd_served:
        return f"the CRD {PLURAL}.{GROUP} is not installed"
    return "" if progress.watching else "the watch has not begun"


async def _mark_watching(started: asyncio.Event, progress: _Progress) -> None:
    await started.wait()
    progress.watching = True


async def _until_served(kube: Kube, chosen: Settings, progress: _Progress) -> None:
    """Kopf never notices a CRD that appears after its start, so wait for it first."""
    told = False
    while True:
        if chosen.watch_namespaces:
            served = await kube.served_in(chosen.watch_namespaces[0])
        else:
            served = await kube.served()
        if served:
            progress.crd_served = True
            return
        if not told:
            log.warning("waiting for the CRD", crd=f"{PLURAL}.{GROUP}")
            told = True
        await asyncio.sleep(_DISCOVERY_SECONDS)


def _sessions(
    chosen: Settings, metrics: Metrics, pool: ThreadPoolExecutor
) -> Callable[[str], AwsSession]:
    limits = Limits(enabled=chosen.rate_limits)

    @lru_cache(maxsize=_SESSIONS)
    def session(region: str) -> AwsSession:
        return AwsSession(
            region=region,
            executor=pool,
            limits=limits,
            on_call=metrics.observe_call,
            pool_connections=chosen.aws_threads,
        )

    return session


if __name__ == "__main__":
    main()
