"""Outcome of a reconcile for one resource, for the status and the next reconcile. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired, difference
from clickstream_operator.engine.inventory import Creation, Entry, Origin, State
from clickstream_operator.engine.ownership import Ownership
from clickstream_operator.engine.plan import Action, Change, PlannedChange, Policy
from clickstream_operator.engine.propagation import PropagationDelay
from clickstream_operator.engine.resource import (
    ORIGIN_OUTPUT,
    Diff,
    Observed,
    Phase,
    Resource,
    Wait,
)

_REASONS: Final[dict[Category, Reason]] = {
    Category.NOT_FOUND: Reason.TRANSIENT,
    Category.ALREADY_EXISTS: Reason.CONFLICT,
    Category.CONFLICT: Reason.CONFLICT,
    Category.THROTTLED: Reason.THROTTLED,
    Category.ACCESS_DENIED: Reason.ACCESS_DENIED,
    Category.INVALID: Reason.INVALID,
    Category.LIMIT_EXCEEDED: Reason.LIMIT_EXCEEDED,
    Category.TRANSIENT: Reason.TRANSIENT,
    Category.UNRECOGNIZED: Reason.UNKNOWN_ANSWER,
}


class Requeue(StrEnum):
    """Time of the next reconcile of a resource."""

    NOW = "again"
    RESYNC = "resync"
    POLL = "poll"
    BACKOFF = "backoff"
    AFTER = "later"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one reconcile for one resource."""

    resource: str
    entry: Entry | None
    """Its inventory entry; None when it is gone, or was never there."""
    next: Requeue = Requeue.RESYNC
    outputs: Mapping[str, str] = field(default_factory=dict)
    done: tuple[Action, ...] = ()
    """Actions written by this reconcile."""
    fields: tuple[str, ...] = ()
    """Field paths changed by this reconcile."""
    corrected_drift: bool = False
    credentials_are_bad: bool = False
    observation_failed: bool = False
    """The resource could not be observed, which says nothing about the resource itself."""
    withheld: tuple[PlannedChange, ...] = ()
    """Changes that wait for approval."""
    seconds: float = 0.0
    """Until the next try with AFTER; until the first poll with POLL, where that is known."""
    usable: bool = False
    """Not as desired yet, but dependents need not wait."""
    propagating: Diff | None = None
    """Differences that were written and AWS does not show yet."""
    resent: bool = False
    """Whether this reconcile sent the same change again."""
    lost: str = ""
    """Data that was lost, of a resource that was gone and was made anew."""
    unseen: AwsError | None = None
    """Why a resource that the pipeline never created could not be observed."""

    @property
    def ready(self) -> bool:
        """Whether AWS has the resource, ready and as desired or merely drifted."""
        return self.entry is not None and self.entry.state in {State.READY, State.DRIFTED}

    @property
    def waits(self) -> bool:
        """Whether it is another resource's turn."""
        return self.entry is not None and self.entry.reason == Reason.WAITING_FOR_DEPENDENCY


@dataclass(slots=True)
class ResourceReconcile:
    """One resource in the middle of a reconcile."""

    resource: Resource
    entry: Entry
    desired: Desired
    observed: Observed | None
    change: Change = field(default_factory=lambda: Change(Action.NONE))
    owner: Ownership = Ownership.OURS
    done: list[Action] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    drifted: bool = False
    lost: str = ""
    wait: Wait | None = None
    written: Diff | None = None
    sent: PropagationDelay | None = None
    resent: bool = False
    timed_out: bool = False

    def note(self, change: Change) -> None:
        """Record a change that was written; the same change sent again is not counted twice."""
        self.written = change.diff
        if self.sent is not None and change.diff == self.sent.diff:
            self.resent = True
            return
        self.done.append(change.action)
        self.fields |= set(change.diff.paths)
        self.drifted = self.drifted or change.is_drift
        if change.action is Action.CREATE:
            if self.entry.arn:
                self.lost = self.resource.holds
            # A re-created resource is not complete before it is Ready, whatever was applied.
            self.entry = replace(self.entry, state=State.CREATING)


