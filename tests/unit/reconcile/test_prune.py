"""Resources that left the spec: deleted, doubted while AWS lags, or kept on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import APPROVED_PLAN
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.resource import DeletionPolicy
from clickstream_operator.reconcile import apply
from clickstream_operator.resources.s3_config_object import ConfigObject
from tests.unit.engine.fake_resource import FakeResource, Unindexed, Untagged, aws_error
from tests.unit.reconcile.world import World, ready_of


class ConfigPart(FakeResource):
    """One that is inside the bucket."""

    kind = ConfigObject.kind


@pytest.mark.parametrize("kind", [FakeResource, Untagged, Unindexed])
async def test_what_left_the_spec_goes(world: World, kind: type[FakeResource]) -> None:
    """A resource of the inventory that is no longer wanted is deleted, with or without tags."""
    kept, dropped = FakeResource("a"), kind("b")
    world.has(kept, dropped)
    await world.step()
    world.edit()
    world.wanted = [kept]
    await world.step()
    assert dropped.writes == ["create", "delete"]
    assert [one.name for one in world.kube.status.resources] == ["a"]


async def test_what_is_retained_stays_when_it_left_the_spec(world: World) -> None:
    """As in a deletion: the policy of the resource decides."""
    kept = FakeResource("a")
    dropped = FakeResource("b", deletion=DeletionPolicy.RETAIN)
    world.has(kept, dropped)
    await world.step()
    world.edit()
    world.wanted = [kept]
    await world.step()
    assert dropped.writes == ["create"]
    assert [(one.name, one.state) for one in world.kube.status.resources] == [
        ("a", "Ready"),
        ("b", "Retained"),
    ]


async def test_nothing_is_pruned_while_suspended(world: World) -> None:
    """A suspended pipeline writes nothing to AWS; the end of the suspension prunes."""
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.set_spec(suspend=True)
    world.wanted = [kept]
    await world.step()
    assert dropped.writes == ["create"]
    world.set_spec()
    await world.step()
    assert dropped.writes == ["create", "delete"]


async def test_pruning_waits_for_its_approval(world: World) -> None:
    """The deletion is a line of the plan, and is done when that plan is approved."""
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.set_spec(approval="Manual")
    world.wanted = [kept]
    await world.step()
    assert dropped.writes == ["create"]
    plan = world.kube.status.plan
    assert plan is not None
    assert [(one.action, one.resource) for one in plan.changes] == [("delete", "b")]
    assert ready_of(world.kube.status)[0] == "False"
    world.annotate(APPROVED_PLAN, plan.hash)
    await world.step()
    assert dropped.writes == ["create", "delete"]
    assert ready_of(world.kube.status)[0] == "True"


async def test_progress_of_a_reconcile_does_not_hide_a_refused_removal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status in the middle of a reconcile, before the removal has its turn, is not ready."""
    monkeypatch.setattr(apply, "_PROGRESS_SECONDS", 0)
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.edit()
    world.wanted = [kept]
    dropped.fail["delete"] = aws_error(Category.ACCESS_DENIED)
    before = len(world.kube.statuses)
    for _ in range(3):
        await world.step()
    shown = [ready_of(one)[0] for one in world.kube.statuses[before:]]
    assert set(shown) == {"False"}


class Refused(FakeResource):
    """One whose correction is refused while the others go on."""

    async def update(self, *_arguments: Any) -> None:
        """Let the status be written meanwhile, and fail."""
        for _ in range(20):
            await asyncio.sleep(0)
        raise aws_error(Category.ACCESS_DENIED)


async def test_progress_of_a_resync_does_not_say_ready(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when a resource that Ready does not wait for has something new to show."""
    monkeypatch.setattr(apply, "_PROGRESS_SECONDS", 0)
    refused, aside = Refused("a"), FakeResource("b")
    aside.gates_ready = False
    world.has(refused, aside)
    await world.step()
    refused.exists(size=9)
    aside.exists(size=9)
    aside.fail["update"] = aws_error(Category.ACCESS_DENIED)
    before = len(world.kube.statuses)
    world.time += 1000
    await world.step()
    assert {ready_of(one)[0] for one in world.kube.statuses[before:]} == {"False"}


async def test_what_another_version_made_is_not_forgotten(world: World) -> None:
    """A line that nothing of this version answers to stays, holds a deletion up, and says so."""
    fake, newer = FakeResource("a"), FakeResource("newer")
    world.has(fake, newer)
    await world.step()
    world.has(fake)
    world.edit()
    await world.step()
    assert [one.name for one in world.kube.status.resources] == ["a", "newer"]
    assert ready_of(world.kube.status)[0] == "True"
    world.ask_to_delete()
    await world.step()
    (line,) = world.kube.status.resources
    assert (line.name, line.reason) == ("newer", "DeletionBlocked")
    assert "made by another version" in line.message
    assert newer.there is not None
    world.annotate("clickstream.dev/force-delete", "true")
    await world.step()
    assert world.kube.body is None


async def test_a_part_goes_with_what_it_is_in(world: World) -> None:
    """A configuration in the bucket leaves the record with the spec, and holds nothing up."""
    fake, part = FakeResource("a"), ConfigPart("config")
    world.has(fake, part)
    await world.step()
    world.has(fake)
    world.edit()
    await world.step()
    assert [one.name for one in world.kube.status.resources] == ["a"]
    world.has(fake, part)
    world.edit()
    await world.step()
    world.possible = [fake]
    world.ask_to_delete()
    await world.step()
    assert world.kube.body is None


async def test_a_feature_turned_off_at_once_leaks_nothing(world: World) -> None:
    """Pruning doubts a NotFound as deletion does."""
    kept, dropped = FakeResource("a"), FakeResource("b")
    world.has(kept, dropped)
    await world.step()
    world.wanted = [kept]
    world.edit()
    dropped.lag = 1
    delay = await world.step()
    assert delay is not None
    world.time += delay
    await world.step()
    assert dropped.there is None
    assert [one.name for one in world.kube.status.resources] == ["a"]
