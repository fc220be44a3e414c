"""A plan that waits for approval stands in the status, where there is no room for all the world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clickstream_operator.api.status import Plan
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action, Approval, Change, PlannedChange, planned
from clickstream_operator.engine.resource import Diff
from clickstream_operator.reconcile.approval import approval_of, next_plan
from tests.unit.pipeline.built import OUTPUTS, build

#: What a plan may take of the status, in bytes as JSON.
MOST = 64 * 1024
LARGEST = {
    "alerts": {"enabled": True, "emails": [f"reader-{one}@example.com" for one in range(20)]},
    "alarms": {"noDataMinutes": 30},
}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class _Outputs(dict[str, dict[str, str]]):
    """Every resource has what another may ask for."""

    def __missing__(self, name: str) -> dict[str, str]:
        return {"arn": f"arn:aws:any:eu-west-1:123456789012:{name}", "name": name, "id": name}


def _another(value: Any) -> Any:
    """A value of the same form that differs everywhere."""
    if isinstance(value, dict):
        return {key: _another(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_another(item) for item in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else KEY


def test_the_largest_plan_fits() -> None:
    """Every field of every resource of the largest pipeline in one plan, all of it approvable."""
    outputs = _Outputs(OUTPUTS)
    outcomes = {}
    for name, resource in build(LARGEST).items():
        desired = resource.desired(outputs)
        diff = Diff({field: (_another(value), value) for field, value in desired.items()})
        lines = planned(resource, Change(Action.UPDATE, diff))
        outcomes[name] = Outcome(name, None, withheld=lines)
    plan = next_plan(None, outcomes, uid="uid", generation=1, annotation="")
    assert plan is not None
    assert len(plan.changes) > 300
    assert len(plan.model_dump_json(by_alias=True)) <= MOST
    approval = approval_of(plan, uid="uid", generation=1, annotation=plan.hash)
    assert all(approval.covers(one.withheld, being_created=False) for one in outcomes.values())


ENTRY = Entry("stream", "Stream", "s", arn="arn", applied_hash="h")
LINE = PlannedChange(Action.UPDATE, "stream", "retention_hours", "24", "48")
WITHHELD = Outcome("stream", replace(ENTRY, state=State.BLOCKED), withheld=(LINE,))
READY = Outcome("stream", replace(ENTRY, state=State.READY))
UNSEEN = Outcome("stream", replace(ENTRY, state=State.FAILED), observation_failed=True)


def _next(before: Plan | None, outcome: Outcome, *, generation: int = 1, by: str = "") -> Plan:
    plan = next_plan(before, {"stream": outcome}, uid="uid", generation=generation, annotation=by)
    assert plan is not None
    return plan


def test_an_approved_creation_covers_no_change_of_what_is_complete() -> None:
    """It covers the steps that complete the resource, and nothing that is done to it afterwards."""
    approval = Approval(frozenset({PlannedChange(Action.CREATE, "stream")}))
    assert approval.covers([LINE], being_created=True)
    assert not approval.covers([LINE], being_created=False)


def test_an_approval_holds_for_its_object_and_generation() -> None:
    """The plan of an earlier spec, or of another object of this name, approves nothing now."""
    plan = _next(None, WITHHELD)
    for approved in (plan, plan.model_copy(update={"approved": True})):
        for uid, generation in (("uid", 2), ("other", 1)):
            other = approval_of(approved, uid=uid, generation=generation, annotation=plan.hash)
            assert not other.changes
        assert approval_of(approved, uid="uid", generation=1, annotation=plan.hash).changes
    after_edit = _next(plan, WITHHELD, generation=2, by=plan.hash)
    assert after_edit.hash != plan.hash
    assert not after_edit.approved


@pytest.mark.parametrize(
    "line",
    [
        PlannedChange(Action.UPDATE, "stream", "retention_hours", "168", "48"),
        PlannedChange(Action.UPDATE, "stream", "retention_hours", "24", "72"),
        PlannedChange(Action.UPDATE, "stream", "shards", "24", "48"),
        PlannedChange(Action.UPDATE, "table", "retention_hours", "24", "48"),
        PlannedChange(Action.CREATE, "stream"),
        PlannedChange(Action.DELETE, "stream"),
    ],
    ids=["old", "new", "field", "resource", "create", "delete"],
)
def test_an_approval_is_of_the_plan_that_was_read(line: PlannedChange) -> None:
    """A plan that differs in anything has another hash: who approved 24 did not approve 168."""
    first = _next(None, WITHHELD)
    other = _next(None, replace(WITHHELD, withheld=(line,)))
    assert other.hash != first.hash
    approval = approval_of(other, uid="uid", generation=1, annotation=first.hash)
    assert approval == Approval()
    assert not approval.covers([line], being_created=True)
    mended = other.model_copy(update={"hash": first.hash})
    assert not approval_of(mended, uid="uid", generation=1, annotation=first.hash).changes


@pytest.mark.parametrize(
    ("approved", "fields"), [(True, ["retention_hours", "shards"]), (False, ["shards"])]
)
def test_a_resource_with_something_new_keeps_what_was_approved_of_it(
    fields: list[str], *, approved: bool
) -> None:
    """Approved and not done: it is asked for again. Never approved: decided anew."""
    plan = _next(None, WITHHELD)
    new = PlannedChange(Action.UPDATE, "stream", "shards", "2", "4")
    later = replace(WITHHELD, withheld=(new,))
    after = _next(plan, later, by=plan.hash if approved else "")
    assert [one.field for one in after.changes] == fields
    assert not after.approved


def test_what_is_left_of_an_approved_plan_joins_what_is_withheld() -> None:
    """Something new is to be approved, together with what was approved and is not done."""
    second = PlannedChange(Action.UPDATE, "table", "ttl", "1", "2")
    both = {"stream": WITHHELD, "table": Outcome("table", None, withheld=(second,))}
    plan = next_plan(None, both, uid="uid", generation=1, annotation="")
    assert plan is not None
    third = PlannedChange(Action.DELETE, "queue")
    later = {
        "stream": UNSEEN,
        "table": Outcome("table", replace(ENTRY, name="table", state=State.READY)),
        "queue": Outcome("queue", replace(ENTRY, name="queue"), withheld=(third,)),
    }
    after = next_plan(plan, later, uid="uid", generation=1, annotation=plan.hash)
    assert after is not None
    assert [(one.action, one.resource) for one in after.changes] == [
        ("delete", "queue"),
        ("update", "stream"),
    ]
    assert (after.approved, after.serial) == (False, plan.serial)
    assert after.hash != plan.hash


@pytest.mark.parametrize("annotation", ["", "0" * 32])
def test_nothing_is_approved_without_its_hash(annotation: str) -> None:
    """No annotation, or another plan's; a plan without changes approves nothing either way."""
    plan = _next(None, WITHHELD)
    assert not approval_of(plan, uid="uid", generation=1, annotation=annotation).changes
    assert not approval_of(None, uid="uid", generation=1, annotation=annotation).changes
    empty = _next(plan, READY)
    assert empty.hash == ""
    assert not approval_of(empty, uid="uid", generation=1, annotation="").changes


def test_a_late_approval_of_a_withdrawn_plan_is_of_no_other() -> None:
    """Drift that went away and came back asks anew: the old annotation may still be there."""
    first = _next(None, WITHHELD)
    withdrawn = _next(first, READY)
    assert not withdrawn.changes
    again = _next(withdrawn, WITHHELD)
    assert again.hash != first.hash
    assert not approval_of(again, uid="uid", generation=1, annotation=first.hash).changes


def test_a_failed_observation_leaves_the_pending_plan() -> None:
    """What AWS does not show for a moment is still to be approved, under the same hash."""
    first = _next(None, WITHHELD)
    assert _next(first, UNSEEN) == first
    assert _next(first, READY).changes == []


def test_an_approved_plan_stays_until_it_is_done_and_then_rises() -> None:
    """Over a failure of AWS; its serial rises when nothing of it is left."""
    first = _next(None, WITHHELD)
    at_work = _next(first, UNSEEN, by=first.hash)
    assert at_work.approved
    assert at_work.hash == first.hash
    done = _next(at_work, READY, by=first.hash)
    assert (done.serial, done.hash, done.changes) == (first.serial + 1, "", [])
