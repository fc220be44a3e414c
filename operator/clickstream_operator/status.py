"""What a pass says in the status: conditions and inventory from outcomes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.status import ModeSwitch, Resize, ResourceState
from clickstream_operator.api.v1alpha1 import (
    Condition,
    Effective,
    FieldDrift,
    Plan,
    ResourceStatus,
    Status,
)
from clickstream_operator.engine.inventory import Drift, Entry, Origin, State

_AT_ONCE: Final = frozenset(
    {
        Reason.INVALID,
        Reason.OWNERSHIP_CONFLICT,
        Reason.ROLE_NOT_ALLOWED,
        Reason.ACCOUNT_MISMATCH,
        Reason.REPLACEMENT_NEEDED,
        Reason.RESOURCE_FAILED,
        Reason.RESOURCE_MISSING,
        Reason.DRIFT_LOOP,
        Reason.DELETION_BLOCKED,
        Reason.NOT_YET_EFFECTIVE,
    }
)
_AFTER_FIVE_MINUTES: Final = frozenset(
    {Reason.ACCESS_DENIED, Reason.LIMIT_EXCEEDED, Reason.CREDENTIALS_INVALID}
)
_PATIENCE_WITH_ACCESS: Final = timedelta(minutes=5)
_PATIENCE_WITH_RETRIES: Final = timedelta(minutes=10)
_WAITING: Final = frozenset(
    {
        Reason.DELETING,
        Reason.WAITING_FOR_AWS,
        Reason.WAITING_FOR_DEPENDENCY,
        Reason.CONFIRMING_ABSENCE,
        "",
    }
)
#: What AWS lets us do only step by step, or only so often: it takes its time and ends by itself.
_PACED: Final = frozenset(
    {Reason.SCALING_IN_STEPS, Reason.RESIZE_BUDGET_EXHAUSTED, Reason.CHANGE_TOO_SOON}
)
_CALM: Final = _WAITING | _PACED | {Reason.PLAN_PENDING, Reason.SUSPENDED}
#: Resyncs of a ready pipeline that may fail before Ready becomes Unknown.
TOLERATED_FAILED_LOOKS: Final = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a whole pass from happening: a credential, an account, a field.

    `since` is the RFC 3339 time at which it began, empty for now.
    """

    reason: Reason
    message: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass found, for the status.

    `entries` is the inventory afterwards, in order; `gating` the names that Ready depends on;
    `unvisited` the names that a pass that still runs has not come to.
    `monthly_cost`: dollars at the stated traffic, empty: as before.
    `failed_looks`: resyncs in a row in which a ready pipeline could not be looked at. `resizes` and
    `mode_switches` None: as before. `publication` None: as before.
    """

    generation: int
    entries: Sequence[Entry]
    gating: frozenset[str]
    effective: Effective | None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    credentials_are_bad: bool = False
    credentials_message: str = ""
    failed_looks: int = 0
    suspended: bool = False
    deleting: bool = False
    pending_fields: Sequence[str] = ()
    handled_request: str = ""
    problem: Problem | None = None
    plan: Plan | None = None
    unvisited: frozenset[str] = frozenset()
    resizes: Sequence[Resize] | None = None
    mode_switches: Sequence[ModeSwitch] | None = None
    monthly_cost: str = ""
    publication: Publication | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """How the ConfigMap of the outputs stands; `truth` None: the operator writes none."""

    truth: types.Truth | None
    reason: Reason = Reason.OUTPUTS_PUBLISHED
    message: str = ""


def timestamp(moment: datetime) -> str:
    """RFC 3339 with seconds, as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compose(previous: Status, report: Report, *, now: datetime) -> Status:
    """The status after a pass. Equal inputs but for `now` give an equal status."""
    text_now = timestamp(now)
    entries = _with_times(report.entries, previous, text_now)
    conditions = ConditionSet(previous.conditions, generation=report.generation, now=text_now)
    if report.deleting:
        _say_deleting(conditions, entries, report, previous, now)
    elif report.problem is not None:
        truth: types.Truth = "Unknown" if report.failed_looks else "False"
        _say_problem(conditions, report.problem, previous, now, truth=truth)
    elif report.failed_looks:
        _say_unseen(conditions, entries, report, now)
    else:
        _say_progress(conditions, entries, report, previous, now)
    _say_credentials(conditions, report)
    _say_drift(conditions, entries)
    _say_pending(conditions, report.pending_fields)
    _say_publication(conditions, report.publication)
    if not report.deleting:
        _say_suspended(conditions, entries, report)
    return Status(
        observed_generation=report.generation,
        conditions=conditions.as_list(),
        resources=[_resource(entry) for entry in entries],
        # What could not be looked at keeps its outputs.
        outputs=(not report.failed_looks and dict(report.outputs)) or previous.outputs,
        effective=report.effective or previous.effective,
        contender=previous.contender,
        last_handled_reconcile_at=report.handled_request or previous.last_handled_reconcile_at,
        plan=_priced(report),
        resizes=list(previous.resizes if report.resizes is None else report.resizes),
        mode_switches=list(
            previous.mode_switches if report.mode_switches is None else report.mode_switches
        ),
        estimated_monthly_cost=report.monthly_cost or previous.estimated_monthly_cost,
    )


