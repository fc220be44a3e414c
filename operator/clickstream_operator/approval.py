"""Plans that wait for approval: what would change, its hash, and what an approval covers. Pure.

The hash names one plan of one object at one generation; `serial` rises when a plan completes, so
that an approval given once can't be used again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action, Approval, PlannedChange

_HASH_LENGTH: Final = 32
_VERBS: Final = {"create": "create", "update": "change", "delete": "delete"}


def approval_of(plan: Plan | None, *, annotation: str) -> Approval:
    """What may be written: the recorded plan if it is, or just was, approved; else nothing."""
    if plan is None or not (plan.approved or annotation == plan.hash):
        return Approval()
    return Approval(frozenset(_planned(change) for change in plan.changes))


def next_plan(
    before: Plan | None,
    outcomes: Mapping[str, Outcome],
    *,
    uid: str,
    generation: int,
    annotation: str,
) -> Plan | None:
    """The plan after a pass.

    Something withheld: a new plan, with what is left of the approved one. Nothing withheld and an
    approved plan still at work: that plan. Everything done: an empty plan with the next serial.
    """
    serial = before.serial if before else 0
    approved = (
        before is not None
        and bool(before.changes)
        and (before.approved or annotation == before.hash)
    )
    withheld = {line for one in outcomes.values() for line in one.withheld}
    unfinished = {name for name, one in outcomes.items() if not _is_done(one)}
    if not withheld:
        if before is None:
            return None
        if approved and unfinished:
            return before.model_copy(update={"approved": True})
        if approved:
            return _plan((), uid=uid, generation=generation, serial=serial + 1)
        return _plan((), uid=uid, generation=generation, serial=serial)
    left = (
        {_planned(change) for change in before.changes if change.resource in unfinished}
        if before and approved
        else set()
    )
    return _plan(withheld | left, uid=uid, generation=generation, serial=serial)


def _is_done(outcome: Outcome) -> bool:
    return outcome.entry is None or outcome.ready or outcome.entry.state == "Retained"


def _plan(changes: Iterable[PlannedChange], *, uid: str, generation: int, serial: int) -> Plan:
    lines = sorted(changes, key=lambda one: (one.action, one.resource, one.field))
    content = [[one.action, one.resource, one.field, one.old, one.new] for one in lines]
    text = json.dumps([uid, generation, serial, content], separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH] if lines else ""
    return Plan(
        hash=digest,
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
