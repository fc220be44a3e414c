"""A reconcile that ends in an unexpected error, or can't read the object, says so on the object."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clickstream_operator import pipeline
from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import Category
from clickstream_operator.engine import outcome
from clickstream_operator.kube.client import StaleObject
from tests.kstatus import Verdict, verdict
from tests.unit.engine.fake_resource import Acknowledging, FakeResource, aws_error
from tests.unit.reconcile.world import KEY, World


def condition(body: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """One condition of the stored object; empty when it is absent."""
    assert body is not None
    return next((one for one in body["status"]["conditions"] if one["type"] == kind), {})


def fail(*_arguments: Any) -> Any:
    """A defect."""
    raise ZeroDivisionError


async def test_a_defect_shows_on_the_object_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ready=False InternalError, one Event, and the error still reaches the worker's log."""
    world.has(FakeResource("a"))
    await world.step()
    world.edit()
    monkeypatch.setattr(pipeline, "build", fail)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await world.step()
        world.time += 60
    ready = condition(world.kube.body, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", Reason.INTERNAL_ERROR)
    assert "ZeroDivisionError" in ready["message"]
    warnings = [one for one in world.recorder.seen if one.reason is Reason.INTERNAL_ERROR]
    assert warnings
    assert {one.kind for one in warnings} == {"Warning"}
    assert verdict(world.kube.body or {}) is Verdict.IN_PROGRESS
    world.time += 600
    with pytest.raises(ZeroDivisionError):
        await world.step()
    assert verdict(world.kube.body or {}) is Verdict.FAILED


async def test_a_defect_during_a_deletion_is_shown_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline that is being deleted does not go on saying that it is ready."""
    world.has(FakeResource("a"))
    await world.step()
    world.ask_to_delete()
    monkeypatch.setattr(pipeline, "build_everything", fail)
    with pytest.raises(ZeroDivisionError):
        await world.step()
    assert condition(world.kube.body, "Ready")["reason"] == Reason.INTERNAL_ERROR
    assert world.kube.body is not None
    assert world.kube.body["metadata"]["finalizers"]


async def test_a_defect_forgets_nothing_on_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inventory, outputs and names stay as they were; the next reconcile heals the conditions."""
    world.has(FakeResource("a"))
    await world.step()
    assert world.kube.body is not None
    before = copy.deepcopy(world.kube.body["status"])
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "build", fail)
        with pytest.raises(ZeroDivisionError):
            await world.step()
    after = world.kube.body["status"]
    assert {**after, "conditions": []} == {**before, "conditions": []}
    world.time += 300
    await world.step()
    assert condition(world.kube.body, "Ready")["status"] == "True"


async def test_a_spec_of_another_version_is_said(world: World) -> None:
    """The field, and that CRD and operator must be updated together; nothing on record is lost."""
    world.has(FakeResource("a"))
    await world.step()
    assert world.kube.body is not None
    resources = world.kube.body["status"]["resources"]
    world.edit()
    world.kube.body["spec"] = {"stream": {"shards": "many"}}
    assert await world.step() is not None
    assert verdict(world.kube.body) is Verdict.FAILED
    assert "stream.shards" in condition(world.kube.body, "Ready")["message"]
    assert world.kube.body["status"]["resources"] == resources
    world.edit()
    world.kube.body["spec"] = {}
    await world.step()
    assert condition(world.kube.body, "Ready")["status"] == "True"


async def test_another_installations_object_is_left_alone(world: World) -> None:
    """Its status is the other's, also where this version can't read the spec."""
    world.has(FakeResource("a"))
    await world.step()
    assert world.kube.body is not None
    world.kube.body["status"]["effective"]["instance"] = "elsewhere/operator"
    world.kube.body["spec"] = {"stream": {"shards": "many"}}
    before = copy.deepcopy(world.kube.body["status"])
    await world.step()
    assert world.kube.body["status"] == before


async def test_an_edit_in_the_middle_is_no_defect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker reads again; the object is not told of it."""

    def stale(*_arguments: Any) -> Any:
        raise StaleObject(str(KEY))

    world.has(FakeResource("a"))
    await world.step()
    world.edit()
    monkeypatch.setattr(pipeline, "build", stale)
    with pytest.raises(StaleObject):
        await world.step()
    assert condition(world.kube.body, "Ready")["reason"] != Reason.INTERNAL_ERROR


async def test_a_status_that_hides_a_refused_correction_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule that every status of these tests is held to, with an engine that forgets."""
    monkeypatch.setattr(outcome, "with_open_drift", lambda found, _work: found)
    fake = Acknowledging("a", want={"size": 1, "ttl": "on"})
    world.has(fake)
    await world.step()
    fake.exists(ttl="off")
    fake.fail["update"] = aws_error(Category.ACCESS_DENIED)
    for _ in range(12):
        world.time += await world.step() or 0.0
    assert world.lies[0] == "a differs and the status is content"
    world.lies.clear()
