"""The reconciler's own part of a reconcile, over resources in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import RECONCILE_REQUESTED_AT
from clickstream_operator.aws import call_context
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.resource import Observed, progressing
from clickstream_operator.reconcile import apply as apply_module
from tests.unit.engine.fake_resource import FakeResource, Unindexed, aws_error
from tests.unit.reconcile.world import World, ready_of


async def test_intent_is_recorded_before_the_first_write(world: World) -> None:
    """Finalizer, names and account are stored before anything is created."""
    fake = FakeResource("a")
    seen: list[tuple[bool, bool]] = []
    fake.on_observe = lambda: seen.append(
        (
            bool(world.kube.statuses),
            bool(world.kube.body and world.kube.body["metadata"].get("finalizers")),
        )
    )
    world.has(fake)
    await world.step()
    assert seen[0] == (True, True)
    assert ready_of(world.kube.statuses[0]) == ("Unknown", 1)
    assert ready_of(world.kube.status) == ("True", 1)


async def test_second_reconcile_writes_nothing(world: World) -> None:
    """No write to AWS, none to Kubernetes, no Event."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    fake.log.clear()
    world.kube.statuses.clear()
    world.recorder.seen.clear()
    world.time = 300
    await world.step()
    assert (fake.writes, world.kube.statuses, world.recorder.seen) == ([], [], [])


class Slow(FakeResource):
    """One whose change lasts until the status shows the progress of the others."""

    gate: asyncio.Event

    async def update(self, *arguments: Any) -> None:
        """Wait, then change."""
        await self.gate.wait()
        await super().update(*arguments)

    async def create(self, desired: Mapping[str, Any]) -> Observed | None:
        """Wait, then create."""
        await self.gate.wait()
        return await super().create(desired)


async def test_edit_is_not_ready_before_it_is_applied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a long reconcile applies an edit, no status claims it."""
    monkeypatch.setattr(apply_module, "_PROGRESS_SECONDS", 0)
    fake = Slow("a")
    fake.gate = asyncio.Event()
    fake.gate.set()
    world.has(fake)
    await world.step()
    fake.gate.clear()
    world.edit()
    fake.want = {"size": 5}
    shown: list[tuple[str, int]] = []

    def release_when_seen() -> None:
        shown.append(ready_of(world.kube.status))
        if len(world.kube.statuses) > before + 1:
            fake.gate.set()

    before = len(world.kube.statuses)
    world.kube.on_status = release_when_seen
    await world.step()
    assert shown[-1] == ("True", 2)
    assert all(one == ("False", 2) for one in shown[:-1])


async def test_transition_during_a_long_reconcile_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A condition of the status in between still makes its Event at the end."""
    monkeypatch.setattr(apply_module, "_PROGRESS_SECONDS", 0)
    bad, slow = FakeResource("bad"), Slow("slow")
    bad.fail["create"] = aws_error(Category.INVALID)
    slow.gate = asyncio.Event()

    def release_when_seen() -> None:
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            slow.gate.set()

    world.kube.on_status = release_when_seen
    world.has(bad, slow)
    await world.step()
    reasons = [one.reason for one in world.recorder.seen]
    assert reasons.count(Reason.INVALID) == 1
    assert Reason.RESOURCE_CREATED in reasons


@pytest.mark.parametrize(
    ("category", "seconds"),
    [(Category.TRANSIENT, 600), (Category.THROTTLED, 600), (Category.ACCESS_DENIED, 300)],
)
async def test_stalled_is_said_when_the_time_is_over(
    world: World, category: Category, seconds: int
) -> None:
    """Not one backoff later: a reconcile is due at the progress deadline."""
    fake = FakeResource("a")
    fake.fail["create"] = aws_error(category)
    world.has(fake)
    while True:
        delay = await world.step()
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            break
        assert delay is not None
        world.time += delay
    assert seconds <= world.time < seconds + 1


async def test_drift_loop_is_found_beside_a_busy_neighbour(world: World) -> None:
    """Polls for another resource do not make a row of corrections count as success."""
    fake, busy = FakeResource("a"), FakeResource("busy")
    busy.after_create = progressing("Busy", "busy")
    world.has(fake, busy)
    await world.step()
    for round_ in range(1, 5):
        fake.exists(size=9)
        world.time = 300.0 * round_
        await world.step()
        world.time += 2
        await world.step()
    assert fake.writes == ["create", "update", "update", "update"]
    line = statuses.inventory(world.kube.status)["a"]
    assert line.reason == Reason.DRIFT_LOOP


@pytest.mark.parametrize("call", ["observe-full", "read_tags"])
async def test_a_full_observation_that_is_refused_is_said_in_time(world: World, call: str) -> None:
    """Fast observations in between, which leave out the refused call, are no success."""
    fake = Unindexed("a")
    fake.tags_in_observation = False
    world.has(fake)
    await world.step()
    fake.fail[call] = aws_error(Category.ACCESS_DENIED, text="no")
    while world.time < 3600 and ready_of(world.kube.status)[0] == "True":
        delay = await world.step()
        assert delay is not None
        world.time += delay
    assert ready_of(world.kube.status)[0] == "Unknown"
    assert world.kube.status.resources[0].reason == "AccessDenied"
    fake.fail = {}
    await world.step()
    assert ready_of(world.kube.status)[0] == "True"


async def test_vanished_object_is_forgotten(world: World) -> None:
    """No object, no next reconcile."""
    world.kube.body = None
    assert await world.step() is None


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda world: None, False),
        (lambda world: world.edit(), True),
        (lambda world: world.annotate(RECONCILE_REQUESTED_AT, "now"), True),
        (lambda world: world.ask_to_delete(), True),
    ],
    ids=["resync", "edit", "request", "deletion"],
)
async def test_only_what_somebody_waits_for_goes_before_the_resyncs(
    world: World, prepare: Callable[[World], None], *, expected: bool
) -> None:
    """The calls of ten thousand resyncs must not hold up the one edit."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    seen: list[tuple[str, bool] | None] = []
    fake.on_observe = lambda: seen.append(_caller())
    prepare(world)
    world.time += 300
    await world.step()
    assert set(seen) == {("shop/web", expected)}
    assert _caller() is None


async def test_a_pipeline_that_keeps_failing_waits_with_the_resyncs(world: World) -> None:
    """A new one goes first; once it failed it gains nothing by that, until it is edited."""
    fake = FakeResource("a")
    fake.fail["create"] = aws_error(Category.ACCESS_DENIED)
    seen: list[tuple[str, bool] | None] = []
    fake.on_observe = lambda: seen.append(_caller())
    world.has(fake)
    for _ in range(3):
        delay = await world.step()
        assert delay is not None
        world.time += delay
    world.edit()
    await world.step()
    edits = [caller[1] for caller in seen if caller is not None]
    assert (edits[0], edits[-1]) == (True, True)
    assert False in edits


def _caller() -> tuple[str, bool] | None:
    """The pipeline on whose behalf AWS is called now, and whether that is an edit."""
    context = call_context.current()
    return None if context is None else (context.pipeline, context.is_edit)
