"""One pass that brings AWS to what the spec says.

Finalizer, intent in the status, observe, plan, apply, prune, outcome in the status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from clickstream_operator.api.v1alpha1 import APPROVED_PLAN, Effective, Plan
from clickstream_operator.autoscaling import autoscaler as autoscaling
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import AwsSession
from clickstream_operator.aws.tag_index import TagIndex
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.delete import Deleter
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Outcome, Requeue
from clickstream_operator.engine.resource import Observed, Resource
from clickstream_operator.kube.client import KubeClient, StaleObject
from clickstream_operator.kube.objects import PipelineObject, parse
from clickstream_operator.pipeline import build as pipeline
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.reconcile.approval import next_plan
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import (
    build_context,
    is_requested,
    policy_of,
    unconfirmed_absence_of,
)
from clickstream_operator.reconcile.outputs_config_map import OutputsPublisher
from clickstream_operator.reconcile.requeue import FULL_EVERY, RequeuePolicy
from clickstream_operator.reconcile.state import ReconcileState
from clickstream_operator.reconcile.status_writer import StatusWriter, report_of
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.result import ReconcileResult
from clickstream_operator.telemetry.metrics import Metrics

#: A pass that takes longer shows what it has reached in between.
_PROGRESS_SECONDS: Final = 1.0


class ApplyReconciler:
    """Applies specs, each call one pass over one pipeline."""

    def __init__(
        self,
        *,
        kube: KubeClient,
        status_writer: StatusWriter,
        requeue: RequeuePolicy,
        metrics: Metrics,
        session: Callable[[PipelineObject, str], AwsSession],
        config: OperatorConfig,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._status_writer = status_writer
        self._publisher = OutputsPublisher(kube, enabled=config.outputs_config_map)
        self._requeue = requeue
        self._metrics = metrics
        self._session = session
        self._config = config
        self._clock = clock
        self._now = now

    async def apply(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> float:
        """One pass. Returns the seconds until the next.

        Raises:
            StaleObject: the object changed during the pass.
        """
        effective = effective.model_copy(
            update={
                "packages": {n: one.sha256 for n, one in self._config.packages.items()},
                "tag_keys": sorted({*effective.tag_keys, *obj.spec.tags}),
            }
        )
        calls = Calls(self._session(obj, effective.region))
        context = build_context(obj, effective, calls, state.history, self._config)
        wanted = pipeline.build(context)
        state.saw_all = state.saw_all or obj.status.effective is None
        obj = await self._announce(obj, effective, wanted)
        inventory = statuses.inventory(obj.status)
        requested = is_requested(obj)
        is_resync = requested or self._requeue.is_resync(state)
        full = requested or (is_resync and state.resyncs % FULL_EVERY == 0)
        start = ReconcileInput(
            inventory=inventory,
            policy=policy_of(obj, self._config),
            full=full,
            intended_since=obj.created_at,
            chosen_names=names.chosen(obj.spec),
            known={} if full else _still_known(state, wanted, resync=is_resync),
            corrections=state.corrections,
            untagged_in_index=state.untagged_in_index if is_resync else frozenset(),
            unobserved=state.unobserved,
            creating={} if full else state.creating,
            deferred={} if is_resync else state.polls.not_due(self._clock()),
            propagating=state.propagating,
            moment=self._clock(),
        )
        applier = Applier(wanted, start, tag_index=TagIndex(calls))
        before = obj.status
        obj = await self._run(obj, effective, wanted, applier, state)
        outcomes = dict(applier.outcomes)
        if not obj.spec.suspend:
            outcomes |= await self._prune(context, wanted, state, start)
        state.observations, state.creating = applier.observations, applier.creating
        state.unobserved = applier.unobserved
        state.note_propagating(outcomes, now=self._clock())
        if all(outcome.next is not Requeue.POLL for outcome in outcomes.values()):
            # No poll follows: keep only what a hot resync does not look at.
            state.observations = _still_known(state, wanted, resync=True)
        if is_resync:
            state.untagged_in_index = applier.untagged_in_index
            self._requeue.plan_resync(state, obj.spec.resync_interval_seconds)
        kinds = {resource.name: resource.kind for resource in wanted}
        for name in state.count_corrections(outcomes, unobservable=start.known.keys(), full=full):
            self._metrics.drift.labels(kinds[name], "corrected").inc()
        if all(outcome.ready for outcome in outcomes.values()) and not obj.spec.suspend:
            # Nothing carries a tag any more that left the spec.
            keys = {"tag_keys": sorted(obj.spec.tags)}
            effective = effective.model_copy(update=keys)
        outcomes = autoscaling.with_problem(outcomes, state.scaling_blocker)
        result = report_of(obj, effective, wanted, outcomes, history=state.history)
        leaving = _on_the_way_out(context, outcomes)
        result = replace(result, plan=_plan(obj, outcomes), gating=result.gating | leaving)
        result = self._status_writer.tolerate_failed_observations(obj, result, outcomes, state)
        state.visited |= outcomes.keys()
        if is_resync or state.publication is None or result.outputs != before.outputs:
            state.publication = await self._publisher.publish(obj, result.outputs)
        result = replace(result, publication=state.publication)
        obj = await self._status_writer.publish(obj, result, outcomes, before=before)
        delay = self._requeue.after(state, outcomes)
        return self._status_writer.no_later_than_stall(
            delay, statuses.inventory(obj.status).values()
        )

    async def _run(
        self,
        obj: PipelineObject,
        effective: Effective,
        wanted: list[Resource],
        applier: Applier,
        state: ReconcileState,
    ) -> PipelineObject:
        """Apply, and show in the status how far a long pass has come."""
        work = asyncio.ensure_future(applier.apply())
        showing = not obj.spec.suspend
        try:
            while not (await asyncio.wait({work}, timeout=_PROGRESS_SECONDS))[0]:
                outcomes = dict(applier.outcomes)
                # What could not be seen is judged when the pass has ended.
                if not showing or any(one.observation_failed for one in outcomes.values()):
                    continue
                result = replace(
                    report_of(obj, effective, wanted, outcomes, history=state.history),
                    plan=obj.status.plan,
                    pending=applier.names - outcomes.keys() - state.visited,
                )
                try:
                    obj = await self._status_writer.write(obj, result)
                except StaleObject:
                    # The user edited it meanwhile; the pass ends first, the next one reads anew.
                    showing = False
        finally:
            await work
            state.note_creations(applier.outcomes, now=self._clock())
        return obj

    async def _announce(
        self, obj: PipelineObject, effective: Effective, wanted: list[Resource]
    ) -> PipelineObject:
        """Finalizer and intent: what is about to exist is recorded before it is created."""
        if not obj.guarded and not obj.spec.suspend:
            obj = parse(obj.key, await self._kube.add_finalizer(obj.body))
        fresh = obj.status.observed_generation == obj.generation
        if obj.spec.suspend or (fresh and obj.status.effective is not None):
            return obj
        known = statuses.inventory(obj.status)
        entries = [
            known.get(resource.name) or Entry(resource.name, resource.kind, resource.physical_name)
            for resource in wanted
        ]
        entries += [entry for name, entry in known.items() if name not in {e.name for e in entries}]
        result = ReconcileResult(
            generation=obj.generation,
            entries=entries,
            gating=frozenset(),
            effective=effective,
        )
        status = statuses.begin(obj.status, result, now=self._now())
        body = await self._kube.write_status(obj.body, statuses.as_body(status))
        return parse(obj.key, body)

    async def _prune(
        self,
        context: BuildContext,
        wanted: list[Resource],
        state: ReconcileState,
        start: ReconcileInput,
    ) -> Mapping[str, Outcome]:
        """Remove what the inventory has and the spec no longer wants."""
        keep = {resource.name for resource in wanted}
        gone = start.inventory.keys() - keep
        if not gone:
            return {}
        leaving = [
            resource for resource in pipeline.build_everything(context) if resource.name in gone
        ]
        doubt = unconfirmed_absence_of(state, start.inventory, clock=self._clock(), now=self._now())
        remover = Deleter(leaving, replace(start, known={}), doubt=doubt)
        outcomes = dict(await remover.remove())
        # What no spec of this version asks for stays on record, for the version that made it.
        inside = gone - {resource.name for resource in leaving}
        parts = [name for name in inside if pipeline.is_part(start.inventory[name])]
        return outcomes | {name: Outcome(name, None) for name in parts}


def _on_the_way_out(context: BuildContext, outcomes: Mapping[str, Outcome]) -> frozenset[str]:
    """What the spec no longer wants and AWS still has: the pipeline is not as the spec says."""
    going = {
        name
        for name, one in outcomes.items()
        if one.entry is not None and one.entry.state is State.DELETING
    }
    if not going:
        return frozenset()
    everything = pipeline.build_everything(context)
    return frozenset(one.name for one in everything if one.gates_ready and one.name in going)


def _plan(obj: PipelineObject, outcomes: Mapping[str, Outcome]) -> Plan | None:
    if obj.spec.approval != "Manual":
        return None
    return next_plan(
        obj.status.plan,
        outcomes,
        uid=obj.metadata["uid"],
        generation=obj.generation,
        annotation=obj.annotations.get(APPROVED_PLAN, ""),
    )


def _still_known(
    state: ReconcileState, wanted: list[Resource], *, resync: bool
) -> Mapping[str, Observed]:
    """Observations that this pass need not make again.

    A poll reads only what is not ready; a hot resync leaves out what changes rarely.
    """
    if not resync:
        return state.observations
    full_only = {resource.name for resource in wanted if resource.full_only}
    return {name: seen for name, seen in state.observations.items() if name in full_only}
