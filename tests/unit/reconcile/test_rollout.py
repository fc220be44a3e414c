"""New function code goes out to a few pipelines at once."""

from __future__ import annotations

from typing import Any

from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.reconcile.rollout import Rollout

OLD = {"processor": "old", "detector": "old"}
NEW = {"processor": "new", "detector": "new"}


def pipeline(name: str, packages: dict[str, str], *conditions: str, **spec: Any) -> PipelineObject:
    """A pipeline whose functions have these packages, with these conditions True."""
    listed = [
        {"type": one, "status": "True", "reason": "X", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for one in conditions
    ]
    status = {"effective": {"packages": packages}, "conditions": listed}
    body = {"metadata": {"generation": 1}, "spec": spec, "status": status}
    return parse(ObjectKey("shop", name), body)


def test_a_few_go_at_once_and_the_next_when_one_is_done() -> None:
    """The third waits until the first is ready with the new code; a reconcile keeps its turn."""
    rollout = Rollout(2)
    assert rollout.may_go(pipeline("a", OLD, "Ready"), NEW)
    assert rollout.may_go(pipeline("b", OLD, "Ready"), NEW)
    assert not rollout.may_go(pipeline("c", OLD, "Ready"), NEW)
    assert rollout.may_go(pipeline("a", OLD, "Ready"), NEW)
    assert rollout.may_go(pipeline("a", NEW, "Reconciling"), NEW)
    assert not rollout.may_go(pipeline("c", OLD, "Ready"), NEW)
    assert rollout.may_go(pipeline("a", NEW, "Ready"), NEW)
    assert rollout.may_go(pipeline("c", OLD, "Ready"), NEW)
    assert not rollout.may_go(pipeline("d", OLD, "Ready"), NEW)


def test_what_hangs_or_goes_frees_its_turn() -> None:
    """A stalled pipeline and a deleted one hold nobody up."""
    rollout = Rollout(1)
    assert rollout.may_go(pipeline("a", OLD), NEW)
    rollout.release(pipeline("a", NEW, "Reconciling"))
    assert not rollout.may_go(pipeline("b", OLD), NEW)
    rollout.release(pipeline("a", NEW, "Stalled"))
    assert rollout.may_go(pipeline("b", OLD), NEW)
    assert not rollout.may_go(pipeline("c", OLD), NEW)
    rollout.forget(ObjectKey("shop", "b"))
    assert rollout.may_go(pipeline("c", OLD), NEW)


def test_what_gets_no_new_code_takes_no_turn() -> None:
    """New pipelines, those that have the code, and suspended ones."""
    rollout = Rollout(1)
    assert rollout.may_go(pipeline("a", OLD), NEW)
    assert rollout.may_go(pipeline("new", {}), NEW)
    assert rollout.may_go(pipeline("current", NEW, "Ready"), NEW)
    assert rollout.may_go(pipeline("asleep", OLD, suspend=True), NEW)


def test_who_falls_asleep_frees_its_turn() -> None:
    """Suspended in the middle of its turn, for however long."""
    rollout = Rollout(1)
    assert rollout.may_go(pipeline("a", OLD), NEW)
    rollout.release(pipeline("a", OLD, suspend=True))
    assert rollout.may_go(pipeline("b", OLD), NEW)


def test_a_restart_keeps_the_turns_of_those_under_way() -> None:
    """A new process meets one that has the code and is not ready: nobody else goes until it is."""
    rollout = Rollout(1)
    assert rollout.may_go(pipeline("a", NEW, "Reconciling"), NEW)
    assert not rollout.may_go(pipeline("b", OLD, "Ready"), NEW)
    assert rollout.may_go(pipeline("a", NEW, "Ready"), NEW)
    assert rollout.may_go(pipeline("b", OLD, "Ready"), NEW)


def test_what_is_not_ready_for_another_reason_takes_no_turn() -> None:
    """A new pipeline, and one with the code that is changed later."""
    rollout = Rollout(1)
    assert rollout.may_go(pipeline("new", {}), NEW)
    assert rollout.may_go(pipeline("new", NEW, "Reconciling"), NEW)
    assert rollout.may_go(pipeline("done", NEW, "Ready"), NEW)
    assert rollout.may_go(pipeline("done", NEW, "Reconciling"), NEW)
    assert rollout.may_go(pipeline("a", OLD, "Ready"), NEW)
