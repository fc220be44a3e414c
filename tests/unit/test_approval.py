"""A plan that waits for approval stands in the status, where there is no room for all the world."""

from __future__ import annotations

from typing import Any

from clickstream_operator.approval import approval_of, next_plan
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action, Change, planned
from clickstream_operator.engine.resource import Diff
from tests.unit.test_pipeline import OUTPUTS, build

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
    approval = approval_of(plan, annotation=plan.hash)
    assert all(approval.covers(one.withheld) for one in outcomes.values())