def conclude(work: ResourceReconcile, policy: Policy) -> Outcome:
    """The outcome of a resource that was neither refused nor waiting for another."""
    observed, change = work.observed, work.change
    if observed is None:
        return _not_there(work)
    adopted = work.owner in {Ownership.ADOPTABLE, Ownership.ADOPTED}
    origin = Origin.ADOPTED if adopted else Origin.CREATED
    # Its readers begin where the pipeline began, not where the resource did.
    marked = {**observed.outputs, ORIGIN_OUTPUT: origin.value} if adopted else observed.outputs
    entry = replace(
        work.entry,
        arn=observed.arn,
        origin=work.entry.origin if work.entry.arn else origin,
        reason="",
        message="",
        drift=(),
        creation=Creation.UNKNOWN,
        removed_parts=0,
    )
    outcome = Outcome(
        work.resource.name,
        entry,
        outputs=marked,
        done=tuple(work.done),
        fields=tuple(sorted(work.fields)),
        corrected_drift=work.drifted,
        lost=work.lost,
        resent=work.resent,
    )
    diff = difference(work.resource, work.desired, observed)
    phase = observed.readiness.phase
    if change.action is Action.HOLD:
        drift = plan.describe_drift(diff) if change.is_drift else ()
        return _held_back(replace(outcome, entry=replace(entry, drift=drift)), change)
    if phase is Phase.FAILED:
        failed = replace(
            entry,
            state=State.FAILED,
            reason=Reason.RESOURCE_FAILED,
            message=observed.readiness.message,
        )
        return replace(outcome, entry=failed, next=Requeue.BACKOFF)
    if diff and change.action is Action.NONE:
        return replace(outcome, entry=_drifted(entry, diff, policy))
    outcome = replace(outcome, seconds=observed.readiness.seconds or 0.0)
    if not diff and phase is Phase.PROGRESSING and _serves_as_before(work, observed):
        return replace(outcome, entry=replace(entry, state=State.READY), next=Requeue.POLL)
    wait = work.wait or (work.resource.under_way(observed, diff) if diff else None)
    if wait is not None:
        return _paced(outcome, entry, wait, serves=_serves(work, observed))
    if diff or phase is Phase.PROGRESSING:
        waiting = replace(
            entry,
            state=State.CREATING if entry.being_created else State.UPDATING,
            reason=Reason.WAITING_FOR_AWS,
            message=observed.readiness.message or f"{', '.join(diff.paths)} not applied yet",
        )
        sent = work.sent.diff if work.sent else None
        propagating = (
            diff if diff and phase is Phase.READY and diff in (work.written, sent) else None
        )
        outcome = replace(outcome, propagating=propagating)
        if propagating and work.timed_out:
            return replace(outcome, entry=_never_shown(entry, change), next=Requeue.BACKOFF)
        return replace(outcome, entry=waiting, next=Requeue.POLL)
    # A ready resource may have a reason: a subscription waits for its confirmation.
    ready = replace(
        entry,
        state=State.READY,
        applied_hash=work.desired.fingerprint,
        partially_applied=False,
        reason=observed.readiness.reason,
        message=observed.readiness.message,
    )
    return replace(outcome, entry=ready)


def with_open_drift(outcome: Outcome, work: ResourceReconcile | None) -> Outcome:
    """The outcome, with the drift that it leaves uncorrected.

    A correction that fails, waits or takes several reconciles must not be forgotten: only a full
    observation shows most fields, and the next reconcile makes one where drift is on record.
    """
    entry = outcome.entry
    if work is None or entry is None or outcome.ready or entry.drift or not work.change.is_drift:
        return outcome
    left = plan.describe_drift(work.change.diff) or plan.MISSING
    return replace(outcome, entry=replace(entry, drift=left))


def _never_shown(entry: Entry, change: Change) -> Entry:
    """The entry after a change that AWS accepted and never showed."""
    return replace(
        entry,
        state=State.FAILED,
        reason=Reason.DRIFT_LOOP if change.is_drift else Reason.RESOURCE_FAILED,
        message=f"AWS accepted {', '.join(change.diff.paths)} more than 10 minutes ago and does "
        "not show it; find what else manages it",
    )


def _serves(work: ResourceReconcile, observed: Observed) -> bool:
    """Whether it existed before this change, and serves while the change goes on."""
    readiness = observed.readiness
    return bool(work.entry.applied_hash) and (readiness.phase is Phase.READY or readiness.usable)


