"""Events of a reconcile: one for each transition, none without a change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import (
    APPROVED_PLAN,
    RECONCILE_REQUESTED_AT,
    Condition,
    Plan,
    Status,
)
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action
from clickstream_operator.kube.events import Event
from clickstream_operator.status.compose import inventory
from clickstream_operator.status.progress_deadline import is_error

_VERBS = (
    (Action.CREATE, Reason.RESOURCE_CREATED, "created"),
    (Action.UPDATE, Reason.RESOURCE_UPDATED, "updated"),
    (Action.DELETE, Reason.RESOURCE_DELETED, "deleted"),
)

#: An Event's note has 1024 characters (events.k8s.io/v1).
_NOTE_LENGTH: Final = 960
_NAMED: Final = 5


def events_of_changes(outcomes: Mapping[str, Outcome]) -> list[Event]:
    """The Events for what one reconcile did in AWS; only this reconcile can tell."""
    found: list[Event] = []
    for action, reason, verb in _VERBS:
        touched = [
            _with_fields(name, one) if action is Action.UPDATE else name
            for name, one in outcomes.items()
            if _is_about(action, one)
        ]
        if touched:
            found.append(Event("Normal", reason, _summary(verb, touched), verb.capitalize()))
    corrected = [
        f"{name} ({', '.join(one.fields) or 'was gone'})"
        for name, one in outcomes.items()
        if one.corrected_drift and not one.lost
    ]
    found += [
        Event(
            "Warning",
            Reason.DRIFT_CORRECTED,
            f"{name} was gone and was made anew, empty; lost: {one.lost}",
            "Recreate",
        )
        for name, one in outcomes.items()
        if one.lost
    ]
    if corrected:
        found += [
            Event("Normal", Reason.DRIFT_CORRECTED, f"corrected {note}", "Correct")
            for note in notes_of(corrected, separator=", ")
        ]
    return found


def events_of_transitions(
    before: Status, after: Status, *, gating: frozenset[str] | None = None
) -> list[Event]:
    """The Events for one change of status.

    `gating`: what Ready speaks for; the failures of the rest are told one by one. None: of nothing.
    """
    new_drift = [
        Event("Warning", Reason.DRIFT_DETECTED, note, types.DRIFT_DETECTED)
        for note in notes_of(_new_drift(before, after), separator="; ")
    ]
    found = [*new_drift]
    found += _about_subscribers(before, after)
    found += [] if gating is None else _about_the_rest(before, after, gating)
    found += _about_plan(before.plan or Plan(), after.plan or Plan())
    asked = after.last_handled_reconcile_at
    if asked != before.last_handled_reconcile_at:
        note = f"a reconcile ran, as {RECONCILE_REQUESTED_AT}={asked} asks"
        found.append(Event("Normal", Reason.RECONCILE_REQUEST_HANDLED, note, "Reconcile"))
    known = types.by_type(before.conditions)
    for condition in after.conditions:
        if condition.type == types.DRIFT_DETECTED and new_drift:
            # Told field by field, also when the condition was True before.
            continue
        was = known.get(condition.type)
        if was is None or (was.status, was.reason) != (condition.status, condition.reason):
            found += _about_condition(condition)
    return found


def _summary(verb: str, touched: list[str]) -> str:
    """All names if they are few; the status and the audit log have the rest."""
    if len(touched) <= _NAMED:
        return f"{verb} {', '.join(touched)}"
    return f"{verb} {len(touched)} resources ({', '.join(touched[:_NAMED])} ...)"


def _about_plan(before: Plan, after: Plan) -> list[Event]:
    """A plan that waits, was approved or is complete; at times all in one reconcile."""
    found: list[Event] = []
    complete = bool(before.hash) and after.serial > before.serial
    taken_up = after.approved and after.hash == before.hash
    if (complete or taken_up) and not before.approved:
        note = f"plan {before.hash} is approved: {before.summary}"
        found.append(Event("Normal", Reason.PLAN_APPROVED, note, "Approve"))
    if complete:
        note = f"plan {before.hash} is complete: {before.summary}"
        found.append(Event("Normal", Reason.PLAN_COMPLETED, note, "Complete"))
    if after.hash and after.hash != before.hash:
        note = (
            f"a plan waits for approval: {after.summary}; read status.plan, then approve it with "
            f"the annotation {APPROVED_PLAN}={after.hash}"
        )
        found.append(Event("Warning", Reason.PLAN_PENDING, note, "Plan"))
    return found


def _new_drift(before: Status, after: Status) -> list[str]:
    """Drift that was not there before, by resource."""
    known = {(one.name, drift.field) for one in before.resources for drift in one.drift}
    by_resource = {
        one.name: [drift.field for drift in one.drift if (one.name, drift.field) not in known]
        for one in after.resources
    }
    return [f"{name}: {', '.join(fields)}" for name, fields in by_resource.items() if fields]


def _about_subscribers(before: Status, after: Status) -> list[Event]:
    """Subscribers who have to confirm or have unsubscribed: said once, when it begins."""
    known = {(one.name, one.message) for one in before.resources}
    new = [
        f"{one.name}: {one.message}"
        for one in after.resources
        if one.reason == Reason.NOT_CONFIRMED and (one.name, one.message) not in known
    ]
    return [
        Event("Warning", Reason.NOT_CONFIRMED, note, "Subscribe")
        for note in notes_of(new, separator="; ")
    ]


def _about_the_rest(before: Status, after: Status, gating: frozenset[str]) -> list[Event]:
    """Failures that do not make Ready False, such as an alarm's: said once, when they begin."""
    known = {name for name, one in inventory(before).items() if is_error(one)}
    return [
        Event("Warning", Reason(one.reason), f"{name}: {one.message}", "Apply")
        for name, one in inventory(after).items()
        if is_error(one) and name not in known and name not in gating
    ]


def notes_of(parts: Iterable[str], *, separator: str) -> list[str]:
    """The parts in as few notes as hold them whole, with room for a few words before them."""
    notes: list[str] = []
    for part in parts:
        if notes and len(notes[-1]) + len(separator) + len(part) <= _NOTE_LENGTH:
            notes[-1] += separator + part
        else:
            notes.append(part)
    return notes


def _is_about(action: Action, outcome: Outcome) -> bool:
    """A resource that was created and then completed in one reconcile was created, not updated."""
    if action not in outcome.done or outcome.corrected_drift or outcome.lost:
        return False
    return action is not Action.UPDATE or Action.CREATE not in outcome.done


def _with_fields(name: str, outcome: Outcome) -> str:
    return f"{name} ({', '.join(outcome.fields)})" if outcome.fields else name


def _about_condition(condition: Condition) -> list[Event]:
    kind, truth, reason = condition.type, condition.status, Reason(condition.reason)
    note = condition.message or reason.value
    if (
        kind == types.STALLED
        or (kind == types.CREDENTIALS_VALID and truth == "False")
        or (kind == types.DRIFT_DETECTED and truth == "True")
        or (kind == types.OUTPUTS_PUBLISHED and truth == "False")
        or (kind in {types.NUMBERS_BALANCED, types.EVENTS_MAPPED} and truth == "False")
        or (kind == types.RECONCILING and reason is Reason.PROGRESSING_WITH_RETRY)
    ):
        return [Event("Warning", reason, note, kind)]
    if (kind == types.READY and truth == "True") or kind == types.SUSPENDED:
        return [Event("Normal", reason, note, kind)]
    return []