def _priced(report: Report) -> Plan | None:
    """The plan with the cost of what it leads to; an empty one leads nowhere."""
    plan = report.plan
    if plan is None:
        return None
    cost = report.monthly_cost or plan.cost_per_month if plan.changes else ""
    return plan.model_copy(update={"cost_per_month": cost})


def begin(previous: Status, report: Report, *, now: datetime) -> Status:
    """The first status of a new generation, written before any AWS write."""
    text_now = timestamp(now)
    conditions = ConditionSet(previous.conditions, generation=report.generation, now=text_now)
    changed = any(entry.applied_hash for entry in report.entries)
    conditions.set(
        types.READY,
        "False" if changed else "Unknown",
        Reason.UPDATING if changed else Reason.CREATING,
        "the new spec is being applied" if changed else "resources are being created",
    )
    conditions.reconciling(Reason.PROGRESSING, "the new spec is being applied")
    return previous.model_copy(
        update={
            "observed_generation": report.generation,
            "conditions": conditions.as_list(),
            "resources": [
                _resource(entry) for entry in _with_times(report.entries, previous, text_now)
            ],
            "effective": report.effective,
            "outputs": dict(report.outputs) or previous.outputs,
        }
    )


def is_settled(body: Mapping[str, Any]) -> bool:
    """Whether an object is ready for its present spec and not being deleted."""
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata:
        return False
    status = body.get("status") or {}
    if status.get("observedGeneration") != metadata.get("generation"):
        return False
    return any(
        condition["type"] == types.READY and condition["status"] == "True"
        for condition in status.get("conditions") or ()
    )


def stalls(entry: Entry, *, now: datetime) -> bool:
    """Whether waiting longer for this resource is not worth it."""
    patience = _patience_with(entry.reason)
    if patience is None:
        return False
    since = datetime.fromisoformat(entry.since) if entry.since else now
    return now - since >= patience


def seconds_to_stall(entries: Iterable[Entry], *, now: datetime) -> float | None:
    """Seconds until the next of these has failed for too long; None when none is on the way."""
    left = []
    for entry in entries:
        patience = _patience_with(entry.reason)
        if patience is not None and _is_error(entry) and not stalls(entry, now=now):
            since = datetime.fromisoformat(entry.since) if entry.since else now
            left.append((patience - (now - since)).total_seconds())
    return min(left, default=None)


def probe(problem: Problem) -> Entry:
    """A problem as the failure of a resource without a name: the same patience holds for both."""
    return Entry(
        name="",
        kind="",
        physical_name="",
        state=State.FAILED,
        reason=problem.reason,
        since=problem.since,
    )


def _patience_with(reason: str) -> timedelta | None:
    """How long a reason may last before the pipeline is stalled; None: for ever."""
    if reason in _AT_ONCE:
        return timedelta()
    if reason in _AFTER_FIVE_MINUTES:
        return _PATIENCE_WITH_ACCESS
    if reason in _WAITING or reason in _PACED:
        return None
    return _PATIENCE_WITH_RETRIES


def inventory(status: Status) -> dict[str, Entry]:
    """The inventory that a status holds."""
    return {
        resource.name: Entry(
            name=resource.name,
            kind=resource.kind,
            physical_name=resource.physical_name,
            arn=resource.arn,
            origin=Origin(resource.origin),
            applied_hash=resource.applied_hash,
            state=State(resource.state),
            reason=resource.reason,
            message=resource.message,
            drift=tuple(Drift(d.field, d.observed, d.desired) for d in resource.drift),
            since=resource.last_transition_time,
        )
        for resource in status.resources
    }