def _serves_as_before(work: ResourceReconcile, observed: Observed) -> bool:
    """Whether AWS is at work on a resource that is as it was applied."""
    return work.entry.has_applied(work.desired.fingerprint) and _serves(work, observed)


def _paced(outcome: Outcome, entry: Entry, wait: Wait, *, serves: bool) -> Outcome:
    """The outcome of a change that goes on when AWS takes the next step."""
    state = State.CREATING if entry.being_created else State.UPDATING
    waiting = replace(entry, state=state, reason=wait.reason, message=wait.message)
    if wait.seconds is None:
        return replace(outcome, entry=waiting, next=Requeue.POLL, usable=serves)
    return replace(outcome, entry=waiting, next=Requeue.AFTER, seconds=wait.seconds, usable=serves)


def failed(resource: Resource, entry: Entry, error: AwsError) -> Outcome:
    """The outcome of a call that failed."""
    soon = error.category in {Category.CONFLICT, Category.NOT_FOUND}
    return Outcome(
        resource.name,
        replace(entry, state=State.FAILED, reason=reason_of(error), message=str(error)),
        Requeue.POLL if soon else Requeue.BACKOFF,
        credentials_are_bad=error.credentials_are_bad,
    )


def reason_of(error: AwsError) -> Reason:
    """The documented reason of a failed call."""
    return Reason.CREDENTIALS_INVALID if error.credentials_are_bad else _REASONS[error.category]


def broken(resource: Resource, entry: Entry, error: Exception) -> Outcome:
    """The outcome of a defect in the operator: the log has the traceback."""
    message = f"unexpected {type(error).__name__}; the operator's log has the details"
    return blocked(resource, replace(entry, state=State.FAILED), Reason.INTERNAL_ERROR, message)


def blocked(resource: Resource, entry: Entry, reason: str, message: str) -> Outcome:
    """The outcome of a step that must not be taken now."""
    state = State.FAILED if reason == Reason.INTERNAL_ERROR else State.BLOCKED
    held = replace(entry, state=state, reason=reason, message=message)
    return Outcome(resource.name, held, Requeue.BACKOFF)


def waiting_for(
    resource: Resource, entry: Entry, dependency: str, observed: Observed | None = None
) -> Outcome:
    """The outcome of a resource whose dependency is not ready."""
    waiting = replace(
        entry,
        state=State.UPDATING if entry.applied_hash else State.PENDING,
        reason=Reason.WAITING_FOR_DEPENDENCY,
        message=f"waiting for {dependency}",
    )
    return Outcome(
        resource.name, waiting, Requeue.POLL, outputs=observed.outputs if observed else {}
    )


def _not_there(work: ResourceReconcile) -> Outcome:
    resource = work.resource
    if work.change.action is Action.HOLD:
        return _held_back(Outcome(resource.name, work.entry), work.change)
    waiting = replace(
        work.entry,
        state=State.CREATING,
        reason=Reason.WAITING_FOR_AWS,
        message=f"{resource.kind} {resource.physical_name} was created and is not seen yet",
    )
    done = tuple(work.done)
    return Outcome(resource.name, waiting, Requeue.POLL, done=done, lost=work.lost)


def _held_back(outcome: Outcome, change: Change) -> Outcome:
    if outcome.entry is None or change.reason is None:
        raise RuntimeError("a change that is held back has an entry and a reason")
    held = replace(outcome.entry, state=State.BLOCKED, reason=change.reason, message=change.message)
    # A wait for an approval, or for the end of a suspension, ends with a new reconcile.
    calm = change.reason in {Reason.SUSPENDED, Reason.PLAN_PENDING}
    gone = change.reason is Reason.WAITING_FOR_AWS
    later = Requeue.RESYNC if calm else Requeue.POLL if gone else Requeue.BACKOFF
    return replace(outcome, entry=held, next=later, withheld=change.withheld)


def _drifted(entry: Entry, diff: Diff, policy: Policy) -> Entry:
    if policy.drift is plan.DriftPolicy.IGNORE:
        return replace(entry, state=State.READY)
    return replace(
        entry,
        state=State.DRIFTED,
        reason=Reason.DRIFT_DETECTED,
        message=f"differs in {', '.join(diff.paths)}",
        drift=plan.describe_drift(diff),
    )
