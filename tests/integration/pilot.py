"""Drives the real reconciler, step by step, on the real API server with the emulator behind it.

No worker, no Kopf, no sleeping: a test says when a reconcile runs and what time it is.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.session import Session
from kubernetes import client
from kubernetes.client import ApiException

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from clickstream_operator.aws.assume_role import (
    AssumedRoleCredentials,
    Role,
    StaticProvider,
    session_in,
)
from clickstream_operator.aws.limits import Limits
from clickstream_operator.aws.session import AwsSession, CallRecord, is_read
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.connection import connect
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.pipeline import packages
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.reconcile.services import Services
from clickstream_operator.telemetry.metrics import Metrics
from sandbox import Sandbox
from sandbox.aws.strict import as_witness
from sandbox.aws.strict.rules import FEATURES
from sandbox.operator_process import NAMESPACE, PACKAGES, SERVICE_ACCOUNT
from tests import whole_run
from tests.integration.aws_truth import RefusedWrites
from tests.status_rules import StatusRules
from tests.tenant_grants import FOREIGN, granted

ACCOUNT = "123456789012"
CLUSTER = "test-cluster"
MOST_RECONCILES = 30


class Crash(BaseException):
    """The process dies here. Not an Exception, so that no handler survives it."""


class _CountingSession(AwsSession):
    """Notes what AWS accepted, whether or not anybody was left to hear the answer."""

    accepted: Counter[str]
    on_accepted: Callable[[str, str, dict[str, Any], dict[str, Any]], None]
    on_refused: Callable[[str], None]

    def _send(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = super()._send(service, operation, parameters)
        except (ClientError, BotoCoreError):
            if not is_read(operation):
                self.on_refused(service)
            raise
        if not is_read(operation):
            self.accepted[f"{service}:{operation}"] += 1
            self.on_accepted(service, operation, parameters, answer)
        return answer


class _RuledKube(KubeClient):
    """Shows every object that is read or written to the rules that hold for any status."""

    rules: StatusRules
    refused: RefusedWrites
    config: OperatorConfig

    async def get(self, key: ObjectKey) -> dict[str, Any] | None:
        body = await super().get(key)
        if body is not None:
            self.rules.see(body)
        return body

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        written = await super().write_status(body, status)
        self.rules.see(written)
        self.rules.broken += await self.refused.lies(written, self.config)
        return written


@dataclass
class Pilot:
    """One operator installation, its pipeline and everything that it wrote."""

    sandbox: Sandbox
    name: str = field(default_factory=lambda: f"p-{uuid.uuid4().hex[:8]}")
    namespace: str = "default"
    account: str = ACCOUNT
    secret: str = "sandbox"
    endpoint: str = ""
    started_at: float = 1000.0
    calls: list[CallRecord] = field(default_factory=list)
    kube_writes: list[str] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    on_write: Callable[[CallRecord], None] = lambda _record: None
    on_accepted: Callable[[str, str, dict[str, Any], dict[str, Any]], None] = lambda *_: None
    overrides: dict[str, Any] = field(default_factory=dict)
    rules: StatusRules = field(default_factory=StatusRules)

    def __post_init__(self) -> None:
        self._time = self.started_at
        self._loader = Loader(include_default_search_paths=True)
        self._aws_pool = ThreadPoolExecutor(16)
        self._kube_pool = ThreadPoolExecutor(4)
        self._kubeconfig = self.sandbox.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT)
        # As the cluster's administrator, and without a process for each read.
        self._objects: Any = client.CustomObjectsApi(connect(self.sandbox.kubeconfig))
        self._witnesses: dict[str, Any] = {}
        self.refused = RefusedWrites(self.witness)
        self.restart()

    @property
    def time(self) -> float:
        """Seconds on the clock that operator and AWS share."""
        return self._time

    @time.setter
    def time(self, seconds: float) -> None:
        passed, self._time = seconds - self._time, seconds
        if passed > 0:
            self.sandbox.strict_aws.advance(passed)

    @property
    def key(self) -> ObjectKey:
        """Key of the pipeline."""
        return ObjectKey(self.namespace, self.name)

    def restart(self) -> None:
        """Forget everything that a process keeps in memory; what was sent has arrived."""
        self._aws_pool.shutdown(wait=True)
        self._aws_pool = ThreadPoolExecutor(16)
        self._sessions: dict[tuple[str, Role | None], AwsSession] = {}
        kube = _RuledKube(
            connect(self._kubeconfig),
            executor=self._kube_pool,
            on_write=self.kube_writes.append,
        )
        kube.rules, kube.refused = self.rules, self.refused
        config = {
            "cluster": CLUSTER,
            "instance": "test",
            "default_region": "us-east-1",
            "account_regional_buckets": False,
            "packages": packages.load(PACKAGES),
            "tenants": granted(**FOREIGN),
            **self.overrides,
        }
        kube.config = OperatorConfig(**config)
        self.controller = Reconciler(
            Services(
                kube=kube,
                recorder=EventRecorder(kube, instance="test"),
                sessions=self._session,
                config=kube.config,
                metrics=Metrics(),
                clock=lambda: self.time,
                now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.time),
            ),
            jitter=lambda: 0.5,
        )

    def close(self) -> None:
        """End the threads; fail when a status that was written breaks a rule."""
        self._aws_pool.shutdown(cancel_futures=True)
        self._kube_pool.shutdown(cancel_futures=True)
        self.rules.check()

    def _session(self, region: str, role: Role | None = None) -> AwsSession:
        if (region, role) not in self._sessions:
            session = _CountingSession(
                region=region,
                session=self._assumed(region, role) if role else None,
                executor=self._aws_pool,
                limits=Limits(enabled=False),
                on_call=self._record,
                credentials={
                    "aws_access_key_id": self.account or None,
                    "aws_secret_access_key": self.secret if self.account else None,
                },
            )
            session.accepted = self.accepted
            session.on_accepted = self.on_accepted
            session.on_refused = self.refused.note
            self._sessions[region, role] = session
        return self._sessions[region, role]

    def _assumed(self, region: str, role: Role) -> boto3.Session:
        """A session of a role, as `SessionPool` makes it, from the pilot's own credential."""

        def own(_region: str) -> Session:
            session = session_in(region, self._loader)
            session.set_credentials(self.account, self.secret)
            return session

        session = session_in(region, self._loader)
        borrowed = AssumedRoleCredentials(own).credentials(role, region)
        session.register_component("credential_provider", StaticProvider(borrowed))
        return boto3.Session(botocore_session=session)

    def _record(self, record: CallRecord) -> None:
        self.calls.append(record)
        whole_run.note_call(record.service, record.operation)
        if not is_read(record.operation):
            self.on_write(record)

    @contextmanager
    def dying_at(self, number: int) -> Iterator[None]:
        """The process dies right after the `number`-th AWS write of the block, and starts anew."""
        written = 0

        def crash(_record: CallRecord) -> None:
            nonlocal written
            written += 1
            if written == number:
                raise Crash

        self.on_write = crash
        try:
            yield
        except Crash:
            return
        else:
            raise AssertionError(f"only {written} writes: the process did not die")
        finally:
            self.on_write = lambda _record: None
            self.restart()

    def apply(self, spec: dict[str, Any] | None = None, **metadata: Any) -> None:
        """Apply the pipeline with a spec, as a user does."""
        manifest = {
            "apiVersion": "clickstream.dev/v1alpha1",
            "kind": "ClickstreamPipeline",
            "metadata": {"name": self.name, "namespace": self.namespace, **metadata},
            "spec": spec or {},
        }
        self.sandbox.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", input=yaml.safe_dump(manifest)
        )

    def request_deletion(self) -> None:
        """Ask for deletion and do not wait for it."""
        self.sandbox.kubectl("delete", "csp", self.name, "-n", self.namespace, "--wait=false")

    async def step(self) -> float | None:
        """One reconcile."""
        return await self.controller.reconcile(self.key)

    async def converge(self, until: Callable[[], bool] | None = None) -> None:
        """Reconcile, letting the planned time go by, until Ready (or `until`)."""
        done = until or (lambda: self.condition("Ready")["status"] == "True")
        for _ in range(MOST_RECONCILES):
            delay = await self.step()
            if delay is None or done():
                return
            self.time += delay
        raise AssertionError(f"not there after {MOST_RECONCILES} reconciles: {self.status()}")

    async def resync(self) -> float | None:
        """Let the resync interval go by and reconcile."""
        self.time += 301
        return await self.step()

    def body(self) -> dict[str, Any] | None:
        """The object, None when it is gone."""
        try:
            found: dict[str, Any] = self._objects.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, self.name
            )
        except ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    def status(self) -> dict[str, Any]:
        """Its status."""
        body = self.body()
        return dict(body["status"]) if body else {}

    def condition(self, kind: str) -> dict[str, Any]:
        """One condition; an empty Unknown one when it is absent."""
        for one in self.status().get("conditions", ()):
            if one["type"] == kind:
                return dict(one)
        return {"status": "absent", "reason": "", "message": ""}

    def resource(self, name: str) -> dict[str, Any]:
        """One entry of the inventory; empty when it is absent."""
        for one in self.status().get("resources", ()):
            if one["name"] == name:
                return dict(one)
        return {}

    def events(self) -> list[dict[str, Any]]:
        """Events about the pipeline, oldest first."""
        listed = self._objects.list_namespaced_custom_object(
            "events.k8s.io", "v1", self.namespace, "events"
        )
        items = [one for one in listed["items"] if one["regarding"]["name"] == self.name]
        return sorted(items, key=lambda one: str(one["eventTime"]))

    def writes(self) -> Counter[str]:
        """AWS writes so far, by ``service:operation``."""
        return Counter(
            f"{one.service}:{one.operation}" for one in self.calls if not is_read(one.operation)
        )

    def forget_calls(self) -> None:
        """Start counting anew."""
        self.calls.clear()
        self.accepted.clear()
        self.kube_writes.clear()

    def witness(self, service: str) -> Any:
        """A boto3 client that reads what the operator's AWS has, past all faults and delays."""
        if service not in self._witnesses:
            made = self._client(service, self.sandbox.aws_endpoint)
            self._witnesses[service] = as_witness(made)
        return self._witnesses[service]

    def client(self, service: str) -> Any:
        """A boto3 client of the pipeline's account, of the emulator itself."""
        return self._client(service, self.sandbox.emulator_endpoint)

    def _client(self, service: str, endpoint: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.account if self.account.isdigit() else ACCOUNT,
            aws_secret_access_key="sandbox",
        )


