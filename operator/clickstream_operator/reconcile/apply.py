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
from clickstream_operator.engine.delete import Remover
from clickstream_operator.engine.inputs import PassInput
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.outcome import Next, Outcome
from clickstream_operator.engine.resource import Observed, Resource
from clickstream_operator.kube.client import Kube, StaleObject
from clickstream_operator.kube.objects import Subject, parse
from clickstream_operator.pipeline import build as pipeline
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import Blueprint
from clickstream_operator.reconcile.approval import next_plan
from clickstream_operator.reconcile.config import Surroundings
from clickstream_operator.reconcile.inputs import blueprint_of, doubt_of, is_requested, policy_of
from clickstream_operator.reconcile.outputs_config_map import OutputsPublisher
from clickstream_operator.reconcile.requeue import FULL_EVERY, Pace
from clickstream_operator.reconcile.state import Memory
from clickstream_operator.reconcile.status_writer import Reporter, report_of
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.result import Report
from clickstream_operator.telemetry.metrics import Metrics

#: A pass that takes longer shows what it has reached in between.
_PROGRESS_SECONDS: Final = 1.0


class ApplyPass:
    """Applies specs, each call one pass over one pipeline."""

    def __init__(
        self,
        *,
        kube: Kube,
        reporter: Reporter,
        pace: Pace,
        metrics: Metrics,
        session: Callable[[Subject, str], AwsSession],
        surroundings: Surroundings,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._kube = kube
        self._reporter = reporter
        self._publisher = OutputsPublisher(kube, enabled=surroundings.outputs_config_map)
        self._pace = pace
        self._metrics = metrics
        self._session = session
        self._around = surroundings
        self._clock = clock
        self._now = now

    async def apply(self, subject: Subject, memory: Memory, effective: Effective) -> float:
        """One pass. Returns the seconds until the next.

        Raises:
            StaleObject: the object changed during the pass.
        """
        effective = effective.model_copy(
            update={
                "packages": {n: one.sha256 for n, one in self._around.packages.items()},
                "tag_keys": sorted({*effective.tag_keys, *subject.spec.tags}),
            }
        )
        calls = Calls(self._session(subject, effective.region))
        blueprint = blueprint_of(subject, effective, calls, memory.history, self._around)
        wanted = pipeline.build(blueprint)
        memory.saw_all = memory.saw_all or subject.status.effective is None
        subject = await self._announce(subject, effective, wanted)
        inventory = statuses.inventory(subject.status)
        requested = is_requested(subject)
        is_resync = requested or self._pace.is_resync(memory)
        full = requested or (is_resync and memory.resyncs % FULL_EVERY == 0)
        start = PassInput(
            inventory=inventory,
            policy=policy_of(subject, self._around),
            full=full,
            intended_since=subject.created_at,
            chosen_names=names.chosen(subject.spec),
            known={} if full else _still_known(memory, wanted, resync=is_resync),
            corrections=memory.corrections,
            unindexed=memory.unindexed if is_resync else frozenset(),
            unread=memory.unread,
            begun={} if full else memory.begun,
            carried={} if is_resync else memory.polls.not_due(self._clock()),
            unshown=memory.unshown,
            moment=self._clock(),
        )
        applier = Applier(wanted, start, tag_index=TagIndex(calls))
        before = subject.status
        subject = await self._run(subject, effective, wanted, applier, memory)
        outcomes = dict(applier.outcomes)
        if not subject.spec.suspend:
            outcomes |= await self._prune(blueprint, wanted, memory, start)
        memory.observations, memory.begun = applier.observations, applier.begun
        memory.unread = applier.unread
        memory.note_unshown(outcomes, now=self._clock())
        if all(outcome.next is not Next.POLL for outcome in outcomes.values()):
            # No poll follows: keep only what a hot resync does not look at.
            memory.observations = _still_known(memory, wanted, resync=True)
        if is_resync:
            memory.unindexed = applier.unindexed
            self._pace.plan_resync(memory, subject.spec.resync_interval_seconds)
        kinds = {resource.name: resource.kind for resource in wanted}
        for name in memory.count_corrections(outcomes, unseen=start.known.keys(), full=full):
            self._metrics.drift.labels(kinds[name], "corrected").inc()
        if all(outcome.ready for outcome in outcomes.values()) and not subject.spec.suspend:
            # Nothing carries a tag any more that left the spec.
            keys = {"tag_keys": sorted(subject.spec.tags)}
            effective = effective.model_copy(update=keys)
        outcomes = autoscaling.with_problem(outcomes, memory.scaling_problem)
        report = report_of(subject, effective, wanted, outcomes, history=memory.history)
        leaving = _on_the_way_out(blueprint, outcomes)
        report = replace(report, plan=_plan(subject, outcomes), gating=report.gating | leaving)
        report = self._reporter.tolerate_failed_looks(subject, report, outcomes, memory)
        memory.visited |= outcomes.keys()
        if is_resync or memory.publication is None or report.outputs != before.outputs:
            memory.publication = await self._publisher.publish(subject, report.outputs)
        report = replace(report, publication=memory.publication)
        subject = await self._reporter.publish(subject, report, outcomes, before=before)
        delay = self._pace.after(memory, outcomes)
        return self._reporter.in_time(delay, statuses.inventory(subject.status).values())

    async def _run(
        self,
        subject: Subject,
        effective: Effective,
        wanted: list[Resource],
        applier: Applier,
        memory: Memory,
    ) -> Subject:
        """Apply, and show in the status how far a long pass has come."""
        work = asyncio.ensure_future(applier.apply())
        showing = not subject.spec.suspend
        try:
            while not (await asyncio.wait({work}, timeout=_PROGRESS_SECONDS))[0]:
                outcomes = dict(applier.outcomes)
                # What could not be seen is judged when the pass has ended.
                if not showing or any(one.look_failed for one in outcomes.values()):
                    continue
                report = replace(
                    report_of(subject, effective, wanted, outcomes, history=memory.history),
                    plan=subject.status.plan,
                    unvisited=applier.names - outcomes.keys() - memory.visited,
                )
                try:
                    subject = await self._reporter.write(subject, report)
                except StaleObject:
                    # The user edited it meanwhile; the pass ends first, the next one reads anew.
                    showing = False
        finally:
            await work
            memory.note_creations(applier.outcomes, now=self._clock())
        return subject

    async def _announce(
        self, subject: Subject, effective: Effective, wanted: list[Resource]
    ) -> Subject:
        """Finalizer and intent: what is about to exist is recorded before it is created."""
        if not subject.guarded and not subject.spec.suspend:
            subject = parse(subject.key, await self._kube.add_finalizer(subject.body))
        fresh = subject.status.observed_generation == subject.generation
        if subject.spec.suspend or (fresh and subject.status.effective is not None):
            return subject
        known = statuses.inventory(subject.status)
        entries = [
            known.get(resource.name) or Entry(resource.name, resource.kind, resource.physical_name)
            for resource in wanted
        ]
        entries += [entry for name, entry in known.items() if name not in {e.name for e in entries}]
        report = Report(
            generation=subject.generation,
            entries=entries,
            gating=frozenset(),
            effective=effective,
        )
        status = statuses.begin(subject.status, report, now=self._now())
        body = await self._kube.write_status(subject.body, statuses.as_body(status))
        return parse(subject.key, body)

    async def _prune(
        self,
        blueprint: Blueprint,
        wanted: list[Resource],
        memory: Memory,
        start: PassInput,
    ) -> Mapping[str, Outcome]:
        """Remove what the inventory has and the spec no longer wants."""
        keep = {resource.name for resource in wanted}
        gone = start.inventory.keys() - keep
        if not gone:
            return {}
        leaving = [
            resource for resource in pipeline.build_everything(blueprint) if resource.name in gone
        ]
        doubt = doubt_of(memory, start.inventory, clock=self._clock(), now=self._now())
        remover = Remover(leaving, replace(start, known={}), doubt=doubt)
        outcomes = dict(await remover.remove())
        # What no spec of this version asks for stays on record, for the version that made it.
        inside = gone - {resource.name for resource in leaving}
        parts = [name for name in inside if pipeline.is_part(start.inventory[name])]
        return outcomes | {name: Outcome(name, None) for name in parts}


def _on_the_way_out(blueprint: Blueprint, outcomes: Mapping[str, Outcome]) -> frozenset[str]:
    """What the spec no longer wants and AWS still has: the pipeline is not as the spec says."""
    going = {
        name
        for name, one in outcomes.items()
        if one.entry is not None and one.entry.state is State.DELETING
    }
    if not going:
        return frozenset()
    everything = pipeline.build_everything(blueprint)
    return frozenset(one.name for one in everything if one.gates_ready and one.name in going)


def _plan(subject: Subject, outcomes: Mapping[str, Outcome]) -> Plan | None:
    if subject.spec.approval != "Manual":
        return None
    return next_plan(
        subject.status.plan,
        outcomes,
        uid=subject.metadata["uid"],
        generation=subject.generation,
        annotation=subject.annotations.get(APPROVED_PLAN, ""),
    )


def _still_known(memory: Memory, wanted: list[Resource], *, resync: bool) -> Mapping[str, Observed]:
    """Observations that this pass need not make again.

    A poll reads only what is not ready; a hot resync leaves out what changes rarely.
    """
    if not resync:
        return memory.observations
    cold = {resource.name for resource in wanted if resource.cold}
    return {name: seen for name, seen in memory.observations.items() if name in cold}
