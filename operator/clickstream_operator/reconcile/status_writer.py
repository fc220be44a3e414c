"""Status and Events of a reconcile; transient observation failures are tolerated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from clickstream_operator import status as statuses
from clickstream_operator.api import conditions as types
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import RECONCILE_REQUESTED_AT, Effective, Status
from clickstream_operator.cost.estimate import estimate
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import PipelineObject, parse
from clickstream_operator.pipeline import outputs
from clickstream_operator.pipeline.page_script import PageScript
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.services import Services
from clickstream_operator.reconcile.state import ReconcileState
from clickstream_operator.reconcile.verification import VerificationRefresh
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.events import events_of_changes, events_of_transitions
from clickstream_operator.status.failure import with_failure
from clickstream_operator.status.progress_deadline import (
    TOLERATED_FAILED_OBSERVATIONS,
    Failure,
    is_same_failure,
    seconds_to_stall,
)
from clickstream_operator.status.result import Blocker, ReconcileResult, timestamp
from clickstream_operator.status.verification import with_verified

#: Blockers that say nothing about the pipeline itself.
_PASSING: Final = frozenset(
    {
        Reason.TRANSIENT,
        Reason.THROTTLED,
        Reason.ACCESS_DENIED,
        Reason.CREDENTIALS_INVALID,
    }
)
#: Clocks differ by fractions of a second: a reconcile at a deadline must not come before it.
_AFTER_DEADLINE: Final = 0.1


class StatusWriter:
    """Writes status and Events of the reconciles."""

    def __init__(self, services: Services, *, requeue: RequeuePolicy) -> None:
        self._kube = services.kube
        self._recorder = services.recorder
        self._requeue = requeue
        self._now = services.now
        self._refresh = VerificationRefresh(clock=services.clock, now=services.now)

    async def write_blocker(
        self, obj: PipelineObject, state: ReconcileState, blocker: Blocker
    ) -> Blocker:
        """Report a reconcile that could not happen; a ready pipeline is believed for a while.

        Returns the blocker with the time since which it has been the case.
        """
        blocker = self.with_since(blocker, state)
        result = result_of(obj, obj.status.effective, [], {})
        if blocker.reason in _PASSING and _was_ready(obj, state):
            interval = obj.spec.resync_interval_seconds
            state.generation.failed_observations = self._requeue.failed_observations(
                state, interval
            )
            result = replace(result, failed_observations=state.generation.failed_observations)
        if result.failed_observations in range(1, TOLERATED_FAILED_OBSERVATIONS + 1):
            bad = blocker.reason is Reason.CREDENTIALS_INVALID
            result = replace(
                result, credentials_are_bad=bad, credentials_message=blocker.message if bad else ""
            )
        else:
            result = replace(result, blocker=blocker)
        await self.publish(obj, result, {})
        return blocker

    async def write_failure(self, body: Mapping[str, Any], blocker: Blocker) -> None:
        """Report a reconcile that ended in an unexpected error, or could not read the object.

        Raises:
            StaleObject: the object changed since `body` was read.
        """
        generation = int(body["metadata"]["generation"])
        before = body.get("status") or {}
        status = with_failure(before, blocker, generation=generation, now=self._now())
        event = Event("Warning", blocker.reason, blocker.message, "Reconcile")
        await self._recorder.record(body, event)
        if status != before:
            await self._kube.write_status(body, status)

    def with_since(self, blocker: Blocker, state: ReconcileState) -> Blocker:
        """The blocker with the time since which it, or one with the same deadline, has held."""
        known = state.generation.blocker_reason
        before = Blocker(Reason(known), "") if known else None
        if before is None or not is_same_failure(before, blocker):
            state.generation.blocker_since = timestamp(self._now())
        state.generation.blocker_reason = blocker.reason
        return replace(blocker, since=state.generation.blocker_since)

    def no_later_than_stall(self, delay: float, failures: Iterable[Failure]) -> float:
        """`delay`, or less when a failure has lasted too long before: it is said on time."""
        left = seconds_to_stall(failures, now=self._now())
        return delay if left is None else min(delay, left + _AFTER_DEADLINE)

    def tolerate_failed_observations(
        self,
        obj: PipelineObject,
        result: ReconcileResult,
        outcomes: Mapping[str, Outcome],
        state: ReconcileState,
    ) -> ReconcileResult:
        """A resync that could not see a ready pipeline says nothing about the pipeline."""
        blind = [one for one in outcomes.values() if one.observation_failed]
        # What waits for a thing that could not be seen could not be seen either.
        seen = [one for one in outcomes.values() if not (one.observation_failed or one.waits)]
        if not blind or not all(one.ready for one in seen) or not _was_ready(obj, state):
            state.generation.failed_observations = 0
            state.generation.unobservable_since = None
            return result
        interval = obj.spec.resync_interval_seconds
        state.generation.failed_observations = self._requeue.failed_observations(state, interval)
        if state.generation.failed_observations <= TOLERATED_FAILED_OBSERVATIONS:
            before = statuses.inventory(obj.status)
            entries = [before.get(entry.name, entry) for entry in result.entries]
            result = replace(result, entries=entries)
        return replace(result, failed_observations=state.generation.failed_observations)

    async def publish(
        self,
        obj: PipelineObject,
        result: ReconcileResult,
        outcomes: Mapping[str, Outcome],
        *,
        before: Status | None = None,
    ) -> PipelineObject:
        """Post an Event for each change in AWS and each transition, then write the status.

        Args:
            obj: the pipeline, with the status that is stored.
            result: of the reconcile.
            outcomes: of the resources.
            before: the status from which transitions count; None: the stored one.

        Raises:
            StaleObject: the object changed since the reconcile read it.
        """
        if result.blocker is not None and result.blocker.reason is Reason.CREDENTIALS_INVALID:
            result = replace(
                result, credentials_are_bad=True, credentials_message=result.blocker.message
            )
        before = before or obj.status
        after = self._composed(obj, result)
        gating = None if result.deleting else result.gating
        # First the Events: an object that was touched meanwhile refuses the status, and the next
        # reconcile, which begins with the same one, can't tell what this one did in AWS.
        await self._recorder.post_waiting()
        for event in events_of_changes(outcomes):
            await self._recorder.record(obj.body, event)
        for event in events_of_transitions(before, after, gating=gating):
            await self._recorder.record(obj.body, event, occasion=occasion_of(before))
        return await self._store(obj, statuses.as_body(after), statuses.as_body(obj.status))

    async def write(self, obj: PipelineObject, result: ReconcileResult) -> PipelineObject:
        """Write the status if it differs from the one that is stored.

        Raises:
            StaleObject: the object changed since the reconcile read it.
        """
        return await self.store(obj, self._composed(obj, result))

    async def write_progress(self, obj: PipelineObject, result: ReconcileResult) -> PipelineObject:
        """Write the status in the middle of a reconcile, unless it would be ready.

        A call may have been refused of which this result does not know yet, and there is no
        progress to show.

        Raises:
            StaleObject: the object changed since the reconcile read it.
        """
        status = self._composed(obj, result)
        if any(one.type == types.READY and one.status == "True" for one in status.conditions):
            return obj
        return await self.store(obj, status)

    def _composed(self, obj: PipelineObject, result: ReconcileResult) -> Status:
        """The status that a result makes of the stored one.

        Newer times of comparisons with AWS go with any other difference; they alone are written
        every few hours.
        """
        status = statuses.compose(obj.status, result, now=self._now())
        changed = statuses.as_body(status) != statuses.as_body(obj.status)
        shown, uid = obj.status.last_verified, obj.metadata["uid"]
        if result.verified and (changed or self._refresh.is_due(shown, result, uid=uid)):
            return with_verified(status, result.verified)
        return status

    async def store(self, obj: PipelineObject, status: Status) -> PipelineObject:
        """Store a status unless it is stored already.

        Raises:
            StaleObject: the object changed since the reconcile read it.
        """
        return await self._store(obj, statuses.as_body(status), statuses.as_body(obj.status))

    async def _store(
        self, obj: PipelineObject, new: Mapping[str, Any], old: Mapping[str, Any]
    ) -> PipelineObject:
        if new == old:
            return obj
        return parse(obj.key, await self._kube.write_status(obj.body, new))


def result_of(
    obj: PipelineObject,
    effective: Effective | None,
    resources: list[Resource],
    outcomes: Mapping[str, Outcome],
    *,
    history: StreamHistory | None = None,
    script: PageScript | None = None,
) -> ReconcileResult:
    """Result of a reconcile, in the order of `resources`; then those only in the inventory."""
    before = statuses.inventory(obj.status)
    order = [resource.name for resource in resources]
    order += [name for name in before if name not in order]
    entries = []
    for name in order:
        outcome = outcomes.get(name)
        entry = outcome.entry if outcome else before.get(name)
        if entry is not None:
            entries.append(entry)
    bad = next((one for one in outcomes.values() if one.credentials_are_bad), None)
    return ReconcileResult(
        generation=obj.generation,
        entries=entries,
        gating=frozenset(r.name for r in resources if r.gates_ready),
        effective=effective,
        outputs=_outputs(obj, effective, outcomes, script) if outcomes else {},
        credentials_are_bad=bad is not None,
        credentials_message=bad.entry.message if bad and bad.entry else "",
        suspended=obj.spec.suspend,
        handled_request=obj.annotations.get(RECONCILE_REQUESTED_AT, ""),
        plan=obj.status.plan,
        resizes=history.resizes if history else None,
        mode_switches=history.switches if history else None,
        monthly_cost=estimate(obj.spec, region=effective.region).text() if effective else "",
    )


def _outputs(
    obj: PipelineObject,
    effective: Effective | None,
    outcomes: Mapping[str, Outcome],
    script: PageScript | None,
) -> Mapping[str, Any]:
    if effective is None or obj.deleting:
        return {}
    return outputs.pipeline_outputs(
        spec=obj.spec,
        effective=effective,
        pipeline=obj.key.name,
        seen={name: outcome.outputs for name, outcome in outcomes.items()},
        script=script,
    )


def occasion_of(before: Status) -> str:
    """Name of the moment at which a status is left; a reconcile that is repeated has the same."""
    text = json.dumps(statuses.as_body(before), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _was_ready(obj: PipelineObject, state: ReconcileState) -> bool:
    """Whether the pipeline was ready when it was last seen."""
    ready = any(c.type == types.READY and c.status == "True" for c in obj.status.conditions)
    return ready or state.generation.failed_observations > 0
