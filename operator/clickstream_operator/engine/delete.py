"""Deleter: deletes or retains resources, dependents first, until AWS no longer shows them.

Called by `reconcile` to prune and to finalize; calls `graph` for the order and the kinds by the
contract in `resource`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from clickstream_operator.api.reasons import Reason
from clickstream_operator.aws.errors import AwsError
from clickstream_operator.aws.tags import CLUSTER
from clickstream_operator.engine import outcome as outcomes
from clickstream_operator.engine import plan
from clickstream_operator.engine.graph import walk
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.ownership import Ownership
from clickstream_operator.engine.plan import Action
from clickstream_operator.engine.resource import (
    AlreadyGone,
    Observed,
    Phase,
    Resource,
    ResourceBlocked,
)

log = structlog.get_logger(__name__)

#: How long AWS may answer NotFound for a resource that it has just created. IAM: "changes that I
#: make are not always immediately visible" (IAM user guide, "Troubleshoot IAM"); others: a second.
PROPAGATION_SECONDS: Final = 10.0


@dataclass(slots=True)
class UnconfirmedAbsence:
    """Resources that AWS may have created so lately that its NotFound proves nothing yet."""

    names: Collection[str] = ()
    now: float = 0.0
    """Monotonic seconds."""
    missing_since: dict[str, float] = field(default_factory=dict)
    """Time at which each was first not found, on the same clock; kept between reconciles."""

    def seconds_left(self, name: str) -> float:
        """Seconds until a NotFound confirms the absence; 0: it does now."""
        if name not in self.names:
            return 0.0
        since = self.missing_since.setdefault(name, self.now)
        return max(0.0, since + PROPAGATION_SECONDS - self.now)


def is_unconfirmed(entry: Entry, *, now: datetime) -> bool:
    """Whether a resource on record may exist although AWS does not show it yet.

    Not when it has existed for long, nor when it was observed as its deletion was requested.
    """
    if entry.state is State.DELETING and entry.reason in {Reason.DELETING, Reason.WAITING_FOR_AWS}:
        return False
    if not entry.arn or not entry.since:
        return True
    age = now - datetime.fromisoformat(entry.since)
    return age < timedelta(seconds=PROPAGATION_SECONDS)


class Deleter:
    """One run of a deletion.

    `gone`: resources that an earlier run of the same deletion deleted and found gone.
    """

    outcomes: dict[str, Outcome]
    """By resource; grows while the run lasts."""

    def __init__(
        self,
        resources: Iterable[Resource],
        start: ReconcileInput,
        *,
        gone: Collection[str] = (),
        unconfirmed: UnconfirmedAbsence | None = None,
    ) -> None:
        self._resources = tuple(resources)
        self._start = start
        self._gone = gone
        self._unconfirmed = unconfirmed or UnconfirmedAbsence()
        self.outcomes = {}

    async def delete(self) -> Mapping[str, Outcome]:
        """Delete or retain every resource, as far as AWS allows now."""
        await walk(self._resources, self._visit, reverse=True)
        return self.outcomes

    async def _visit(self, resource: Resource) -> None:
        entry = self._start.entry(resource)
        with structlog.contextvars.bound_contextvars(resource=resource.name):
            try:
                outcome = await self._delete_step(resource, entry)
            except ResourceBlocked as blocked:
                outcome = outcomes.blocked(resource, entry, blocked.reason, blocked.message)
            except _Unobservable as unobservable:
                outcome = self._not_observed(resource, entry, unobservable.error)
            except AwsError as error:
                outcome = outcomes.failed(resource, entry, error)
            except Exception as error:  # one resource's defect must not stop the others
                log.exception("unexpected error in a resource")
                outcome = outcomes.broken(resource, entry, error)
        self.outcomes[resource.name] = outcome

    async def _delete_step(self, resource: Resource, entry: Entry) -> Outcome:
        if resource.name in self._gone:
            return Outcome(resource.name, None)
        if entry.state is State.RETAINED:
            return Outcome(resource.name, entry)
        deferred = self._start.deferred.get(resource.name)
        if deferred is not None and deferred.entry and deferred.entry.state is State.DELETING:
            return deferred
        dependent = self._remaining_dependent(resource)
        if dependent:
            return await self._wait_for(dependent, resource, entry)
        observed = await _observe(resource)
        if observed is None:
            return self._not_found(resource, entry)
        self._unconfirmed.missing_since.pop(resource.name, None)
        if observed.tags is None and resource.taggable and resource.owned_by_tags:
            # Whatever is on record: the owner stands in the tags.
            observed = replace(observed, tags=await _read_tags(resource, observed))
        owner, observed = await self._start.owner_of(resource, observed)
        if owner not in {Ownership.OURS, Ownership.ADOPTED}:
            log.warning("not deleted: another owner", physical_name=resource.physical_name)
            return Outcome(resource.name, None)
        if owner is Ownership.ADOPTED and entry.origin is not Origin.ADOPTED:
            # Its tags tell what the status lost. Adopted resources have a deletion policy of their
            # own, which applies once the origin is on record.
            known = replace(entry, arn=observed.arn, origin=Origin.ADOPTED, state=State.DELETING)
            return Outcome(resource.name, known, Requeue.NOW)
        entry = replace(entry, arn=observed.arn)
        if plan.is_retained(resource):
            kept = replace(entry, state=State.RETAINED, reason=Reason.RESOURCE_RETAINED, message="")
            return Outcome(resource.name, kept)
        approval = self._start.policy.approval
        change = plan.Change(Action.DELETE)
        wanted = plan.planned(resource, change)
        if approval is not None and not approval.covers(wanted, being_created=False):
            held = plan.withhold(change, wanted)
            blocked = outcomes.blocked(resource, entry, Reason.PLAN_PENDING, held.message)
            return replace(blocked, next=Requeue.RESYNC, withheld=wanted)
        return await self._delete(resource, entry, observed)

    async def _delete(self, resource: Resource, entry: Entry, observed: Observed) -> Outcome:
        done: tuple[Action, ...] = ()
        left: Observed | None = observed
        if observed.readiness.phase is not Phase.DELETING:
            tags = observed.tags
            by_tags = resource.taggable and resource.owned_by_tags
            if by_tags and tags is not None and CLUSTER not in tags:
                # Removed by hand. AWS deletes for our policy only what carries it.
                await resource.set_tags(observed, resource.tags or {})
            try:
                progress = await resource.delete(observed)
            except AlreadyGone:
                return Outcome(resource.name, None, done=(Action.DELETE,))
            if progress is not None:
                removed = entry.removed_parts + progress
                emptying = replace(
                    entry,
                    removed_parts=removed,
                    state=State.DELETING,
                    reason=Reason.DELETING,
                    message=f"emptying: {removed} object versions removed, more are left",
                )
                return Outcome(resource.name, emptying, Requeue.NOW)
            done = (Action.DELETE,)
            left = await _observe(resource)
        if left is None:
            return Outcome(resource.name, None, done=done)
        going = replace(
            entry,
            state=State.DELETING,
            reason=Reason.WAITING_FOR_AWS,
            message=f"{resource.kind} {resource.physical_name} is being deleted",
        )
        first = left.readiness.seconds or 0.0
        return Outcome(resource.name, going, Requeue.POLL, done=done, seconds=first)

    def _not_observed(self, resource: Resource, entry: Entry, error: AwsError) -> Outcome:
        """One that AWS does not show holds the deletion if the pipeline may have created it."""
        if self._start.may_exist(resource):
            failed = outcomes.failed(resource, entry, error)
            return replace(failed, observation_failed=True)
        log.warning("not observed, and never created by this pipeline", why=str(error))
        return Outcome(resource.name, None, unseen=error)

    async def _wait_for(self, dependent: str, resource: Resource, entry: Entry) -> Outcome:
        if dependent in self._unconfirmed.missing_since and await _observe(resource) is None:
            # Both absences are confirmed in the same period, not one after the other.
            self._unconfirmed.seconds_left(resource.name)
        waiting = replace(
            entry,
            state=entry.state if plan.is_retained(resource) else State.DELETING,
            reason=Reason.WAITING_FOR_DEPENDENCY,
            message=f"waiting for {dependent}",
        )
        return Outcome(resource.name, waiting, Requeue.POLL)

    def _not_found(self, resource: Resource, entry: Entry) -> Outcome:
        seconds = self._unconfirmed.seconds_left(resource.name)
        if not seconds:
            return Outcome(resource.name, None)
        waiting = replace(
            entry,
            state=entry.state if plan.is_retained(resource) else State.DELETING,
            reason=Reason.CONFIRMING_ABSENCE,
            message=f"{resource.kind} {resource.physical_name} is not there, and AWS may not show "
            "it yet; it is observed once more",
        )
        return Outcome(resource.name, waiting, Requeue.AFTER, seconds=seconds)

    def _remaining_dependent(self, resource: Resource) -> str | None:
        for other in self._resources:
            if resource.name not in other.depends_on:
                continue
            left = self.outcomes[other.name].entry
            if left is not None and left.state is not State.RETAINED:
                return other.name
        return None


class _Unobservable(Exception):
    """An observation failed: nothing is known of the resource."""

    def __init__(self, error: AwsError) -> None:
        super().__init__(str(error))
        self.error = error


async def _read_tags(resource: Resource, observed: Observed) -> Mapping[str, str]:
    try:
        return await resource.read_tags(observed)
    except AwsError as error:
        raise _Unobservable(error) from error


async def _observe(resource: Resource) -> Observed | None:
    try:
        return await resource.observe(full=False)
    except AwsError as error:
        raise _Unobservable(error) from error
    except ResourceBlocked as blocked:
        if blocked.reason == Reason.OWNERSHIP_CONFLICT:
            return None  # It has another owner, so there is nothing to delete.
        raise
