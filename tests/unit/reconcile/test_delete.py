"""Deletion of an object: what is deleted, doubted, waited for and told."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.resource import DeletionPolicy, progressing
from tests.unit.engine.fake_resource import FakeResource, Unindexed, Untagged, aws_error
from tests.unit.reconcile.world import World


@pytest.mark.parametrize("kind", [FakeResource, Untagged, Unindexed])
async def test_deletion_removes_everything_and_lets_go(
    world: World, kind: type[FakeResource]
) -> None:
    """The finalizer goes when AWS has nothing of ours any more, with or without tags."""
    fake = kind("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    assert await world.step() is None
    assert fake.there is None
    assert world.kube.body is None


async def test_deletion_waits_for_aws(world: World) -> None:
    """While something is left the finalizer stays."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    fake.fail["delete"] = aws_error(Category.CONFLICT)
    world.ask_to_delete()
    assert await world.step() == 2
    assert world.kube.body is not None


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True},
        {"approval": "Manual"},
        {"suspend": True, "approval": "Manual"},
        {"driftPolicy": "Report"},
        {"driftPolicy": "Ignore"},
        {"adoptionPolicy": "Never"},
    ],
)
async def test_a_deletion_waits_for_no_policy(world: World, spec: dict[str, Any]) -> None:
    """Who deletes the object has decided: nothing is left to approve, to resume or to report."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.set_spec(**spec)
    await world.step()
    world.ask_to_delete()
    assert await world.step() is None
    assert (world.kube.body, fake.there) == (None, None)


async def test_deletion_does_not_observe_again_what_is_gone(world: World) -> None:
    """A poll reads only what is left."""
    left, gone = FakeResource("left"), FakeResource("gone")
    world.has(left, gone)
    await world.step()
    left.fail["delete"] = aws_error(Category.CONFLICT)
    world.ask_to_delete()
    await world.step()
    assert gone.there is None
    observed = gone.calls.count("observe")
    world.time += 60
    await world.step()
    assert gone.calls.count("observe") == observed
    assert world.kube.body is not None
    del left.fail["delete"]
    world.time += 60
    assert await world.step() is None
    assert world.kube.body is None


async def test_deletion_without_a_status_finds_what_was_made(world: World) -> None:
    """Restored without its status, or killed right after its finalizer: AWS is asked.

    Also when the credential fails at first, which gives the object a status.
    """
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    assert world.kube.body is not None
    del world.kube.body["status"]
    world.session.error = aws_error(Category.TRANSIENT)
    world.ask_to_delete()
    await world.step()
    assert "status" in (world.kube.body or {})
    world.session.error = None
    await world.step()
    gone: Any = (world.kube.body, fake.there)
    assert gone == (None, None)


async def test_what_a_deletion_keeps_is_told(world: World) -> None:
    """Its ARN, when nothing else is left that could say it."""
    kept, fake = FakeResource("a", deletion=DeletionPolicy.RETAIN), FakeResource("b")
    world.has(kept, fake)
    await world.step()
    world.ask_to_delete()
    world.recorder.seen.clear()
    await world.step()
    assert world.kube.body is None
    (told,) = (one for one in world.recorder.seen if one.reason is Reason.RESOURCE_RETAINED)
    assert (told.kind, told.note) == (
        "Normal",
        f"spec.deletionPolicy keeps 1 in AWS: {kept.arn}",
    )


async def test_deletion_right_after_creation_finds_what_is_not_shown_yet(world: World) -> None:
    """A read that lags the creation must not leak the resource."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    fake.lag = 1
    delay = await world.step()
    assert (world.kube.status.resources[0].reason, delay) == ("ConfirmingAbsence", 10.0)
    world.time += 10
    await world.step()
    assert (world.kube.body, fake.there) == (None, None)


