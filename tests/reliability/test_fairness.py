"""One bad pipeline never slows another: the real queue, workers, controller and engine.

AWS and the Kubernetes API are in memory, and time is the event loop's own: it jumps to the next
moment at which something is due, so hours of a bad pipeline take no time and no test depends on the
machine.
"""

from __future__ import annotations

import asyncio
import copy
import selectors
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import Mock

import pytest

from clickstream_operator import pipeline
from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.aws.errors import Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.engine.resource import READY, Observed, progressing
from clickstream_operator.kube.client import KubeClient, StaleObject
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.reconciler import Reconciler
from clickstream_operator.reconcile.services import Services
from clickstream_operator.runtime import workers as workers_module
from clickstream_operator.runtime.workers import Workers
from clickstream_operator.runtime.workqueue import WorkQueue
from clickstream_operator.telemetry.metrics import Metrics
from tests.kstatus import Verdict, verdict
from tests.unit.engine.fake_resource import FakeResource, aws_error

CLUSTER = "cluster-1"
GOOD = tuple(ObjectKey("shop", f"good-{number}") for number in range(45))
BAD = tuple(ObjectKey("shop", f"bad-{number}") for number in range(5))
WORKERS = 8
FAR = "eu-central-1"
#: How long the bad ones are bad.
SECONDS = 300.0
#: What can be wrong with a pipeline.
KINDS = ("throttled", "denied", "rejected", "far away", "defect", "edited all the time")


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: what would be waited is added to `now`."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout else timeout)
        if not ready and timeout:
            # A little more: the loop calls a timer due a nanosecond before its time.
            self.now += timeout + 1e-6
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is that selector's."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds."""
        return self._jumping.now


class SlowResource(FakeResource):
    """Takes AWS's time: calls last a moment, a new one is at work for `seconds`."""

    call_seconds = 0.1
    seconds = 0.0
    _made_at = 0.0

    async def observe(self, *, full: bool) -> Observed | None:
        """What is shown, once AWS has finished."""
        await asyncio.sleep(self.call_seconds)
        late = asyncio.get_running_loop().time() - self._made_at
        if self.there is not None and late >= self.seconds:
            self.there = self._changed(self.there, readiness=READY)
        return await super().observe(full=full)

    async def create(self, desired: Mapping[str, Any]) -> Observed | None:
        """Begin to make it."""
        await asyncio.sleep(self.call_seconds)
        self._made_at = asyncio.get_running_loop().time()
        self.after_create = progressing("Busy", "busy") if self.seconds else READY
        return await super().create(desired)


