"""Wiring of the process: settings become the parts that `process` runs."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from clickstream_operator.api import components
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session_pool import SessionPool
from clickstream_operator.kube import label_selector
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.connection import connect, own_namespace
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.fence import WriteFence, no_fence
from clickstream_operator.kube.leader_election import KubernetesLeases, LeaderElector
from clickstream_operator.kube.lease import Timing
from clickstream_operator.kube.permission_review import PermissionReview
from clickstream_operator.kube.permissions import needed
from clickstream_operator.pipeline import packages
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.services import Services
from clickstream_operator.resources.lambda_function import FunctionPackage
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.settings import Settings
from clickstream_operator.telemetry.metrics import Metrics
from clickstream_operator.tenants import TenantsSource

_KUBE_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class Wiring:
    """Parts of the process."""

    settings: Settings
    functions: Mapping[str, FunctionPackage]
    metrics: Metrics
    aws_pool: ThreadPoolExecutor
    kube_pool: ThreadPoolExecutor
    kubeconfig: Path | None
    timing: Timing
    fence: WriteFence
    kube: KubeClient
    home: str
    """Namespace of the Lease."""
    queue: WorkQueue
    tenants: TenantsSource

    @property
    def ensure_leader(self) -> Callable[[], None]:
        """Check before each write; without leader election it lets every write through."""
        return self.fence.check if self.settings.leader_election else no_fence

    def permission_review(self) -> PermissionReview:
        """Review of the permissions that the operator needs in the cluster."""
        settings = self.settings
        lease = (self.home, settings.instance) if settings.leader_election else None
        return PermissionReview(
            self.kube,
            needed(
                namespaces=settings.watch_namespaces,
                names_cluster=bool(settings.cluster_id),
                lease=lease,
            ),
        )

    def leader_elector(self, on_elected: Callable[[], None]) -> LeaderElector | None:
        """The election, which calls `on_elected` in the event loop; None without one."""
        if not self.settings.leader_election:
            return None
        loop = asyncio.get_running_loop()
        return LeaderElector(
            KubernetesLeases(connect(self.kubeconfig, retries=False)),
            self.fence,
            namespace=self.home,
            name=self.settings.instance,
            identity=f"{socket.gethostname()}_{uuid.uuid4()}",
            timing=self.timing,
            on_elected=lambda: loop.call_soon_threadsafe(on_elected),
        )

    async def services(self) -> Services:
        """Services of the reconciler. Reads the cluster's id where the settings give none.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        settings, metrics = self.settings, self.metrics
        return Services(
            kube=self.kube,
            recorder=EventRecorder(self.kube, instance=settings.instance),
            sessions=SessionPool(
                executor=self.aws_pool,
                limits=Limits(
                    enabled=settings.rate_limits,
                    on_wait=lambda service, seconds: metrics.aws_waits.labels(service).inc(seconds),
                    on_throttle=lambda *call: metrics.aws_throttles.labels(*call).inc(),
                ),
                on_call=metrics.observe_call,
                ensure_leader=self.ensure_leader,
                pool_connections=settings.aws_threads,
            ),
            config=self._config(settings.cluster_id or await self.kube.cluster_uid()),
            metrics=metrics,
            clock=time.monotonic,
            now=lambda: datetime.now(UTC),
            namespace_created=self.kube.namespace_created,
        )

    def _config(self, cluster: str) -> OperatorConfig:
        settings = self.settings
        return OperatorConfig(
            cluster=cluster,
            instance=f"{self.home}/{settings.instance}",
            default_region=settings.default_region(),
            account_regional_buckets=settings.account_regional_buckets(),
            packages=self.functions,
            page_script=packages.page_script(self.functions[components.COLLECTOR]),
            account=settings.account,
            permissions_boundary=settings.permissions_boundary or None,
            tenants=self.tenants,
            rollout_max_parallel=settings.rollout_max_parallel,
            selected=label_selector.parse(settings.watch_label_selector),
            namespaces=settings.watch_namespaces,
            outputs_config_map=settings.outputs_config_map,
            function_runtime=settings.function_runtime,
        )

    def close(self) -> None:
        """End the threads, without waiting for calls that hang."""
        self.aws_pool.shutdown(wait=False, cancel_futures=True)
        self.kube_pool.shutdown(wait=False, cancel_futures=True)


def wire(settings: Settings) -> Wiring:
    """Create the parts that need neither event loop nor network.

    Raises:
        KubernetesError: there is no configuration of a cluster.
    """
    functions = packages.load(settings.packages)
    metrics = Metrics()
    kubeconfig = Path(os.environ["KUBECONFIG"]) if os.environ.get("KUBECONFIG") else None
    timing = Timing.of(settings.lease_seconds)
    fence = WriteFence(timing.deadline)
    kube_pool = ThreadPoolExecutor(_KUBE_THREADS, thread_name_prefix="kube")
    return Wiring(
        settings=settings,
        functions=functions,
        metrics=metrics,
        aws_pool=ThreadPoolExecutor(settings.aws_threads, thread_name_prefix="aws"),
        kube_pool=kube_pool,
        kubeconfig=kubeconfig,
        timing=timing,
        fence=fence,
        kube=KubeClient(
            connect(kubeconfig),
            executor=kube_pool,
            on_write=lambda target: metrics.kubernetes_writes.labels(target).inc(),
            ensure_leader=fence.check if settings.leader_election else no_fence,
        ),
        home=settings.lease_namespace or own_namespace(kubeconfig),
        queue=WorkQueue(
            on_change=lambda depth, added: metrics.observe_queue(depth=depth, added=added),
            on_wait=metrics.observe_wait,
        ),
        tenants=TenantsSource(
            Path(settings.tenants) if settings.tenants else None,
            on_state=lambda good: metrics.tenants_good.set(int(good)),
        ),
    )
