"""One reconcile that brings AWS to the spec: design, announce, execute, report.

Called by `reconciler`; calls `pipeline` for the design, `engine` to carry it out, and
`status_writer` to report it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from clickstream_operator import autoscaling, pipeline
from clickstream_operator import status as statuses
from clickstream_operator.api.v1alpha1 import Effective, Status
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.tag_index import TagIndex
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.resource import Resource
from clickstream_operator.kube.client import StaleObject
from clickstream_operator.kube.objects import PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.pipeline.page_script import PageScript
from clickstream_operator.reconcile.alarm_mute import end_mute, tell_refused
from clickstream_operator.reconcile.approval import plan_of
from clickstream_operator.reconcile.inputs import (
    build_context,
    is_requested,
    never_tried,
    policy_of,
    unconfirmed_absence_of,
)
from clickstream_operator.reconcile.namespace_age import note_namespace
from clickstream_operator.reconcile.outputs_config_map import OutputsPublisher
from clickstream_operator.reconcile.readings import EVERY_SECONDS, Readings, read_metrics
from clickstream_operator.reconcile.requeue import FULL_EVERY, RequeuePolicy
from clickstream_operator.reconcile.services import Services
from clickstream_operator.reconcile.state import ReconcileState, still_known
from clickstream_operator.reconcile.status_writer import StatusWriter, result_of
from clickstream_operator.status.result import ReconcileResult
from clickstream_operator.status.verification import oldest

#: A reconcile that takes longer shows its progress in the status.
_PROGRESS_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Design:
    """The desired resources of one reconcile, from spec and record."""

    effective: Effective
    context: BuildContext
    wanted: list[Resource]
    calls: Calls
    script: PageScript | None


@dataclass(frozen=True, slots=True)
class _Execution:
    """One run of the engine over a design."""

    start: ReconcileInput
    is_resync: bool
    obj: PipelineObject
    """The object with the last status that was written during the run."""
    outcomes: Mapping[str, Outcome]
    applier: Applier


class ApplyReconciler:
    """Applies specs, each call one reconcile of one pipeline."""

    def __init__(
        self, services: Services, *, status_writer: StatusWriter, requeue: RequeuePolicy
    ) -> None:
        self._services = services
        self._kube = services.kube
        self._clock = services.clock
        self._status_writer = status_writer
        self._requeue = requeue
        self._publisher = OutputsPublisher(
            services.kube, enabled=services.config.outputs_config_map
        )

    async def apply(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> float:
        """Reconcile once. Returns the seconds until the next reconcile.

        Raises:
            StaleObject: the object changed meanwhile.
        """
        await note_namespace(self._services, obj, state)
        design = self._design(obj, state, effective)
        announced = await self._announce(obj, design)
        execution = await self._execute(announced, state, design)
        if not obj.spec.suspend:
            await end_mute(design.wanted, ready=execution.applier.observations)
        await tell_refused(self._services, announced, state.object.history.mute)
        self._remember(state, design, execution)
        return await self._report(announced.status, state, design, execution)

    def _design(self, obj: PipelineObject, state: ReconcileState, effective: Effective) -> _Design:
        """Build the desired resources; their packages and tag keys go on record with them."""
        config = self._services.config
        effective = effective.model_copy(
            update={
                "packages": {n: one.sha256 for n, one in config.packages.items()},
                "tag_keys": sorted({*effective.tag_keys, *obj.spec.tags}),
            }
        )
        calls = self._services.calls(obj, effective.region)
        context = build_context(obj, effective, calls, state.object.history, config)
        if obj.status.effective is None:
            state.object.known_from_start = True
        return _Design(effective, context, pipeline.build(context), calls, config.page_script)

    async def _announce(self, obj: PipelineObject, design: _Design) -> PipelineObject:
        """Put finalizer and intent on record before anything is created."""
        if not obj.guarded and not obj.spec.suspend:
            obj = parse(obj.key, await self._kube.add_finalizer(obj.body))
        fresh = obj.status.observed_generation == obj.generation
        if obj.spec.suspend or (fresh and obj.status.effective is not None):
            return obj
        known = statuses.inventory(obj.status)
        entries = [
            known.get(resource.name) or Entry(resource.name, resource.kind, resource.physical_name)
            for resource in design.wanted
        ]
        entries += [entry for name, entry in known.items() if name not in {e.name for e in entries}]
        result = ReconcileResult(
            generation=obj.generation,
            entries=entries,
            gating=frozenset(),
            effective=design.effective,
        )
        status = statuses.begin(obj.status, result, now=self._services.now())
        body = await self._kube.write_status(obj.body, statuses.as_body(status))
        return parse(obj.key, body)

    async def _execute(
        self, obj: PipelineObject, state: ReconcileState, design: _Design
    ) -> _Execution:
        """Run the engine over the design, then prune what the spec no longer asks for."""
        requested = is_requested(obj)
        if requested:
            state.generation.corrections.forget()
        is_resync = requested or self._requeue.is_resync(state)
        full = requested or (is_resync and state.object.resyncs % FULL_EVERY == 0)
        start = self._input_of(obj, state, design, full=full, is_resync=is_resync)
        applier = Applier(design.wanted, start, tag_index=TagIndex(design.calls))
        obj = await self._run(obj, state, design, applier)
        outcomes = dict(applier.outcomes)
        if not obj.spec.suspend:
            outcomes |= await self._prune(state, design, start)
        outcomes = autoscaling.with_blocker(outcomes, state.generation.scaling_blocker)
        return _Execution(start, is_resync, obj, outcomes, applier)

    def _remember(self, state: ReconcileState, design: _Design, execution: _Execution) -> None:
        """Keep for the next reconcile what this one learnt."""
        applier, outcomes, start = execution.applier, execution.outcomes, execution.start
        lasting, current = state.object, state.generation
        lasting.observations, current.creating = applier.observations, applier.creating
        lasting.unobserved = applier.unobserved
        lasting.proven |= applier.proven
        current.note_propagating(outcomes, now=self._clock())
        lasting.verification.note(applier, start, now=self._services.now())
        if all(outcome.next is not Requeue.POLL for outcome in outcomes.values()):
            # No poll follows: keep only the observations that a fast resync does not make.
            lasting.observations = still_known(state, design.wanted, resync=True)
        if execution.is_resync:
            lasting.untagged_in_index = applier.untagged_in_index
            self._requeue.plan_resync(state, execution.obj.spec.resync_interval_seconds)
        current.visited |= outcomes.keys()
        kinds = {resource.name: resource.kind for resource in design.wanted}
        for name in current.corrections.note(
            outcomes, now=self._clock(), unobservable=start.known.keys(), full=start.full
        ):
            self._services.metrics.drift.labels(kinds[name], "corrected").inc()

    async def _report(
        self, before: Status, state: ReconcileState, design: _Design, execution: _Execution
    ) -> float:
        """Write status and Events. Returns the seconds until the next reconcile."""
        obj, outcomes = execution.obj, execution.outcomes
        effective = design.effective
        if all(outcome.ready for outcome in outcomes.values()) and not obj.spec.suspend:
            # No resource carries a tag any more that left the spec.
            effective = effective.model_copy(update={"tag_keys": sorted(obj.spec.tags)})
        result = _result(obj, replace(design, effective=effective), state, outcomes)
        result = replace(result, plan=plan_of(obj, outcomes))
        result = self._status_writer.tolerate_failed_observations(obj, result, outcomes, state)
        publication = state.generation.publication
        if execution.is_resync or publication is None or result.outputs != before.outputs:
            publication = await self._publisher.publish(obj, result.outputs)
            state.generation.publication = publication
        result = replace(result, publication=publication)
        told = await self._read_metrics(obj, state, design)
        result = replace(result, balance=told.balance, mapping=told.mapping)
        result = self._with_verified(result, state, design, execution)
        obj = await self._status_writer.publish(obj, result, outcomes, before=before)
        delay = self._requeue.requeue_after(state, outcomes)
        entries = statuses.inventory(obj.status).values()
        return self._status_writer.no_later_than_stall(delay, entries)

    async def _read_metrics(
        self, obj: PipelineObject, state: ReconcileState, design: _Design
    ) -> Readings:
        """What the functions' metrics tell of a ready pipeline, if it is time to read them."""
        if obj.spec.suspend or not statuses.is_up_to_date(obj.body):
            return Readings()
        due = state.object.metrics_due
        if due and self._clock() < due:
            return Readings()
        state.object.metrics_due = self._clock() + EVERY_SECONDS
        if not due:
            # There is nothing in the first minutes, and a restart must not read all at once.
            return Readings()
        return await read_metrics(design.calls, design.context.base, obj.spec, self._services.now())

    def _with_verified(
        self,
        result: ReconcileResult,
        state: ReconcileState,
        design: _Design,
        execution: _Execution,
    ) -> ReconcileResult:
        """The result with the times of the full comparisons, of which the oldest is a metric."""
        verification = state.object.verification
        names = [resource.name for resource in design.wanted]
        verified = verification.times(names, execution.start.inventory)
        if oldest(verified):
            self._services.metrics.pipelines.set_verified(execution.obj.key, oldest(verified))
        return replace(result, verified=verified, first_verified=verification.first)

    def _input_of(
        self,
        obj: PipelineObject,
        state: ReconcileState,
        design: _Design,
        *,
        full: bool,
        is_resync: bool,
    ) -> ReconcileInput:
        lasting, current, moment = state.object, state.generation, self._clock()
        inventory = statuses.inventory(obj.status)
        return ReconcileInput(
            inventory=inventory,
            policy=policy_of(obj, self._services.config, lasting.namespace_since),
            full=full,
            intended_since=obj.created_at,
            chosen_names=names.chosen(obj.spec),
            object_created=obj.created_at,
            proven=lasting.proven,
            known={} if full else still_known(state, design.wanted, resync=is_resync),
            corrections=current.corrections.counts(),
            untagged_in_index=lasting.untagged_in_index if is_resync else frozenset(),
            unobserved=lasting.unobserved,
            creating={} if full else current.creating,
            deferred={} if is_resync else current.polls.not_due(moment),
            propagating=current.propagating,
            never_tried=never_tried(state, inventory),
            moment=moment,
        )

    async def _run(
        self, obj: PipelineObject, state: ReconcileState, design: _Design, applier: Applier
    ) -> PipelineObject:
        """Apply, and show the progress of a long reconcile in the status."""
        work = asyncio.ensure_future(applier.apply())
        showing = not obj.spec.suspend
        try:
            while not (await asyncio.wait({work}, timeout=_PROGRESS_SECONDS))[0]:
                outcomes = dict(applier.outcomes)
                # A failed observation is judged when the reconcile has ended.
                if not showing or any(one.observation_failed for one in outcomes.values()):
                    continue
                result = _result(obj, design, state, outcomes)
                coming = result.gating | applier.names
                pending = coming - outcomes.keys() - state.generation.visited
                result = replace(result, plan=obj.status.plan, pending=pending)
                try:
                    obj = await self._status_writer.write_progress(obj, result)
                except StaleObject:
                    # The user edited it meanwhile. This reconcile ends first; the next reads anew.
                    showing = False
        finally:
            await work
            state.object.note_creations(applier.outcomes, now=self._clock())
        return obj

    async def _prune(
        self, state: ReconcileState, design: _Design, start: ReconcileInput
    ) -> Mapping[str, Outcome]:
        """Delete what the inventory has and the spec no longer asks for."""
        gone = start.inventory.keys() - {resource.name for resource in design.wanted}
        if not gone:
            return {}
        everything = pipeline.build_everything(design.context)
        leaving = [resource for resource in everything if resource.name in gone]
        unconfirmed = unconfirmed_absence_of(
            state, start.inventory, clock=self._clock(), now=self._services.now()
        )
        deleter = Deleter(leaving, replace(start, known={}), unconfirmed=unconfirmed)
        outcomes = dict(await deleter.delete())
        # What no spec of this version asks for stays on record, for the version that made it.
        inside = gone - {resource.name for resource in leaving}
        parts = [name for name in inside if pipeline.is_part(start.inventory[name])]
        return outcomes | {name: Outcome(name, None) for name in parts}


def _result(
    obj: PipelineObject, design: _Design, state: ReconcileState, outcomes: Mapping[str, Outcome]
) -> ReconcileResult:
    """The result of a reconcile, or of its beginning, with all that keeps the pipeline unready."""
    outcomes = autoscaling.with_blocker(outcomes, state.generation.scaling_blocker)
    history = state.object.history
    result = result_of(
        obj, design.effective, design.wanted, outcomes, history=history, script=design.script
    )
    return replace(result, gating=result.gating | _left_to_prune(design, result.entries))


def _left_to_prune(design: _Design, entries: Iterable[Entry]) -> frozenset[str]:
    """Resources that left the spec and that AWS still has, whatever holds their deletion.

    Until they are gone, AWS is not as the spec says.
    """
    wanted = {resource.name for resource in design.wanted}
    left = {
        one.name for one in entries if one.name not in wanted and one.state is not State.RETAINED
    }
    if not left:
        return frozenset()
    everything = pipeline.build_everything(design.context)
    return frozenset(one.name for one in everything if one.gates_ready and one.name in left)
