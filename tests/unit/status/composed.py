"""Statuses composed from results, each held to the laws of every status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from clickstream_operator import status as statuses
from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Condition, Effective, Status
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.status.result import ReconcileResult, timestamp
from tests.kstatus import Verdict, verdict

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EFFECTIVE = Effective(account="123456789012", partition="aws", region="eu-west-1", base="web-x")


def entry(name: str = "a", state: State = State.READY, reason: str = "", **values: Any) -> Entry:
    """One line of the inventory; applied and with an ARN unless told otherwise."""
    settled = {
        "kind": "Fake",
        "physical_name": f"base-{name}",
        "arn": f"arn:fake:{name}",
        "applied_hash": "0" * 16,
        "message": f"{reason} happened" if reason else "",
    }
    return Entry(name=name, state=state, reason=reason, **(settled | values))


def failing(reason: Reason, name: str = "a", **values: Any) -> Entry:
    """A line with an error."""
    return entry(name, State.FAILED, reason, **values)


def result(*entries: Entry, generation: int = 1, **values: Any) -> ReconcileResult:
    """The result of a reconcile; everything gates Ready unless told otherwise."""
    values.setdefault("gating", frozenset(one.name for one in entries))
    values.setdefault("effective", EFFECTIVE)
    return ReconcileResult(generation=generation, entries=entries, **values)


def compose(
    found: ReconcileResult,
    previous: Status | None = None,
    *,
    now: datetime = T0,
    generation: int = 0,
) -> Status:
    """Compose a status, and hold it to every rule that holds for all of them."""
    before = previous or Status()
    status = statuses.compose(before, found, now=now)
    assert_lawful(before, status, found, now=now)
    return status


def assert_lawful(before: Status, after: Status, found: ReconcileResult, *, now: datetime) -> None:
    """Assert the rules that hold for every status: kstatus, conditions, times, round trip."""
    known = {one.type: one for one in after.conditions}
    assert len(known) == len(after.conditions)
    assert not {types.RECONCILING, types.STALLED} <= set(known)
    for kind in (types.RECONCILING, types.STALLED, types.SUSPENDED):
        assert kind not in known or known[kind].status == "True"
    earlier = {one.type: one for one in before.conditions}
    for kind, condition in known.items():
        Reason(condition.reason)
        was = earlier.get(kind)
        moved = was is None or was.status != condition.status
        assert condition.last_transition_time == (
            timestamp(now) if moved or was is None else was.last_transition_time
        )
    metadata: dict[str, Any] = {"generation": found.generation}
    if found.deleting:
        metadata["deletionTimestamp"] = timestamp(now)
    result = verdict({"metadata": metadata, "status": statuses.as_body(after)})
    ready = known[types.READY].status == "True" if types.READY in known else None
    if found.deleting:
        assert result is Verdict.TERMINATING
    elif types.STALLED in known:
        assert result is Verdict.FAILED
        assert ready is not True
    elif types.RECONCILING in known or ready is False:
        assert result is Verdict.IN_PROGRESS
    elif ready:
        assert result is Verdict.CURRENT
    again = statuses.compose(after, found, now=now)
    assert statuses.as_body(again) == statuses.as_body(after)
    assert Status.model_validate(statuses.as_body(after)) == after


def of(status: Status, kind: str) -> Condition:
    """One condition that must be there."""
    return next(one for one in status.conditions if one.type == kind)


def summary(status: Status) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    return {one.type: (one.status, one.reason) for one in status.conditions}


READY_STATUS = statuses.compose(Status(), result(entry("a"), entry("b")), now=T0)
CALM = {"CredentialsValid": ("True", "CredentialsValid"), "DriftDetected": ("False", "NoDrift")}

AT_ONCE = [
    Reason.INVALID,
    Reason.OWNERSHIP_CONFLICT,
    Reason.ACCOUNT_MISMATCH,
    Reason.REPLACEMENT_NEEDED,
    Reason.RESOURCE_FAILED,
    Reason.RESOURCE_MISSING,
    Reason.DRIFT_LOOP,
    Reason.DELETION_BLOCKED,
]
AFTER_FIVE = [Reason.ACCESS_DENIED, Reason.LIMIT_EXCEEDED, Reason.CREDENTIALS_INVALID]
AFTER_TEN = [Reason.THROTTLED, Reason.CONFLICT, Reason.TRANSIENT, Reason.INTERNAL_ERROR]