class MemoryKube:
    """Objects of an API server, as far as the controller uses them."""

    def __init__(self) -> None:
        self.bodies: dict[ObjectKey, dict[str, Any]] = {}
        self.stale: set[ObjectKey] = set()

    def apply(self, key: ObjectKey, spec: dict[str, Any]) -> None:
        """Store an object, or a new generation of it."""
        known = self.bodies.get(key)
        generation = known["metadata"]["generation"] + 1 if known else 1
        metadata = {
            "name": key.name,
            "namespace": key.namespace,
            "uid": key.name,
            "resourceVersion": "1",
            "creationTimestamp": "2026-11-01T00:00:00Z",
        }
        body = known or {"metadata": metadata, "status": {"observedGeneration": -1}}
        body["metadata"]["generation"] = generation
        body["spec"] = spec
        self.bodies[key] = body

    async def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The object."""
        return copy.deepcopy(self.bodies.get(key))

    async def add_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Guard it."""
        found = self._of(body)
        found["metadata"]["finalizers"] = [FINALIZER]
        return copy.deepcopy(found)

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Store it, unless somebody edits the object at every moment."""
        found = self._of(body)
        if found["metadata"]["name"] in {key.name for key in self.stale}:
            raise StaleObject("changed meanwhile")
        found["status"] = dict(status)
        return copy.deepcopy(found)

    def _of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        metadata = body["metadata"]
        return self.bodies[ObjectKey(metadata["namespace"], metadata["name"])]


class NoRecorder:
    """Events go nowhere."""

    async def record(
        self, body: Mapping[str, Any], happening: Event, *, occasion: str = ""
    ) -> None:
        """Forget it."""

    async def post_waiting(self) -> None:
        """Nothing waits."""


class MemorySession:
    """A credential. In a region that does not answer, asking for its account takes a minute."""

    def __init__(self, region: str, *, broken: bool) -> None:
        self._dead = broken and region == FAR

    async def identity(self) -> CallerIdentity:
        """The account."""
        if self._dead:
            await asyncio.sleep(60)
            raise aws_error(Category.TRANSIENT, "ConnectTimeoutError")
        return CallerIdentity("123456789012", "aws")

    async def call(self, service: str, operation: str, /, **_parameters: Any) -> dict[str, Any]:
        """The one call that no resource makes; CloudWatch has no answer here."""
        assert (service, operation) == ("cloudwatch", "get_metric_data")
        raise aws_error(Category.TRANSIENT)


@dataclass
class Fleet:
    """Pipelines, the operator that reconciles them, and how they fared."""

    kind: str
    kube: MemoryKube = field(default_factory=MemoryKube)
    broken: bool = True
    reconciles: Counter[ObjectKey] = field(default_factory=Counter)
    ready_after: dict[ObjectKey, int] = field(default_factory=dict)
    ready_at: dict[ObjectKey, float] = field(default_factory=dict)
    _seen: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._resources = {
            names.base_name(cluster=CLUSTER, namespace=key.namespace, name=key.name): (
                key,
                [*_parts(bad=False)] if key in GOOD else [*_parts(bad=self._fails)],
            )
            for key in (*GOOD, *BAD)
        }

    @property
    def _fails(self) -> bool:
        return self.kind in {"throttled", "denied", "rejected"}

    def build(self, context: BuildContext) -> list[FakeResource]:
        """The resources of a pipeline, in place of AWS's."""
        key, resources = self._resources[context.base]
        if self.kind == "defect" and self.broken and key in BAD:
            raise RuntimeError("a defect")
        error = {
            "throttled": aws_error(Category.THROTTLED, "ThrottlingException"),
            "denied": aws_error(Category.ACCESS_DENIED, "AccessDenied"),
            "rejected": aws_error(Category.INVALID, "ValidationException"),
        }.get(self.kind)
        if key in BAD and error:
            for resource in resources:
                resource.fail = {"create": error, "observe": error} if self.broken else {}
        return resources

    def heal(self) -> None:
        """What was wrong is put right."""
        self.broken = False
        self.kube.stale.clear()

    async def run(self, *, workers: int, bad: bool, until: float = SECONDS) -> Fleet:
        """Create all pipelines at once and let the workers work for `until` seconds."""
        loop = asyncio.get_running_loop()
        self._queue = WorkQueue()
        self._controller = Reconciler(
            Services(
                kube=cast("KubeClient", self.kube),
                recorder=cast("EventRecorder", NoRecorder()),
                sessions=lambda region, _role: cast(
                    "AwsSession", MemorySession(region, broken=self.broken)
                ),
                config=OperatorConfig(
                    cluster=CLUSTER,
                    instance="test",
                    default_region="eu-west-1",
                    account_regional_buckets=False,
                    packages={},
                ),
                metrics=Metrics(),
                clock=loop.time,
                now=lambda: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=loop.time()),
            ),
            jitter=lambda: 0.5,
        )
        workers_ = Workers(
            count=workers, queue=self._queue, reconcile=self._reconcile, metrics=Metrics()
        )
        far = {"region": FAR} if self.kind == "far away" else {}
        if bad:
            self.kube.stale = set(BAD) if self.kind == "edited all the time" else set()
            # The bad ones come first: there is no luck in the order.
            for key in BAD:
                self.edit(key, far)
        for key in GOOD:
            self.edit(key, {})
        workers_.start()
        await asyncio.sleep(until)
        self._edited_in_time = await self._edit_while_busy()
        self.heal()
        await asyncio.sleep(2 * SECONDS)
        await workers_.drain()
        return self

    def edit(self, key: ObjectKey, spec: dict[str, Any]) -> None:
        """What a user does, and what the watch makes of it."""
        self.kube.apply(key, spec)
        self._queue.add(key, urgent=True)

    async def _edit_while_busy(self) -> float:
        """Seconds from an edit of a good pipeline to the start of its reconcile."""
        began = asyncio.get_running_loop().time()
        self._seen.clear()
        self.edit(GOOD[0], {"environment": "prod"})
        await self._seen.wait()
        return asyncio.get_running_loop().time() - began

    @property
    def edited_in_time(self) -> float:
        """How long an edit waited for a worker."""
        return self._edited_in_time

    async def _reconcile(self, key: ObjectKey) -> float | None:
        self.reconciles[key] += 1
        if key == GOOD[0]:
            self._seen.set()
        if self.kind == "throttled" and self.broken and key in BAD:
            await asyncio.sleep(20)
        delay = await self._controller.reconcile(key)
        if key not in self.ready_at and self.verdict(key) is Verdict.CURRENT:
            self.ready_at[key] = asyncio.get_running_loop().time()
            self.ready_after[key] = self.reconciles[key]
        return delay

    def verdict(self, key: ObjectKey) -> Verdict:
        """What kstatus says of a pipeline."""
        return verdict(self.kube.bodies[key])