async def test_what_no_process_tried_to_make_is_not_waited_for(world: World) -> None:
    """One that saw it all knows what was never asked for; another one does not."""
    first, second = FakeResource("a"), FakeResource("b", "a")
    first.after_create = progressing("Busy", "busy")
    world.has(first, second)
    await world.step()
    world.ask_to_delete()
    stored = copy.deepcopy(world.kube.body)
    await world.step()
    assert (world.kube.body, first.there) == (None, None)
    world.kube.body = stored
    world.controller._states.clear()
    assert await world.step() == 10.0


async def test_a_creation_without_an_answer_is_doubted(world: World) -> None:
    """AWS may have made what it did not confirm."""
    fake = FakeResource("a")
    fake.fail["create"] = aws_error(Category.TRANSIENT)
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    await world.step()
    assert world.kube.status.resources[0].reason == "ConfirmingAbsence"


async def test_deletion_long_after_creation_believes_aws(world: World) -> None:
    """What was there for minutes and is not found is gone."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.time += 60
    fake.there = None
    world.ask_to_delete()
    await world.step()
    assert world.kube.body is None


async def test_deletion_waits_only_for_what_may_have_been_made(world: World) -> None:
    """A service that was never used may be out of reach; one that was used holds the deletion."""
    mine, idle = FakeResource("mine"), FakeResource("idle")
    never = FakeResource("never", "mine", "idle")
    world.has(mine)
    await world.step()
    world.possible = [mine, idle, never]
    world.ask_to_delete()
    mine.fail = never.fail = {"observe": aws_error(Category.ACCESS_DENIED, text="no")}
    while world.time < 1000:
        delay = await world.step()
        stalled = [one for one in world.kube.status.conditions if one.type == "Stalled"]
        if stalled:
            break
        assert delay is not None
        world.time += delay
    assert 300 <= world.time < 301
    assert "mine: fake:call failed with" in stalled[0].message
    assert [one.name for one in world.kube.status.resources] == ["mine"]
    mine.fail = {}
    await world.step()
    assert world.kube.body is None
    assert mine.there is None
    told = [one for one in world.recorder.seen if "never" in one.note]
    assert [(one.kind, one.reason) for one in told] == [("Warning", Reason.ACCESS_DENIED)]


@pytest.mark.parametrize(
    ("landed", "restarts", "waits"),
    [(False, False, False), (False, True, False), (True, False, True), (True, True, True)],
)
async def test_deletion_waits_for_a_creation_without_an_answer(
    world: World, *, landed: bool, restarts: bool, waits: bool
) -> None:
    """A creation that AWS refused made nothing; one whose answer was lost may have."""
    fake = FakeResource("a")
    error = aws_error(Category.TRANSIENT, "EndpointUnreachable")
    error.may_have_landed = landed
    fake.fail = {"create": error}
    world.has(fake)
    await world.step()
    fake.fail = {"observe": aws_error(Category.TRANSIENT, "EndpointUnreachable")}
    world.ask_to_delete()
    if restarts:
        world.controller._states.clear()
    for _ in range(3):
        world.time += await world.step() or 0.0
    assert (world.kube.body is not None) is waits


async def test_an_object_without_a_status_holds_all_that_it_may_have_made(world: World) -> None:
    """Restored without its status: every name that it would get is read until AWS answers."""
    fake = FakeResource("a")
    world.possible = [fake]
    assert world.kube.body is not None
    world.kube.body["metadata"]["finalizers"] = [FINALIZER]
    fake.fail = {"observe": aws_error(Category.ACCESS_DENIED)}
    world.ask_to_delete()
    for _ in range(4):
        world.time += await world.step() or 0.0
    assert world.kube.body is not None
    fake.fail = {}
    for _ in range(3):
        world.time += await world.step() or 0.0
    assert world.kube.body is None


async def test_a_stalled_deletion_is_said_when_the_time_is_over(world: World) -> None:
    """Deletion keeps the same times as everything else."""
    fake = FakeResource("a")
    world.has(fake)
    await world.step()
    world.ask_to_delete()
    fake.fail["delete"] = aws_error(Category.THROTTLED)
    while True:
        delay = await world.step()
        if any(one.type == "Stalled" for one in world.kube.status.conditions):
            break
        assert delay is not None
        world.time += delay
    assert 600 <= world.time < 601
