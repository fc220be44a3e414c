"""Conditions of a result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Status
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.status.progress_deadline import (
    PACED,
    TOLERATED_FAILED_OBSERVATIONS,
    is_error,
    stalls,
)
from clickstream_operator.status.result import (
    Blocker,
    Publication,
    Reading,
    ReconcileResult,
)


def set_conditions(
    conditions: ConditionSet,
    entries: Sequence[Entry],
    result: ReconcileResult,
    previous: Status,
    now: datetime,
) -> None:
    """Set the conditions after a reconcile; `entries` have their times."""
    if result.deleting:
        _set_deleting(conditions, entries, result, previous, now)
    elif result.blocker is not None:
        truth: types.Truth = "Unknown" if result.failed_observations else "False"
        _set_blocker(conditions, result.blocker, previous, now, truth=truth)
    elif result.failed_observations:
        _set_unobservable(conditions, entries, result, now)
    else:
        _set_progress(conditions, entries, result, previous, now)
    _set_credentials(conditions, result)
    _set_drift(conditions, entries)
    _set_publication(conditions, result.publication)
    _set_reading(conditions, types.NUMBERS_BALANCED, result.balance)
    _set_reading(conditions, types.EVENTS_MAPPED, result.mapping)
    if not result.deleting:
        _set_suspended(conditions, entries, result)


def _set_progress(
    conditions: ConditionSet,
    entries: Sequence[Entry],
    result: ReconcileResult,
    previous: Status,
    now: datetime,
) -> None:
    open_ones = _open(entries, result, previous)
    aside = [entry for entry in entries if entry.name not in result.gating and is_error(entry)]
    if not open_ones:
        ready = sum(entry.state in {State.READY, State.DRIFTED} for entry in entries)
        extra = f"; not working: {_named(aside)}" if aside else ""
        conditions.set(types.READY, "True", Reason.AVAILABLE, f"{ready} resources ready{extra}")
        conditions.settled()
        return
    errors = [entry for entry in open_ones if is_error(entry)]
    waiting = [entry for entry in open_ones if entry.reason == Reason.PLAN_PENDING]
    paced = [entry for entry in open_ones if entry.reason in PACED]
    stuck = [entry for entry in errors if stalls(entry, now=now)]
    if errors:
        first = (stuck or errors)[0]
        reason, message = Reason(first.reason), _sentence(first)
        conditions.set(types.READY, "False", reason, message)
        _set_stalled_or_retrying(conditions, reason, message, stuck=bool(stuck))
    elif waiting and result.plan is not None:
        message = (
            f"{result.plan.summary}; read status.plan, then approve it with the annotation "
            f"clickstream.dev/approved-plan={result.plan.hash}"
        )
        conditions.set(types.READY, "False", Reason.PLAN_PENDING, message)
        conditions.settled()
    elif paced:
        message = _sentence(paced[0])
        conditions.set(types.READY, "False", Reason(paced[0].reason), message)
        conditions.reconciling(Reason.PROGRESSING, message)
    else:
        was_ready = any(
            condition.type == types.READY and condition.reason == Reason.UPDATING
            for condition in previous.conditions
        ) or all(entry.applied_hash for entry in open_ones)
        reason = Reason.UPDATING if was_ready else Reason.CREATING
        # Of all resources, as the message counts them when nothing is left to wait for.
        done = {one.name for one in entries if one.state in {State.READY, State.DRIFTED}}
        done -= {one.name for one in open_ones}
        total = len({one.name for one in (*entries, *open_ones)})
        message = f"{len(done)} of {total} ready; waiting for {_named(open_ones)}"
        conditions.set(types.READY, "False", reason, message)
        conditions.reconciling(Reason.PROGRESSING, message)


def _open(entries: Sequence[Entry], result: ReconcileResult, previous: Status) -> list[Entry]:
    """Resources that Ready waits for.

    While a change is under way, a resource that the reconcile has not come to is open although it
    was ready before.
    """
    resync = any(c.type == types.READY and c.status == "True" for c in previous.conditions)
    coming = frozenset[str]() if resync else result.pending & result.gating
    found = [
        entry
        for entry in entries
        if entry.name in coming
        or (entry.name in result.gating and entry.state not in {State.READY, State.DRIFTED})
    ]
    unlisted = sorted(coming - {entry.name for entry in entries})
    return found + [Entry(name=name, kind="", physical_name="") for name in unlisted]


def _set_stalled_or_retrying(
    conditions: ConditionSet, reason: Reason, message: str, *, stuck: bool
) -> None:
    if stuck:
        conditions.stalled(reason, message)
    else:
        conditions.reconciling(Reason.PROGRESSING_WITH_RETRY, message)


def _set_blocker(
    conditions: ConditionSet,
    blocker: Blocker,
    previous: Status,
    now: datetime,
    *,
    truth: types.Truth = "False",
) -> None:
    already = any(
        c.type == types.STALLED and c.reason == blocker.reason for c in previous.conditions
    )
    conditions.set(types.READY, truth, blocker.reason, blocker.message)
    stuck = already or stalls(blocker, now=now)
    _set_stalled_or_retrying(conditions, blocker.reason, blocker.message, stuck=stuck)


def _set_unobservable(
    conditions: ConditionSet, entries: Sequence[Entry], result: ReconcileResult, now: datetime
) -> None:
    """A ready pipeline could not be observed: believed for two resyncs, then unknown."""
    if result.failed_observations > TOLERATED_FAILED_OBSERVATIONS:
        errors = [entry for entry in entries if is_error(entry)]
        stuck = [entry for entry in errors if stalls(entry, now=now)]
        first = next(iter(stuck or errors), None)
        reason = Reason(first.reason) if first else Reason.TRANSIENT
        message = _sentence(first) if first else "AWS can't be read"
        conditions.set(types.READY, "Unknown", reason, message)
        _set_stalled_or_retrying(conditions, reason, message, stuck=bool(stuck))


def _set_deleting(
    conditions: ConditionSet,
    entries: Sequence[Entry],
    result: ReconcileResult,
    previous: Status,
    now: datetime,
) -> None:
    left = [entry for entry in entries if entry.state is not State.RETAINED]
    blocked = [entry for entry in left if is_error(entry)]
    if result.blocker is not None:
        message = f"deletion waits: {result.blocker.message}"
        waiting = replace(result.blocker, message=message)
        _set_blocker(conditions, waiting, previous, now)
    elif blocked:
        stuck = [entry for entry in blocked if stalls(entry, now=now)]
        first = (stuck or blocked)[0]
        message = f"deletion waits: {_sentence(first)}"
        conditions.set(types.READY, "False", Reason(first.reason), message)
        _set_stalled_or_retrying(conditions, Reason(first.reason), message, stuck=bool(stuck))
    else:
        message = f"{len(left)} resources left: {_named(left)}" if left else "all gone or retained"
        conditions.set(types.READY, "False", Reason.DELETING, message)
        conditions.reconciling(Reason.DELETING, message)


def _set_credentials(conditions: ConditionSet, result: ReconcileResult) -> None:
    if result.credentials_are_bad:
        conditions.set(
            types.CREDENTIALS_VALID, "False", Reason.CREDENTIALS_INVALID, result.credentials_message
        )
    elif _proves_credential(result):
        conditions.set(types.CREDENTIALS_VALID, "True", Reason.CREDENTIALS_VALID)


def _proves_credential(result: ReconcileResult) -> bool:
    """Whether AWS answered to it: a reconcile without an observation says nothing about it."""
    if result.blocker is not None:
        return result.blocker.reason is Reason.ACCOUNT_MISMATCH
    return not result.failed_observations


def _set_drift(conditions: ConditionSet, entries: Iterable[Entry]) -> None:
    drifted = [
        entry
        for entry in entries
        if entry.drift or entry.state is State.DRIFTED or entry.reason == Reason.RESOURCE_MISSING
    ]
    if drifted:
        fields = "; ".join(
            f"{entry.name}: {', '.join(one.field for one in entry.drift) or 'gone'}"
            for entry in drifted
        )
        conditions.set(types.DRIFT_DETECTED, "True", Reason.DRIFT_DETECTED, fields)
    else:
        conditions.set(types.DRIFT_DETECTED, "False", Reason.NO_DRIFT)


def _set_publication(conditions: ConditionSet, publication: Publication | None) -> None:
    if publication is None:
        return
    if publication.truth is None:
        conditions.remove(types.OUTPUTS_PUBLISHED)
        return
    conditions.set(
        types.OUTPUTS_PUBLISHED, publication.truth, publication.reason, publication.message
    )


def _set_reading(conditions: ConditionSet, kind: str, reading: Reading | None) -> None:
    if reading is not None:
        conditions.set(kind, reading.truth, reading.reason, reading.message)


def _set_suspended(
    conditions: ConditionSet, entries: Sequence[Entry], result: ReconcileResult
) -> None:
    if not result.suspended:
        conditions.remove(types.SUSPENDED)
        return
    conditions.set(
        types.SUSPENDED, "True", Reason.SUSPENDED, "spec.suspend is true; set it to false to go on"
    )
    conditions.settled()
    if result.blocker is not None:
        return
    gating = [entry for entry in entries if entry.name in result.gating]
    if all(entry.state in {State.READY, State.DRIFTED} for entry in gating):
        return
    applied = any(entry.applied_hash for entry in gating)
    conditions.set(
        types.READY,
        "Unknown" if applied else "False",
        Reason.SUSPENDED,
        "changes wait until spec.suspend is false",
    )


def _sentence(entry: Entry) -> str:
    return f"{entry.name}: {entry.message}"


def _named(entries: Sequence[Entry], most: int = 3) -> str:
    shown = ", ".join(entry.name for entry in entries[:most])
    return shown if len(entries) <= most else f"{shown} and {len(entries) - most} more"