def _parts(*, bad: bool) -> list[FakeResource]:
    """A pipeline in small: two that take AWS's time, one that needs both."""
    stream, table, function = (
        SlowResource("stream"),
        SlowResource("table"),
        SlowResource("function", "stream", "table"),
    )
    stream.seconds, table.seconds = 5.0, 12.0
    if bad:
        stream.call_seconds = 10.0
    return [stream, table, function]


def play(kind: str, *, workers: int = WORKERS, bad: bool = True) -> Fleet:
    """Fifty pipelines, or the 45 good ones alone."""
    fleet = Fleet(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "build", fleet.build)
        # The traceback of each defect takes longer than all reconciles together.
        patch.setattr(workers_module, "log", Mock())
        with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
            return runner.run(fleet.run(workers=workers, bad=bad))


@pytest.fixture(scope="module")
def alone() -> Fleet:
    """The good ones without the bad ones."""
    return play("", bad=False)


@pytest.fixture(scope="module")
def alone_with_fewer() -> Fleet:
    """The good ones without the bad ones, and without five of the workers."""
    return play("", workers=WORKERS - len(BAD), bad=False)


@pytest.fixture(scope="module", params=KINDS)
def among(request: pytest.FixtureRequest) -> Fleet:
    """All fifty, the bad ones first."""
    return play(request.param)


def test_bad_pipelines_cost_the_others_no_reconcile(alone: Fleet, among: Fleet) -> None:
    """45 become Ready in no more reconciles than without the five bad ones, each of them."""
    assert set(alone.ready_after) == set(GOOD)
    late = {key for key in GOOD if among.ready_after[key] > alone.ready_after[key]}
    assert late == set()
    assert max(alone.ready_after.values()) < 8


def test_bad_pipelines_cost_the_others_one_worker_each_at_most(
    alone_with_fewer: Fleet, among: Fleet
) -> None:
    """However long their reconciles last: nobody is later than with five workers fewer."""
    latest = max(alone_with_fewer.ready_at.values())
    assert max(among.ready_at[key] for key in GOOD) <= latest
    assert latest < SECONDS / 10
    assert among.edited_in_time < 1


def test_bad_pipelines_are_tried_less_and_less_and_heal(among: Fleet) -> None:
    """No hot loop meanwhile, no restart afterwards."""
    assert {among.verdict(key) for key in (*GOOD, *BAD)} == {Verdict.CURRENT}
    # One that is edited all the time is read anew each time, five times a second at most.
    most = 5 * SECONDS + 50 if among.kind == "edited all the time" else 50
    assert min(among.reconciles[key] for key in BAD) > 5
    assert max(among.reconciles[key] for key in BAD) <= most