@contextmanager
def empty_aws(sandbox: Sandbox, *, plain: bool = False) -> Iterator[None]:
    """An empty emulator as this process's AWS, and no pipeline left behind.

    `plain`: without the states, limits and delays of AWS.
    """
    sandbox.reset_aws()
    sandbox.strict_aws.reset(FEATURES if plain else ["all"])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.aws_environment().items():
            patch.setenv(name, value)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        # The pause before botocore's own retry would be real, and no time passes meanwhile.
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))
        yield
    _drop_pipelines(sandbox)
    sandbox.strict_aws.reset(["none"])


def _drop_pipelines(sandbox: Sandbox) -> None:
    """Remove all pipelines, with whatever a test left on them: no operator runs to do it."""
    objects: Any = client.CustomObjectsApi(connect(sandbox.kubeconfig))
    for one in objects.list_cluster_custom_object(GROUP, VERSION, PLURAL)["items"]:
        where = (GROUP, VERSION, one["metadata"]["namespace"], PLURAL, one["metadata"]["name"])
        try:
            objects.delete_namespaced_custom_object(*where)
            objects.patch_namespaced_custom_object(
                *where,
                [{"op": "add", "path": "/metadata/finalizers", "value": []}],
                _content_type="application/json-patch+json",
            )
        except ApiException as error:
            # Gone at once, when nothing held it.
            if error.status != HTTPStatus.NOT_FOUND:
                raise


def run(work: Any) -> Any:
    """Run a coroutine in a loop of its own, so that a Crash ends everything in it."""
    return asyncio.run(work)


def examples() -> Path:
    """Folder of the examples."""
    return Path(__file__).parents[2] / "examples"
