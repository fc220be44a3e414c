"""Status after a reconcile, composed from its result, and the inventory that it holds. Pure.

Called by `reconcile`, before the first write and at the end; calls `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, get_args

from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.status import ResourceState
from clickstream_operator.api.v1alpha1 import (
    APPROVED_PLAN,
    RECONCILE_REQUESTED_AT,
    Effective,
    FieldDrift,
    Plan,
    ResourceStatus,
    Status,
)
from clickstream_operator.engine.inventory import Creation, Drift, Entry, Origin, State
from clickstream_operator.status.conditions import set_conditions
from clickstream_operator.status.progress_deadline import is_same_failure
from clickstream_operator.status.result import ReconcileResult, timestamp

#: End of a recorded hash whose change had begun, in objects from before `partiallyApplied`.
_PARTIAL: Final = "~"


def compose(previous: Status, result: ReconcileResult, *, now: datetime) -> Status:
    """The status after a reconcile. Equal inputs but for `now` give an equal status."""
    text_now = timestamp(now)
    entries = _with_times(result.entries, previous, text_now)
    conditions = ConditionSet(previous.conditions, generation=result.generation, now=text_now)
    set_conditions(conditions, entries, result, previous, now)
    return Status(
        observed_generation=result.generation,
        conditions=conditions.as_list(),
        resources=[_resource(entry) for entry in entries],
        # A pipeline that could not be observed keeps its outputs.
        outputs=(not result.failed_observations and dict(result.outputs)) or previous.outputs,
        effective=result.effective or previous.effective,
        contender=previous.contender,
        last_verified=previous.last_verified,
        last_handled_reconcile_at=result.handled_request or previous.last_handled_reconcile_at,
        plan=_priced(result),
        resizes=list(previous.resizes if result.resizes is None else result.resizes),
        mode_switches=list(
            previous.mode_switches if result.mode_switches is None else result.mode_switches
        ),
        estimated_monthly_cost=result.monthly_cost or previous.estimated_monthly_cost,
    )


def _priced(result: ReconcileResult) -> Plan | None:
    """The plan with the cost of what it leads to; an empty one leads nowhere."""
    plan = result.plan
    if plan is None:
        return None
    cost = result.monthly_cost or plan.cost_per_month if plan.changes else ""
    return plan.model_copy(update={"cost_per_month": cost})


def begin(previous: Status, result: ReconcileResult, *, now: datetime) -> Status:
    """The first status of a new generation, written before any AWS write."""
    text_now = timestamp(now)
    conditions = ConditionSet(previous.conditions, generation=result.generation, now=text_now)
    changed = any(entry.applied_hash for entry in result.entries)
    conditions.set(
        types.READY,
        "False" if changed else "Unknown",
        Reason.UPDATING if changed else Reason.CREATING,
        "the new spec is being applied" if changed else "resources are being created",
    )
    conditions.reconciling(Reason.PROGRESSING, "the new spec is being applied")
    return previous.model_copy(
        update={
            "observed_generation": result.generation,
            "conditions": conditions.as_list(),
            "resources": [
                _resource(entry) for entry in _with_times(result.entries, previous, text_now)
            ],
            "effective": result.effective,
            "outputs": dict(result.outputs) or previous.outputs,
        }
    )


def with_intents(
    previous: Status, effective: Effective, entries: Iterable[Entry], *, now: datetime
) -> Status:
    """The status with names and intents on record, and everything else as it was."""
    timed = _with_times(entries, previous, timestamp(now))
    resources = [_resource(entry) for entry in timed]
    return previous.model_copy(update={"effective": effective, "resources": resources})


def is_up_to_date(body: Mapping[str, Any]) -> bool:
    """Whether an object is ready for its present spec, and nobody asks anything of it."""
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata:
        return False
    status = body.get("status") or {}
    if status.get("observedGeneration") != metadata.get("generation"):
        return False
    annotations = metadata.get("annotations") or {}
    asked = annotations.get(RECONCILE_REQUESTED_AT)
    if asked and asked != status.get("lastHandledReconcileAt"):
        return False
    approved = annotations.get(APPROVED_PLAN)
    if approved and approved == (status.get("plan") or {}).get("hash"):
        return False
    return any(
        condition["type"] == types.READY and condition["status"] == "True"
        for condition in status.get("conditions") or ()
    )


def inventory(status: Status) -> dict[str, Entry]:
    """The inventory that a status holds."""
    return {
        resource.name: Entry(
            name=resource.name,
            kind=resource.kind,
            physical_name=resource.physical_name,
            arn=resource.arn,
            origin=Origin(resource.origin),
            applied_hash=resource.applied_hash.removesuffix(_PARTIAL),
            partially_applied=bool(resource.partially_applied)
            or resource.applied_hash.endswith(_PARTIAL),
            removed_parts=resource.removed_parts or 0,
            state=State(resource.state),
            reason=resource.reason,
            message=resource.message,
            drift=tuple(Drift(d.field, d.observed, d.desired) for d in resource.drift),
            since=resource.last_transition_time,
            creation=Creation(resource.creation),
            last_verified=resource.last_verified,
        )
        for resource in status.resources
    }


def _with_times(entries: Iterable[Entry], previous: Status, now: str) -> list[Entry]:
    before = inventory(previous)
    timed = []
    for entry in entries:
        old = before.get(entry.name)
        same = old is not None and (
            (old.state, old.reason) == (entry.state, entry.reason) or is_same_failure(old, entry)
        )
        since = old.since if old is not None and same else ""
        timed.append(replace(entry, since=since or now))
    return timed


def _resource(entry: Entry) -> ResourceStatus:
    state = entry.state.value
    if state not in get_args(ResourceState):
        raise ValueError(f"{state} is no resource state of the API")
    return ResourceStatus.model_validate(
        {
            "name": entry.name,
            "kind": entry.kind,
            "physicalName": entry.physical_name,
            "arn": entry.arn,
            "origin": entry.origin.value,
            "appliedHash": entry.applied_hash,
            "partiallyApplied": entry.partially_applied or None,
            "removedParts": entry.removed_parts or None,
            "state": state,
            "reason": str(entry.reason),
            "message": entry.message,
            "drift": [
                FieldDrift(field=one.field, observed=one.observed, desired=one.desired)
                for one in entry.drift
            ],
            "lastTransitionTime": entry.since,
            "creation": entry.creation.value,
            "lastVerified": entry.last_verified,
        }
    )


def as_body(status: Status) -> dict[str, Any]:
    """The status as the API server stores it: what is empty is left out."""
    body: dict[str, Any] = _pruned(status.model_dump(mode="json", by_alias=True, exclude_none=True))
    return body


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ("", [], {})}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
