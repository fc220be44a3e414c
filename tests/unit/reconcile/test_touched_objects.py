"""Events of an object that somebody touches in the middle of a reconcile: none is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import APPROVED_PLAN, RECONCILE_REQUESTED_AT
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.resource import DeletionPolicy
from clickstream_operator.kube.client import KubeClient, StaleObject
from clickstream_operator.kube.event_recorder import EventRecorder
from clickstream_operator.reconcile.reconciler import Reconciler
from tests.unit.engine.fake_resource import FakeResource, aws_error
from tests.unit.reconcile.world import MemoryKube, World

#: Every kind of Event that a reconcile posts, but for those about autoscaling and other operators.
KINDS = {
    Reason.RESOURCE_CREATED,
    Reason.RESOURCE_UPDATED,
    Reason.RESOURCE_DELETED,
    Reason.RESOURCE_RETAINED,
    Reason.DRIFT_CORRECTED,
    Reason.DRIFT_DETECTED,
    Reason.RECONCILE_REQUEST_HANDLED,
    Reason.PLAN_PENDING,
    Reason.PLAN_APPROVED,
    Reason.PLAN_COMPLETED,
    Reason.AVAILABLE,
    Reason.SUSPENDED,
    Reason.INVALID,
}


class TouchedKube(MemoryKube):
    """An API server with which somebody annotates the object before one write of the status."""

    def __init__(self, *touched: int) -> None:
        super().__init__()
        self.touched = touched
        self.writes = 0

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Refuse it if the object was touched."""
        self.writes += 1
        if self.writes in self.touched:
            raise StaleObject("shop/web changed meanwhile")
        return await super().write_status(body, status)


class Life:
    """A pipeline's life, in which each kind of Event is posted."""

    def __init__(self, world: World, kube: TouchedKube) -> None:
        self.world = world
        world.kube = kube
        services = world.controller._services
        recorder = EventRecorder(cast("KubeClient", kube), instance="test", now=services.now)
        services = replace(services, kube=cast("KubeClient", kube), recorder=recorder)
        world.controller = Reconciler(services, jitter=lambda: 0.0)

    async def step(self) -> None:
        """One reconcile, which the worker repeats when the object was touched."""
        while True:
            try:
                await self.world.step()
            except StaleObject:
                continue
            return

    async def live(self) -> None:
        """From the creation to the deletion."""
        world, kept = self.world, FakeResource("kept", deletion=DeletionPolicy.RETAIN)
        stream, queue = FakeResource("stream"), FakeResource("queue")
        world.has(kept, stream, queue)
        await self.step()
        stream.exists(size=9)
        world.time = 300
        await self.step()
        world.set_spec(driftPolicy="Report")
        stream.exists(size=8)
        world.time = 600
        await self.step()
        world.set_spec()
        stream.want = {"size": 2}
        await self.step()
        world.edit()
        world.wanted = [kept, stream]
        await self.step()
        world.annotate(RECONCILE_REQUESTED_AT, "now")
        await self.step()
        world.set_spec(suspend=True)
        await self.step()
        world.set_spec(approval="Manual")
        stream.want = {"size": 3}
        await self.step()
        plan = world.kube.status.plan
        assert plan is not None
        world.annotate(APPROVED_PLAN, plan.hash)
        await self.step()
        world.set_spec()
        stream.want, stream.fail = {"size": 4}, {"update": aws_error(Category.INVALID)}
        await self.step()
        stream.fail = {}
        world.time = 2000
        await self.step()
        world.ask_to_delete()
        while world.kube.body is not None:
            world.time += 60
            await self.step()

    def told(self) -> Counter[tuple[str, str]]:
        """Reasons and actions of the Events."""
        return Counter((one["reason"], one["action"]) for one in self.world.kube.events.values())


async def lived(monkeypatch: pytest.MonkeyPatch, *touched: int) -> tuple[Life, TouchedKube]:
    """A life in which the object is touched before these writes of the status."""
    kube = TouchedKube(*touched)
    life = Life(World(monkeypatch), kube)
    await life.live()
    return life, kube


async def test_an_object_that_is_touched_loses_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of a whole life refused once, one at a time: the same Events, each once."""
    undisturbed, kube = await lived(monkeypatch)
    told = undisturbed.told()
    assert {Reason(reason) for reason, _ in told} >= KINDS
    for number in range(1, kube.writes + 1):
        disturbed, _ = await lived(monkeypatch, number)
        assert disturbed.told() == told, f"the object was touched before write {number}"
