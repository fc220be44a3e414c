"""A plan that waits for approval stands in the status, where there is no room for all the world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
