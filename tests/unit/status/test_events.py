"""Events: one for each transition, none without a change."""

from __future__ import annotations

import pytest

from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Condition, Plan, ResourceStatus, Status
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.plan import Action
from clickstream_operator.kube.events import Event
from clickstream_operator.status.events import events_of_changes, events_of_transitions


def status(*conditions: tuple[str, str, Reason, str]) -> Status:
    """A status with these conditions: type, status, reason, message."""
    return Status(
        conditions=[
            Condition.model_validate(
                {
                    "type": kind,
                    "status": truth,
                    "reason": reason.value,
                    "message": message,
                    "lastTransitionTime": "2026-11-01T00:00:00Z",
                }
            )
            for kind, truth, reason, message in conditions
        ]
    )


def events_for(
    before: Status,
    after: Status,
    outcomes: dict[str, Outcome],
    *,
    gating: frozenset[str] | None = None,
) -> list[Event]:
    """All Events of one reconcile."""
    return events_of_changes(outcomes) + events_of_transitions(before, after, gating=gating)


READY = (types.READY, "True", Reason.AVAILABLE, "34 resources ready")
STALLED = (types.STALLED, "True", Reason.INVALID, "a: wrong")
EMPTY = Status()


def test_no_change_no_event() -> None:
    """The same conditions and nothing written: silence."""
    assert events_for(status(READY, STALLED), status(READY, STALLED), {}) == []


def test_message_alone_is_no_transition() -> None:
    """Another message of the same state is not news."""
    other = (*STALLED[:3], "a: still wrong")
    assert events_for(status(STALLED), status(other), {}) == []


def test_becoming_ready_is_told_once() -> None:
    """Ready=True is one Normal Event."""
    assert events_for(EMPTY, status(READY), {}) == [
        Event("Normal", Reason.AVAILABLE, "34 resources ready", "Ready")
    ]


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (STALLED, "Warning"),
        ((types.CREDENTIALS_VALID, "False", Reason.CREDENTIALS_INVALID, "expired"), "Warning"),
        ((types.DRIFT_DETECTED, "True", Reason.DRIFT_DETECTED, "a: size"), "Warning"),
        ((types.RECONCILING, "True", Reason.PROGRESSING_WITH_RETRY, "a: slow"), "Warning"),
        ((types.NUMBERS_BALANCED, "False", Reason.NUMBERS_DIFFER, "1 hour"), "Warning"),
        ((types.EVENTS_MAPPED, "False", Reason.NO_PAGE_VIEWS, "none"), "Warning"),
        ((types.SUSPENDED, "True", Reason.SUSPENDED, "spec.suspend is true"), "Normal"),
    ],
)
def test_warnings_are_what_a_person_must_act_on(
    condition: tuple[str, str, Reason, str], kind: str
) -> None:
    """One Event with the condition's reason and message."""
    (event,) = events_for(EMPTY, status(condition), {})
    assert (event.kind, event.reason, event.note) == (kind, condition[2], condition[3])


@pytest.mark.parametrize(
    "condition",
    [
        (types.READY, "False", Reason.CREATING, "2 of 3"),
        (types.RECONCILING, "True", Reason.PROGRESSING, "2 of 3"),
        (types.CREDENTIALS_VALID, "True", Reason.CREDENTIALS_VALID, ""),
        (types.DRIFT_DETECTED, "False", Reason.NO_DRIFT, ""),
        (types.EVENTS_MAPPED, "Unknown", Reason.TOO_FEW_ROWS, "few"),
    ],
)
def test_normal_course_is_silent(condition: tuple[str, str, Reason, str]) -> None:
    """What nobody must act on and what is no arrival makes no Event."""
    assert events_for(EMPTY, status(condition), {}) == []


def test_new_reason_of_a_stalled_pipeline_is_told() -> None:
    """Another obstacle is another Event."""
    other = (types.STALLED, "True", Reason.ACCESS_DENIED, "b: denied")
    (event,) = events_for(status(STALLED), status(other), {})
    assert event.reason is Reason.ACCESS_DENIED


def test_event_without_message_says_its_reason() -> None:
    """The note of an Event is never empty."""
    (event,) = events_for(EMPTY, status((types.STALLED, "True", Reason.INVALID, "")), {})
    assert event.note == "Invalid"


def test_writes_are_one_event_an_action() -> None:
    """Creations, changes and deletions of a reconcile: one Event each, naming the resources."""
    outcomes = {
        "a": Outcome("a", None, done=(Action.CREATE,)),
        "b": Outcome("b", None, done=(Action.CREATE, Action.UPDATE), fields=("tags",)),
        "c": Outcome("c", None, done=(Action.UPDATE,), fields=("size", "tags")),
        "d": Outcome("d", None, done=(Action.DELETE,)),
        "e": Outcome("e", None),
    }
    assert [(one.reason, one.note) for one in events_for(EMPTY, EMPTY, outcomes)] == [
        (Reason.RESOURCE_CREATED, "created a, b"),
        (Reason.RESOURCE_UPDATED, "updated c (size, tags)"),
        (Reason.RESOURCE_DELETED, "deleted d"),
    ]


def test_many_writes_are_counted_and_the_first_named() -> None:
    """Twenty-six names would fill seven lines of a terminal."""
    outcomes = {f"r{one}": Outcome(f"r{one}", None, done=(Action.CREATE,)) for one in range(26)}
    (event,) = events_for(EMPTY, EMPTY, outcomes)
    assert event.note == "created 26 resources (r0, r1, r2, r3, r4 ...)"
    few = dict(list(outcomes.items())[:5])
    assert events_for(EMPTY, EMPTY, few)[0].note == "created r0, r1, r2, r3, r4"


