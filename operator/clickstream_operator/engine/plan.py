"""Plan: the decision about one resource, from its desired and observed state. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.desired import Desired, difference
from clickstream_operator.engine.document_diff import differing_paths
from clickstream_operator.engine.inventory import Drift, Entry
from clickstream_operator.engine.resource import (
    DeletionPolicy,
    Diff,
    Observed,
    Phase,
    Resource,
)

_VALUE_LENGTH: Final = 120
_HASHED: Final = "sha256:"
#: Corrections in a row that AWS undid before the operator leaves a resource alone.
DRIFT_LOOP_LIMIT: Final = 3


class Action(StrEnum):
    """Action of a decision. HOLD: a change is needed and must not be made now."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    HOLD = "hold"


class DriftPolicy(StrEnum):
    """`spec.driftPolicy`."""

    CORRECT = "Correct"
    REPORT = "Report"
    IGNORE = "Ignore"


class AdoptionPolicy(StrEnum):
    """`spec.adoptionPolicy`."""

    RETAINED = "Retained"
    ALWAYS = "Always"
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One line of a plan: an action on a resource, or on one field of it."""

    action: Action
    resource: str
    """Name in the inventory."""
    field: str = ""
    """Path of the field; empty for the whole resource."""
    old: str = ""
    """Short text; of a document the hash of its canonical form and the paths that change."""
    new: str = ""
    """Short text; of a document the hash of its canonical form."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Approved changes.

    An approved creation covers the steps that complete it, and no change after it was complete; an
    approved value of a field covers the steps on the way to it, each of which starts from another
    one.
    """

    changes: frozenset[PlannedChange] = frozenset()

    def covers(self, wanted: Iterable[PlannedChange], *, being_created: bool) -> bool:
        """Whether all of `wanted` was approved, for a resource that is, or is not, complete yet."""
        created = {one.resource for one in self.changes if one.action is Action.CREATE}
        targets = {
            (one.resource, one.field, one.new)
            for one in self.changes
            if one.action is Action.UPDATE
        }
        return all(
            one in self.changes
            or (
                one.action is Action.UPDATE
                and (
                    (being_created and one.resource in created)
                    or (one.resource, one.field, one.new) in targets
                )
            )
            for one in wanted
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of one reconcile, from spec and settings."""

    drift: DriftPolicy = DriftPolicy.CORRECT
    adoption: AdoptionPolicy = AdoptionPolicy.RETAINED
    adoptable: tuple[str, ...] = ()
    """Patterns of the names that may be adopted without owner tags (``tenants[].adopt``)."""
    namespace_since: datetime | None = None
    """Creation of the namespace, of which older data of the same name is not inherited; None: it is
    (``tenants[].inheritData``, or the pipeline has begun)."""
    read_only: bool = False
    """Whether the pipeline is suspended."""
    approval: Approval | None = None
    """None: changes need no approval."""

    def may_adopt(self, name: str) -> bool:
        """Whether the operator's settings allow to adopt a resource of this name without owner."""
        return any(fnmatchcase(name, pattern) for pattern in self.adoptable)


@dataclass(frozen=True, slots=True)
class Change:
    """Decision about one resource."""

    action: Action
    diff: Diff = field(default_factory=Diff)
    is_drift: bool = False
    """Whether AWS differs from a desired state that was applied in full."""
    reason: Reason | None = None
    """Why a HOLD holds; None for other actions."""
    message: str = ""
    """The same as a sentence with the remedy."""
    withheld: tuple[PlannedChange, ...] = ()
    """Lines of the plan that a HOLD keeps back until they are approved."""


def decide(
    resource: Resource,
    desired: Desired,
    observed: Observed | None,
    entry: Entry | None,
    policy: Policy,
    *,
    corrections: int = 0,
) -> Change:
    """The decision about a resource that is wanted. Ownership was checked before.

    `corrections`: drift corrections on record before this reconcile.
    """
    change = _decide(resource, desired, observed, entry, policy, corrections=corrections)
    if policy.approval is None or change.action not in {Action.CREATE, Action.UPDATE}:
        return change
    wanted = planned(resource, change)
    being_created = entry is None or entry.being_created
    if policy.approval.covers(wanted, being_created=being_created):
        return change
    return withhold(change, wanted)


def planned(resource: Resource, change: Change) -> tuple[PlannedChange, ...]:
    """The lines of a plan for one change."""
    if change.action is not Action.UPDATE:
        return (PlannedChange(change.action, resource.name),)
    return tuple(
        PlannedChange(Action.UPDATE, resource.name, path, *_both_in_plan(change.diff.fields[path]))
        for path in change.diff.paths
    )