def _say_progress(
    conditions: ConditionSet,
    entries: Sequence[Entry],
    report: Report,
    previous: Status,
    now: datetime,
) -> None:
    open_ones = _open(entries, report, previous)
    aside = [entry for entry in entries if entry.name not in report.gating and _is_error(entry)]
    if not open_ones:
        ready = sum(entry.state in {State.READY, State.DRIFTED} for entry in entries)
        extra = f"; not working: {_named(aside)}" if aside else ""
        conditions.set(types.READY, "True", Reason.AVAILABLE, f"{ready} resources ready{extra}")
        conditions.settled()
        return
    errors = [entry for entry in open_ones if _is_error(entry)]
    waiting = [entry for entry in open_ones if entry.reason == Reason.PLAN_PENDING]
    paced = [entry for entry in open_ones if entry.reason in _PACED]
    stuck = [entry for entry in errors if stalls(entry, now=now)]
    if errors:
        first = (stuck or errors)[0]
        reason, message = Reason(first.reason), _sentence(first)
        conditions.set(types.READY, "False", reason, message)
        _say_stuck_or_retried(conditions, reason, message, stuck=bool(stuck))
    elif waiting and report.plan is not None:
        message = (
            f"{report.plan.summary}; read status.plan, then approve it with the annotation "
            f"clickstream.dev/approved-plan={report.plan.hash}"
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
        total = len(report.gating)
        message = f"{total - len(open_ones)} of {total} ready; waiting for {_named(open_ones)}"
        conditions.set(types.READY, "False", reason, message)
        conditions.reconciling(Reason.PROGRESSING, message)


def _open(entries: Sequence[Entry], report: Report, previous: Status) -> list[Entry]:
    """What Ready waits for.

    While a change is under way, what the pass has not come to is open although it was ready before.
    """
    resync = any(c.type == types.READY and c.status == "True" for c in previous.conditions)
    coming = frozenset[str]() if resync else report.unvisited & report.gating
    found = [
        entry
        for entry in entries
        if entry.name in coming
        or (entry.name in report.gating and entry.state not in {State.READY, State.DRIFTED})
    ]
    unlisted = sorted(coming - {entry.name for entry in entries})
    return found + [Entry(name=name, kind="", physical_name="") for name in unlisted]


def _say_stuck_or_retried(
    conditions: ConditionSet, reason: Reason, message: str, *, stuck: bool
) -> None:
    if stuck:
        conditions.stalled(reason, message)
    else:
        conditions.reconciling(Reason.PROGRESSING_WITH_RETRY, message)


def _say_problem(
    conditions: ConditionSet,
    problem: Problem,
    previous: Status,
    now: datetime,
    *,
    truth: types.Truth = "False",
) -> None:
    probed = probe(replace(problem, since=problem.since or timestamp(now)))
    already = any(
        c.type == types.STALLED and c.reason == problem.reason for c in previous.conditions
    )
    conditions.set(types.READY, truth, problem.reason, problem.message)
    stuck = already or stalls(probed, now=now)
    _say_stuck_or_retried(conditions, problem.reason, problem.message, stuck=stuck)


def _say_unseen(
    conditions: ConditionSet, entries: Sequence[Entry], report: Report, now: datetime
) -> None:
    """A ready pipeline could not be looked at: believed for two resyncs, then unknown."""
    if report.failed_looks > TOLERATED_FAILED_LOOKS:
        errors = [entry for entry in entries if _is_error(entry)]
        stuck = [entry for entry in errors if stalls(entry, now=now)]
        first = next(iter(stuck or errors), None)
        reason = Reason(first.reason) if first else Reason.TRANSIENT
        message = _sentence(first) if first else "AWS can't be read"
        conditions.set(types.READY, "Unknown", reason, message)
        _say_stuck_or_retried(conditions, reason, message, stuck=bool(stuck))


def _say_deleting(
    conditions: ConditionSet,
    entries: Sequence[Entry],
    report: Report,
    previous: Status,
    now: datetime,
) -> None:
    left = [entry for entry in entries if entry.state is not State.RETAINED]
    blocked = [entry for entry in left if _is_error(entry)]
    if report.problem is not None:
        message = f"deletion waits: {report.problem.message}"
        waiting = replace(report.problem, message=message)
        _say_problem(conditions, waiting, previous, now)
    elif blocked:
        stuck = [entry for entry in blocked if stalls(entry, now=now)]
        first = (stuck or blocked)[0]
        message = f"deletion waits: {_sentence(first)}"
        conditions.set(types.READY, "False", Reason(first.reason), message)
        _say_stuck_or_retried(conditions, Reason(first.reason), message, stuck=bool(stuck))
    else:
        message = f"{len(left)} resources left: {_named(left)}" if left else "all gone or retained"
        conditions.set(types.READY, "False", Reason.DELETING, message)
        conditions.reconciling(Reason.DELETING, message)


def _say_credentials(conditions: ConditionSet, report: Report) -> None:
    if report.credentials_are_bad:
        conditions.set(
            types.CREDENTIALS_VALID, "False", Reason.CREDENTIALS_INVALID, report.credentials_message
        )
    elif report.problem is None or report.problem.reason is Reason.ACCOUNT_MISMATCH:
        conditions.set(types.CREDENTIALS_VALID, "True", Reason.CREDENTIALS_VALID)


def _say_drift(conditions: ConditionSet, entries: Iterable[Entry]) -> None:
    drifted = [entry for entry in entries if entry.drift or entry.state is State.DRIFTED]
    if drifted:
        fields = "; ".join(
            f"{entry.name}: {', '.join(one.field for one in entry.drift)}" for entry in drifted
        )
        conditions.set(types.DRIFT_DETECTED, "True", Reason.DRIFT_DETECTED, fields)
    else:
        conditions.set(types.DRIFT_DETECTED, "False", Reason.NO_DRIFT)


def _say_pending(conditions: ConditionSet, fields: Sequence[str]) -> None:
    if fields:
        message = f"accepted, without effect in this version: {', '.join(fields)}"
        conditions.set(types.FIELDS_PENDING, "True", Reason.NOT_YET_EFFECTIVE, message)
    else:
        conditions.remove(types.FIELDS_PENDING)


def _say_publication(conditions: ConditionSet, publication: Publication | None) -> None:
    if publication is None:
        return
    if publication.truth is None:
        conditions.remove(types.OUTPUTS_PUBLISHED)
        return
    conditions.set(
        types.OUTPUTS_PUBLISHED, publication.truth, publication.reason, publication.message
    )


def _say_suspended(conditions: ConditionSet, entries: Sequence[Entry], report: Report) -> None:
    if not report.suspended:
        conditions.remove(types.SUSPENDED)
        return
    conditions.set(types.SUSPENDED, "True", Reason.SUSPENDED, "spec.suspend is true")
    conditions.settled()
    if report.problem is not None:
        return
    gating = [entry for entry in entries if entry.name in report.gating]
    if all(entry.state in {State.READY, State.DRIFTED} for entry in gating):
        return
    applied = any(entry.applied_hash for entry in gating)
    conditions.set(
        types.READY,
        "Unknown" if applied else "False",
        Reason.SUSPENDED,
        "changes wait until spec.suspend is false",
    )


def _is_error(entry: Entry) -> bool:
    return entry.state in {State.FAILED, State.BLOCKED} and entry.reason not in _CALM


def _sentence(entry: Entry) -> str:
    return f"{entry.name}: {entry.message}"


def _named(entries: Sequence[Entry], most: int = 3) -> str:
    shown = ", ".join(entry.name for entry in entries[:most])
    return shown if len(entries) <= most else f"{shown} and {len(entries) - most} more"


def _with_times(entries: Iterable[Entry], previous: Status, now: str) -> list[Entry]:
    before = inventory(previous)
    timed = []
    for entry in entries:
        old = before.get(entry.name)
        same = (
            old is not None and old.since and (old.state, old.reason) == (entry.state, entry.reason)
        )
        values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
        values["since"] = old.since if old and same else now
        timed.append(Entry(**values))
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
            "state": state,
            "reason": str(entry.reason),
            "message": entry.message,
            "drift": [
                FieldDrift(field=one.field, observed=one.observed, desired=one.desired)
                for one in entry.drift
            ],
            "lastTransitionTime": entry.since,
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


__all__ = ["Condition", "Problem", "Report", "as_body", "begin", "compose", "inventory", "stalls"]
