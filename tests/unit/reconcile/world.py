"""A reconciler with everything that it calls in memory: one object, Events, a credential."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator import pipeline
from clickstream_operator.api.v1alpha1 import FINALIZER, Status
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.reconcile.services import Services
from clickstream_operator.telemetry.metrics import Metrics
from tests.unit.engine.fake_resource import FakeResource, aws_error

KEY = ObjectKey("shop", "web")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


class MemoryKube:
    """One object of an API server, as far as the reconciler uses it."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = {
            "metadata": {
                "name": KEY.name,
                "namespace": KEY.namespace,
                "uid": "uid-1",
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": "2026-11-01T00:00:00Z",
            },
            "spec": {},
        }
        self.statuses: list[Status] = []
        self.on_status: Callable[[], None] = lambda: None
        self.events: dict[str, dict[str, Any]] = {}
        self.check_status: Callable[[], None] = lambda: None

    @property
    def status(self) -> Status:
        """The stored status."""
        return self.statuses[-1]

    async def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The object."""
        return copy.deepcopy(self.body)

    async def create_event(self, namespace: str, event: dict[str, Any]) -> None:
        """Keep it under its name."""
        self.events.setdefault(event["metadata"]["name"], event)

    async def add_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Guard it."""
        assert self.body is not None
        self.body["metadata"]["finalizers"] = [FINALIZER]
        return copy.deepcopy(self.body)

    async def remove_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let it go."""
        gone = self.body
        assert gone is not None
        self.body = None
        return gone

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Store and remember."""
        assert self.body is not None
        self.body["status"] = dict(status)
        self.statuses.append(Status.model_validate(status))
        self.check_status()
        self.on_status()
        return copy.deepcopy(self.body)


class MemoryRecorder:
    """Events in a list."""

    def __init__(self) -> None:
        self.seen: list[Event] = []

    async def record(self, body: Mapping[str, Any], event: Event, *, occasion: str = "") -> None:
        """Remember it."""
        self.seen.append(event)

    async def post_waiting(self) -> None:
        """Nothing waits."""


class MemorySession:
    """A credential of one account."""

    error: AwsError | None = None

    async def identity(self) -> CallerIdentity:
        """The account."""
        if self.error is not None:
            raise self.error
        return CallerIdentity("123456789012", "aws")

    async def call(self, service: str, operation: str, /, **_parameters: Any) -> dict[str, Any]:
        """The one call that no resource makes; CloudWatch has no answer here."""
        assert (service, operation) == ("cloudwatch", "get_metric_data")
        raise aws_error(Category.TRANSIENT)


class World:
    """A reconciler, its object, and the resources that a spec asks for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kube, self.recorder, self.time = MemoryKube(), MemoryRecorder(), 0.0
        self.session, self.metrics = MemorySession(), Metrics()
        self.lies: list[str] = []
        self.kube.check_status = self._compare_with_aws
        self.wanted: list[FakeResource] = []
        self.possible: list[FakeResource] = []
        monkeypatch.setattr(pipeline, "build", lambda _blueprint: self.wanted)
        monkeypatch.setattr(pipeline, "build_everything", lambda _blueprint: self.possible)
        self.controller = Reconciler(
            Services(
                kube=cast("KubeClient", self.kube),
                recorder=cast("EventRecorder", self.recorder),
                sessions=lambda _region, _role: cast("AwsSession", self.session),
                config=OperatorConfig(
                    cluster="cluster-1",
                    instance="test",
                    default_region="eu-west-1",
                    account_regional_buckets=False,
                    packages={},
                ),
                metrics=self.metrics,
                clock=lambda: self.time,
                now=lambda: NOW + timedelta(seconds=self.time),
            ),
            jitter=lambda: 0.0,
        )

    def has(self, *resources: FakeResource) -> None:
        """The spec asks for these."""
        self.wanted = self.possible = list(resources)

    def _compare_with_aws(self) -> None:
        """After a refused write no status is content while AWS differs."""
        said = {one.type: one.status for one in self.kube.status.conditions}
        assert self.kube.body is not None
        present = self.kube.status.observed_generation == self.kube.body["metadata"]["generation"]
        if said.get("Ready") == "True" and said.get("DriftDetected") != "True" and present:
            self.lies += [
                f"{one.name} differs and the status is content"
                for one in self.wanted
                if one.write_refused and one.differs
            ]

    async def step(self) -> float | None:
        """One reconcile."""
        return await self.controller.reconcile(KEY)

    def edit(self) -> None:
        """A new generation."""
        assert self.kube.body is not None
        self.kube.body["metadata"]["generation"] += 1

    def set_spec(self, **spec: Any) -> None:
        """A new generation with another spec."""
        self.edit()
        assert self.kube.body is not None
        self.kube.body["spec"] = spec

    def annotate(self, name: str, value: str) -> None:
        """An annotation, which makes no new generation."""
        assert self.kube.body is not None
        self.kube.body["metadata"]["annotations"] = {name: value}

    def ask_to_delete(self) -> None:
        """Somebody deletes the object."""
        self.edit()
        assert self.kube.body is not None
        self.kube.body["metadata"]["deletionTimestamp"] = "2026-11-01T01:00:00Z"


def ready_of(status: Status) -> tuple[str, int]:
    """Status and generation of Ready."""
    (found,) = (one for one in status.conditions if one.type == "Ready")
    return found.status, status.observed_generation