def test_corrected_drift_is_told_as_such() -> None:
    """A repair is not also an update or a creation."""
    outcomes = {
        "a": Outcome("a", None, done=(Action.UPDATE,), fields=("size",), corrected_drift=True),
        "b": Outcome("b", None, done=(Action.CREATE,), corrected_drift=True),
    }
    (event,) = events_for(EMPTY, EMPTY, outcomes)
    assert (event.kind, event.reason) == ("Normal", Reason.DRIFT_CORRECTED)
    assert event.note == "corrected a (size), b (was gone)"


def drifted(**fields: list[str]) -> Status:
    """A status with this drift, by resource."""
    return Status(
        conditions=status((types.DRIFT_DETECTED, "True", Reason.DRIFT_DETECTED, "x")).conditions,
        resources=[
            ResourceStatus.model_validate(
                {
                    "name": name,
                    "kind": "Fake",
                    "physicalName": name,
                    "state": "Drifted",
                    "drift": [{"field": one, "observed": "1", "desired": "2"} for one in found],
                }
            )
            for name, found in fields.items()
        ],
    )


def test_new_drift_is_told_also_when_there_is_some_already() -> None:
    """Field by field, each once; what goes is no news."""
    before, after = drifted(a=["size"], b=["key"]), drifted(a=["size", "tags"], c=["ttl"])
    assert [one.note for one in events_for(EMPTY, before, {})] == ["a: size; b: key"]
    assert [one.note for one in events_for(before, after, {})] == ["a: tags; c: ttl"]
    assert events_for(after, before, {})[0].note == "b: key"
    assert events_for(after, after, {}) == []


def test_what_does_not_fit_into_one_event_is_told_in_more() -> None:
    """No field is cut off."""
    fields = {f"resource-{number}": ["field" * 10] for number in range(50)}
    told = events_for(EMPTY, drifted(**fields), {})
    assert len(told) > 1
    assert all(len(one.note) <= 1024 for one in told)
    assert "; ".join(one.note for one in told) == "; ".join(
        f"{name}: {found[0]}" for name, found in fields.items()
    )


WAITS = Plan(hash="aa", summary="2 to change")
AT_WORK = WAITS.model_copy(update={"approved": True})
DONE = Plan(serial=1)
NEXT = Plan(hash="bb", serial=1, summary="1 to delete")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, None, []),
        (None, WAITS, [Reason.PLAN_PENDING]),
        (WAITS, WAITS, []),
        (WAITS, AT_WORK, [Reason.PLAN_APPROVED]),
        (AT_WORK, AT_WORK, []),
        (AT_WORK, DONE, [Reason.PLAN_COMPLETED]),
        # Approved and done in one reconcile.
        (WAITS, DONE, [Reason.PLAN_APPROVED, Reason.PLAN_COMPLETED]),
        (DONE, DONE, []),
        (DONE, NEXT, [Reason.PLAN_PENDING]),
        # Another edit came before the approval; then it was taken back.
        (WAITS, Plan(hash="cc"), [Reason.PLAN_PENDING]),
        (WAITS, Plan(), []),
        # spec.approval is Automatic again.
        (AT_WORK, None, []),
    ],
)
def test_a_plan_is_told_when_it_waits_is_approved_and_complete(
    before: Plan | None, after: Plan | None, told: list[Reason]
) -> None:
    """Each once; only the one that waits is for a person to act on."""
    found = events_for(Status(plan=before), Status(plan=after), {})
    assert [one.reason for one in found] == told
    warned = [one.reason for one in found if one.kind == "Warning"]
    assert warned == [one for one in told if one is Reason.PLAN_PENDING]


def test_a_plan_that_waits_says_how_to_approve_it() -> None:
    """What would change, and the annotation with the hash."""
    (event,) = events_for(EMPTY, Status(plan=WAITS), {})
    assert event.note == (
        "a plan waits for approval: 2 to change; read status.plan, then approve it with the "
        "annotation clickstream.dev/approved-plan=aa"
    )


def test_a_requested_reconcile_is_told_once() -> None:
    """With the annotation's value, so that the one who asked knows theirs."""
    handled = Status(last_handled_reconcile_at="now-1")
    (event,) = events_for(EMPTY, handled, {})
    assert (event.kind, event.reason) == ("Normal", Reason.RECONCILE_REQUEST_HANDLED)
    assert "=now-1 asks" in event.note
    assert events_for(handled, handled, {}) == []


def test_what_fails_beside_a_ready_pipeline_is_told_once() -> None:
    """An alarm gates nothing, and that it can't be made is news; what gates has its condition."""
    alarm = ResourceStatus(
        name="alarm",
        kind="Alarm",
        physical_name="a",
        state="Failed",
        reason="AccessDenied",
        message="may not",
    )
    before, after = Status(), Status(resources=[alarm])
    told = Event("Warning", Reason.ACCESS_DENIED, "alarm: may not", "Apply")
    assert events_for(before, after, {}, gating=frozenset({"stream"})) == [told]
    assert events_for(after, after, {}, gating=frozenset({"stream"})) == []
    assert events_for(before, after, {}, gating=frozenset({"alarm"})) == []
    assert events_for(before, after, {}) == []
