"""Plans that wait for approval: what would change, its hash, and what an approval covers. Pure.

The hash names one plan of one object at one generation. `serial` rises when a plan completes, and
when a plan follows one that was withdrawn, so that an approval given once can't be used again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.api.v1alpha1 import APPROVED_PLAN
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action, Approval, PlannedChange
from clickstream_operator.kube.objects import PipelineObject

_HASH_LENGTH: Final = 32
_VERBS: Final = {"create": "create", "update": "change", "delete": "delete"}


def approval_of(plan: Plan | None, *, uid: str, generation: int, annotation: str) -> Approval:
    """Approved changes: the recorded plan if it is of this object and generation, and approved.

    Nothing otherwise.
    """
    if plan is None or not _is_approved(plan, uid=uid, generation=generation, by=annotation):
        return Approval()
    return Approval(_lines(plan))


def plan_of(obj: PipelineObject, outcomes: Mapping[str, Outcome]) -> Plan | None:
    """The plan of an object that asks for approval, after a reconcile; None for any other."""
    if obj.spec.approval != "Manual":
        return None
    return next_plan(
        obj.status.plan,
        outcomes,
        uid=obj.metadata["uid"],
        generation=obj.generation,
        annotation=obj.annotations.get(APPROVED_PLAN, ""),
    )


def next_plan(
    before: Plan | None,
    outcomes: Mapping[str, Outcome],
    *,
    uid: str,
    generation: int,
    annotation: str,
) -> Plan | None:
    """The plan after a reconcile.

    Something withheld: a new plan, with what is left of the approved one. Nothing withheld and an
    approved plan still at work: that plan. Everything done: an empty plan with the next serial.
    A resource that could not be observed keeps its lines.
    """
    approved = before is not None and _is_approved(
        before, uid=uid, generation=generation, by=annotation
    )
    withheld = {line for one in outcomes.values() for line in one.withheld}
    unfinished = {name for name, one in outcomes.items() if not _is_done(one)}
    if before is not None and approved and not withheld:
        if unfinished:
            return before.model_copy(update={"approved": True})
        return _plan((), uid=uid, generation=generation, serial=before.serial + 1)
    left: set[PlannedChange] = set()
    if before is not None and _is_of(before, uid=uid, generation=generation):
        decided = set() if approved else {name for name, one in outcomes.items() if one.withheld}
        left = {line for line in _lines(before) if line.resource in unfinished - decided}
    lines = withheld | left
    if before is None:
        return _plan(lines, uid=uid, generation=generation, serial=0) if lines else None
    follows_none = bool(lines) and not before.changes
    return _plan(lines, uid=uid, generation=generation, serial=before.serial + follows_none)


def _is_approved(plan: Plan, *, uid: str, generation: int, by: str) -> bool:
    of_this = _is_of(plan, uid=uid, generation=generation)
    return of_this and bool(plan.changes) and (plan.approved or by == plan.hash)


def _is_of(plan: Plan, *, uid: str, generation: int) -> bool:
    """Whether the plan was made for this object at this generation: its hash says so."""
    lines = _sorted(_lines(plan))
    return plan.hash == _hash(lines, uid=uid, generation=generation, serial=plan.serial)


def _lines(plan: Plan) -> frozenset[PlannedChange]:
    return frozenset(_planned(change) for change in plan.changes)


def _sorted(lines: Iterable[PlannedChange]) -> list[PlannedChange]:
    return sorted(lines, key=lambda one: (one.action, one.resource, one.field))


def _hash(lines: list[PlannedChange], *, uid: str, generation: int, serial: int) -> str:
    return _digest([uid, generation, serial, _content(lines)]) if lines else ""


def _changes_hash(lines: list[PlannedChange]) -> str:
    """Hash of the changes alone, which is known before they are applied to an object."""
    return _digest(_content(lines)) if lines else ""


def _content(lines: list[PlannedChange]) -> list[list[str]]:
    return [[one.action, one.resource, one.field, one.old, one.new] for one in lines]


def _digest(content: list[Any]) -> str:
    text = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def _is_done(outcome: Outcome) -> bool:
    return outcome.entry is None or outcome.ready or outcome.entry.state == "Retained"


def _plan(changes: Iterable[PlannedChange], *, uid: str, generation: int, serial: int) -> Plan:
    lines = _sorted(changes)
    digest = _hash(lines, uid=uid, generation=generation, serial=serial)
    return Plan(
        hash=digest,
        changes_hash=_changes_hash(lines),
        serial=serial,
        summary=_summary(lines),
        changes=[
            PlanChange.model_validate(
                {
                    "action": one.action.value,
                    "resource": one.resource,
                    "field": one.field,
                    "old": one.old,
                    "new": one.new,
                }
            )
            for one in lines
        ],
    )


def _summary(lines: Iterable[PlannedChange]) -> str:
    resources = Counter(action for action, _ in {(one.action, one.resource) for one in lines})
    parts = [
        f"{resources[action]} to {_VERBS[action.value]}"
        for action in (Action.CREATE, Action.UPDATE, Action.DELETE)
        if resources[action]
    ]
    return ", ".join(parts)


def _planned(change: PlanChange) -> PlannedChange:
    return PlannedChange(
        Action(change.action), change.resource, change.field, change.old, change.new
    )
