"""Finalizer: deletes or retains the resources of a pipeline, then lets the object go.

Called by `reconciler`; calls `pipeline` for all that any spec could have made, `engine` to delete
it, and `status_writer` to report.
The work list is not the spec but the inventory and all that any spec could have asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from clickstream_operator import pipeline
from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import FORCE_DELETE, Effective
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome, Requeue, reason_of
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.alarm_mute import end_mute
from clickstream_operator.reconcile.identity import identify
from clickstream_operator.reconcile.inputs import (
    build_context,
    never_tried,
    policy_of,
    unconfirmed_absence_of,
)
from clickstream_operator.reconcile.location import effective_of, region_of
from clickstream_operator.reconcile.namespace_age import note_namespace
from clickstream_operator.reconcile.preflight import DELETION_CHECKS, first_blocker
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.services import Services
from clickstream_operator.reconcile.state import ReconcileState
from clickstream_operator.reconcile.status_writer import StatusWriter, result_of
from clickstream_operator.status.events import notes_of
from clickstream_operator.status.result import Blocker

log = structlog.get_logger(__name__)
#: Its lines are logged at every level.
audit_log = structlog.get_logger("audit")
#: There is one deletion in an object's life: a reconcile of it that is repeated says the same once.
_DELETION: Final = "deletion"


class Finalizer:
    """Deletes the AWS resources of pipelines that are being deleted, reconcile by reconcile."""

    def __init__(
        self, services: Services, *, status_writer: StatusWriter, requeue: RequeuePolicy
    ) -> None:
        self._services = services
        self._status_writer = status_writer
        self._requeue = requeue

    async def finalize(self, obj: PipelineObject, state: ReconcileState) -> float | None:
        """Reconcile once. Returns the seconds until the next, None when the object may go.

        Raises:
            StaleObject: the object changed meanwhile.
        """
        if obj.annotations.get(FORCE_DELETE) == "true":
            await self._abandon(obj)
            return None
        config = self._services.config
        identity = first_blocker(DELETION_CHECKS, obj, config) or await identify(
            obj, self._services.session(obj, region_of(obj, config)), expected=config.account
        )
        if isinstance(identity, Blocker):
            return await self._wait_with(identity, obj, state)
        effective = effective_of(obj, identity, config)
        if obj.status.effective is None:
            # The finalizer was there before the status: it ended in between, or was restored
            # without its status. What it may have made has the names that it would get.
            obj = await self._record(obj, state, effective)
        return await self._delete(obj, state, effective)

    async def _record(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> PipelineObject:
        """Put on record all that an object without a status may have made."""
        services = self._services
        calls = services.calls(obj, effective.region)
        everything = pipeline.build_everything(
            build_context(obj, effective, calls, state.object.history, services.config)
        )
        intents = [Entry(one.name, one.kind, one.physical_name) for one in everything]
        status = statuses.with_intents(obj.status, effective, intents, now=services.now())
        return await self._status_writer.store(obj, status)

    async def _wait_with(
        self, blocker: Blocker, obj: PipelineObject, state: ReconcileState
    ) -> float:
        """Report what keeps the deletion from AWS, and try again later."""
        blocker = self._status_writer.with_since(blocker, state)
        result = result_of(obj, obj.status.effective, [], {})
        result = replace(result, deleting=True, blocker=blocker)
        await self._status_writer.publish(obj, result, {})
        return self._status_writer.no_later_than_stall(self._requeue.backoff(state), [blocker])

    async def _delete(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> float | None:
        services = self._services
        calls = services.calls(obj, effective.region)
        resources = pipeline.build_everything(
            build_context(obj, effective, calls, state.object.history, services.config)
        )
        inventory, moment = statuses.inventory(obj.status), services.clock()
        await note_namespace(services, obj, state)
        # Deletion needs no approval, and overrides suspension: the deleter does not ask for it.
        policy = policy_of(obj, services.config, state.object.namespace_since)
        policy = replace(policy, approval=None)
        polls = state.generation.polls
        deleter = Deleter(
            resources,
            ReconcileInput(
                inventory=inventory,
                policy=policy,
                chosen_names=names.chosen(obj.spec),
                object_created=obj.created_at,
                proven=state.object.proven,
                deferred=polls.not_due(moment),
                never_tried=never_tried(state, inventory),
            ),
            gone=state.deletion.gone,
            unconfirmed=unconfirmed_absence_of(state, inventory, clock=moment, now=services.now()),
        )
        await end_mute(resources, ready={one.name for one in resources})
        outcomes = dict(await deleter.delete())
        state.deletion.note(outcomes, polled=polls.names)
        built = {resource.name for resource in resources}
        outcomes |= {n: unknown(one) for n, one in inventory.items() if n not in built}
        result = result_of(obj, effective, resources, outcomes)
        result = replace(result, deleting=True, entries=listed(result.entries, inventory))
        obj = await self._status_writer.publish(obj, result, outcomes)
        if not is_over(outcomes.values()):
            delay = self._requeue.requeue_after(state, outcomes, resync=False)
            entries = statuses.inventory(obj.status).values()
            return self._status_writer.no_later_than_stall(delay, entries)
        await self._tell_retained(obj, result.entries)
        await self._tell_unseen(obj, outcomes.values())
        await services.kube.remove_finalizer(obj.body)
        log.info("pipeline deleted", retained=[entry.name for entry in result.entries])
        return None

    async def _tell_retained(self, obj: PipelineObject, entries: Iterable[Entry]) -> None:
        """Say what the deletion policy keeps: nothing else is left to say it."""
        left = (one for one in entries if one.state is State.RETAINED)
        kept = [one.arn or one.physical_name for one in left if not pipeline.is_part(one)]
        if not kept:
            return
        audit_log.info("deletion: retained in AWS", resources=kept)
        for note in notes_of(kept, separator=", "):
            said = f"spec.deletionPolicy keeps {len(kept)} in AWS: {note}"
            await self._services.recorder.record(
                obj.body,
                Event("Normal", Reason.RESOURCE_RETAINED, said, "Delete"),
                occasion=_DELETION,
            )

    async def _tell_unseen(self, obj: PipelineObject, outcomes: Iterable[Outcome]) -> None:
        """Name the resources that are on no record and whose observation AWS refused."""
        for one in outcomes:
            if one.unseen is None:
                continue
            note = (
                f"{one.resource} could not be observed: {one.unseen}. It is on no record of this "
                "pipeline, so the deletion did not wait for it"
            )
            await self._services.recorder.record(
                obj.body,
                Event("Warning", reason_of(one.unseen), note, "Delete"),
                occasion=_DELETION,
            )

    async def _abandon(self, obj: PipelineObject) -> None:
        """Drop the finalizer on request and say what stays behind."""
        left = [one.arn or one.physical_name for one in obj.status.resources]
        audit_log.warning("force-delete: left behind in AWS", resources=left)
        self._services.metrics.left_behind.inc(len(left))
        for note in notes_of(left, separator=", "):
            await self._services.recorder.record(
                obj.body,
                Event(
                    "Warning",
                    Reason.RESOURCE_RETAINED,
                    f"force-delete leaves {len(left)} resources in AWS: {note}",
                    "ForceDelete",
                ),
                occasion=_DELETION,
            )
        await self._services.kube.remove_finalizer(obj.body)


def is_over(outcomes: Iterable[Outcome]) -> bool:
    """Whether every resource is gone or stays for good."""
    entries = (outcome.entry for outcome in outcomes)
    return all(entry is None or entry.state is State.RETAINED for entry in entries)


def unknown(entry: Entry) -> Outcome:
    """Fate of a resource that no spec of this version asks for."""
    if entry.never_written or pipeline.is_part(entry):
        return Outcome(entry.name, None)
    return Outcome(
        entry.name,
        replace(
            entry,
            state=State.BLOCKED,
            reason=Reason.DELETION_BLOCKED,
            message=f"{entry.kind} {entry.physical_name} was made by another version of the "
            f"operator, which alone can delete it; run that version, or leave everything in AWS "
            f"with the annotation {FORCE_DELETE}=true",
        ),
        Requeue.BACKOFF,
    )


def listed(entries: Iterable[Entry], inventory: Mapping[str, Entry]) -> list[Entry]:
    """The entries that the status of a deletion lists: on record, or found in AWS."""
    return [entry for entry in entries if entry.name in inventory or entry.arn]