def withhold(change: Change, wanted: tuple[PlannedChange, ...]) -> Change:
    """The change, held back until a person approves it."""
    return replace(
        change,
        action=Action.HOLD,
        reason=Reason.PLAN_PENDING,
        message="waits for the approval of status.plan",
        withheld=wanted,
    )


def _decide(
    resource: Resource,
    desired: Desired,
    observed: Observed | None,
    entry: Entry | None,
    policy: Policy,
    *,
    corrections: int,
) -> Change:
    unchanged = entry is not None and entry.has_applied(desired.fingerprint)
    if observed is None:
        return _decide_missing(resource, policy, unchanged=unchanged)
    if observed.readiness.phase is Phase.DELETING:
        return Change(
            Action.HOLD,
            reason=Reason.WAITING_FOR_AWS,
            message=f"{resource.kind} {resource.physical_name} is still being deleted",
        )
    diff = difference(resource, desired, observed)
    if not diff:
        return Change(Action.NONE)
    if unchanged and (policy.read_only or policy.drift is not DriftPolicy.CORRECT):
        return Change(Action.NONE, diff, is_drift=True)
    if diff.replace:
        fields = ", ".join(sorted(diff.replace))
        return Change(
            Action.HOLD,
            diff,
            is_drift=unchanged,
            reason=Reason.REPLACEMENT_NEEDED,
            message=f"{fields} of {resource.physical_name} can't be changed in place; "
            "revert the change, or remove the resource yourself",
        )
    if policy.read_only:
        return Change(
            Action.HOLD,
            diff,
            reason=Reason.SUSPENDED,
            message=f"{', '.join(diff.paths)} not applied while spec.suspend is true",
        )
    if unchanged and corrections >= DRIFT_LOOP_LIMIT:
        return Change(
            Action.HOLD,
            diff,
            is_drift=True,
            reason=Reason.DRIFT_LOOP,
            message=f"{', '.join(diff.paths)} was corrected {corrections} times and changed back; "
            f"{_ending_of_a_fight(resource, diff)}",
        )
    return Change(Action.UPDATE, diff, is_drift=unchanged)


def _ending_of_a_fight(resource: Resource, diff: Diff) -> str:
    shared = sorted({resource.shared_by[path] for path in diff.paths if path in resource.shared_by})
    share = f", or share it with {', '.join(shared)}" if shared else ""
    return f"find what else manages it{share}, then request a reconcile"


def _decide_missing(resource: Resource, policy: Policy, *, unchanged: bool) -> Change:
    if policy.read_only:
        return Change(
            Action.HOLD, reason=Reason.SUSPENDED, message="not created while spec.suspend is true"
        )
    if unchanged and policy.drift is not DriftPolicy.CORRECT:
        return Change(
            Action.HOLD,
            is_drift=True,
            reason=Reason.RESOURCE_MISSING,
            message=f"{resource.kind} {resource.physical_name} is gone; set spec.driftPolicy: "
            "Correct to have it made again",
        )
    return Change(Action.CREATE, is_drift=unchanged)


def is_retained(resource: Resource) -> bool:
    """Whether the deletion policy leaves the resource in AWS."""
    return resource.deletion is DeletionPolicy.RETAIN


def describe_drift(diff: Diff) -> tuple[Drift, ...]:
    """The differing fields as short text; documents as their beginning."""
    return tuple(
        Drift(path, _short(diff.fields[path][0]), _short(diff.fields[path][1]))
        for path in diff.paths
    )


#: The drift of a resource that is gone from AWS.
MISSING: Final = (Drift("exists", "false", "true"),)


def _both_in_plan(values: tuple[Any, Any]) -> tuple[str, str]:
    """Old and new value. The paths stand with the old one: an approval covers the new one."""
    old, new = _in_plan(values[0]), _in_plan(values[1])
    hashed = old.startswith(_HASHED) or new.startswith(_HASHED)
    paths = differing_paths(*values) if hashed else ""
    return (f"{old}, differs in {paths}" if paths else old), new


def _in_plan(value: Any) -> str:
    """A value in a plan: a long document as its hash."""
    text = json.dumps(value, sort_keys=True, default=list)
    if isinstance(value, str | int | float | bool) and len(text) <= _VALUE_LENGTH:
        return str(value)
    if len(text) <= _VALUE_LENGTH:
        return text
    return f"{_HASHED}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 3] + "..."
