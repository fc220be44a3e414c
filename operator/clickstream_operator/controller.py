"""The controller: one pass over one pipeline, from the live object and from AWS.

Finalizer, intent in the status, observe, plan, apply, outcome in the status, requeue. A pass may
die at any instruction: the next one starts from what is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog

from clickstream_operator import autoscaling, claims, names, pipeline, preflight, rollout
from clickstream_operator import status as statuses
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import (
    APPROVED_PLAN,
    FORCE_DELETE,
    RECONCILE_REQUESTED_AT,
    Effective,
    Plan,
)
from clickstream_operator.approval import approval_of, next_plan
from clickstream_operator.aws import passes
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.roles import Role
from clickstream_operator.aws.session import AwsSession, Calls, Identity
from clickstream_operator.aws.tag_index import TagIndex
from clickstream_operator.custody import Custody
from clickstream_operator.engine.apply import Applier, PassInput
from clickstream_operator.engine.inventory import Entry, Origin, State
from clickstream_operator.engine.outcome import Next, Outcome
from clickstream_operator.engine.plan import AdoptionPolicy, DriftPolicy, Policy
from clickstream_operator.engine.remove import PROPAGATION_SECONDS, Doubt, Remover, in_doubt
from clickstream_operator.engine.resource import Observed, Resource
from clickstream_operator.events import EventRecorder, Happening
from clickstream_operator.kube import Kube, StaleObject
from clickstream_operator.metrics import Metrics
from clickstream_operator.pacing import FULL_EVERY, Memory, Pace
from clickstream_operator.preflight import Surroundings
from clickstream_operator.published_outputs import OutputsPublisher
from clickstream_operator.reporting import Reporter, report_of
from clickstream_operator.resources.stream_history import StreamHistory
from clickstream_operator.status import Problem, Report
from clickstream_operator.subject import Subject, parse
from clickstream_operator.workqueue import Key

log = structlog.get_logger(__name__)

#: A pass that takes longer shows what it has reached in between.
_PROGRESS_SECONDS: Final = 1.0
#: How often a pipeline of another installation is looked at: that one may have ended.
_ANOTHER_OPERATOR_SECONDS: Final = 30.0
#: Clocks differ by fractions of a second: a pass at a deadline must not come before it.
_AFTER_DEADLINE: Final = 0.1


class Controller:
    """Reconciles pipelines by key. `sessions` gives the session of a region and a role."""

    def __init__(
        self,
        *,
        kube: Kube,
        recorder: EventRecorder,
        sessions: Callable[[str, Role | None], AwsSession],
        surroundings: Surroundings,
        metrics: Metrics,
        clock: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        calls_at_once: int = passes.CALLS_AT_ONCE,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._sessions = sessions
        self._around = surroundings
        self._calls_at_once = calls_at_once
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._pace = Pace(clock=clock, jitter=jitter)
        self._reporter = Reporter(kube=kube, recorder=recorder, pace=self._pace, now=now)
        self._publisher = OutputsPublisher(kube, enabled=surroundings.outputs_config_map)
        self._custody = Custody(kube, recorder, own=surroundings.instance, clock=clock, now=now)
        self._rollout = rollout.Rollout(surroundings.rollout_max_parallel)
        self._shipped = {name: one.sha256 for name, one in surroundings.packages.items()}
        self._memories: dict[Key, Memory] = {}

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns the seconds until the next, None when there is nothing left to do.

        Raises:
            StaleObject: the object changed during the pass; run again.
            KubernetesError: the API server refused or did not answer.
        """
        body = await self._kube.get(key)
        if body is None or not self._around.selected(body["metadata"].get("labels") or {}):
            # Gone, or another installation's by its labels.
            self._memories.pop(key, None)
            self._rollout.forget(key)
            return None
        claimed = await self._custody.claim(parse(key, body))
        if claimed is None:
            self._rollout.forget(key)
            return _ANOTHER_OPERATOR_SECONDS
        subject = claimed
        memory = self._memory(subject)
        # What fails again and again waits with the resyncs: nobody gains by its being first.
        is_edit = not statuses.is_settled(body) and not memory.failures
        this = passes.Pass(
            f"{key.namespace}/{key.name}", is_edit=is_edit, at_once=self._calls_at_once
        )
        with passes.running(this):
            return await self._pass(subject, memory)

    async def _pass(self, subject: Subject, memory: Memory) -> float | None:
        if subject.deleting:
            self._rollout.forget(subject.key)
            return await self._finalize(subject, memory)
        self._rollout.release(subject)
        problem = preflight.problem_in_spec(subject, self._around)
        if problem is not None:
            return await self._give_up(subject, memory, problem)
        session = self._session(subject, preflight.region_of(subject, self._around))
        identity = await preflight.identify(subject, session)
        if isinstance(identity, Problem):
            return await self._give_up(subject, memory, identity)
        problem = await self._problem_with_claims(subject, identity)
        if problem is not None:
            return min(await self._give_up(subject, memory, problem), claims.LOOK_AGAIN)
        memory.problem_reason = ""
        effective = subject.status.effective or preflight.decide_effective(
            subject, identity, self._around
        )
        if self._only_scaling_is_due(subject, memory):
            return await self._scale(subject, memory, effective)
        if not self._rollout.may_go(subject, self._shipped):
            return rollout.ASK_AGAIN
        memory.pass_due = 0.0
        delay = await self._apply(subject, memory, effective)
        if delay is None or not autoscaling.scales(subject):
            return delay
        memory.pass_due = self._clock() + delay
        return min(delay, max(0.0, memory.scaling_due - self._clock()))

    async def _give_up(self, subject: Subject, memory: Memory, problem: Problem) -> float:
        """Say what keeps the pass from happening, and try again later."""
        problem = await self._reporter.say_problem(subject, memory, problem)
        return self._in_time(self._pace.backoff(memory), [statuses.probe(problem)])

    def _in_time(self, delay: float, entries: Iterable[Entry]) -> float:
        """`delay`, or less when a failure has lasted too long before: it is said on time."""
        left = statuses.seconds_to_stall(entries, now=self._now())
        return delay if left is None else min(delay, left + _AFTER_DEADLINE)

    def _session(self, subject: Subject, region: str) -> AwsSession:
        return self._sessions(region, preflight.role_of(subject, self._around))

    # -- before the first AWS write ------------------------------------------------------------

    def _memory(self, subject: Subject) -> Memory:
        uid = subject.metadata["uid"]
        known = self._memories.get(subject.key)
        if known is None or known.uid != uid:
            known = self._memories[subject.key] = Memory(uid=uid, generation=subject.generation)
        elif known.generation != subject.generation:
            # A new spec starts over, without the old backoff. What was seen stays seen: what the
            # spec changes is looked at anew.
            known = self._memories[subject.key] = Memory(
                uid=uid,
                generation=subject.generation,
                resyncs=known.resyncs,
                unindexed=known.unindexed,
                observations=known.observations,
                history=known.history,
                tried=known.tried,
                saw_all=known.saw_all,
                scaling_due=known.scaling_due,
            )
        known.history.now = self._now
        known.history.learn(subject.status.resizes, subject.status.mode_switches)
        return known

    async def _problem_with_claims(self, subject: Subject, identity: Identity) -> Problem | None:
        """Whether an older pipeline has a name of this one; asked until this one has it."""
        if not claims.must_ask(subject):
            return None
        bodies = await self._kube.every(self._around.namespaces)
        others = preflight.rivals_of(subject, bodies, identity, self._around)
        return claims.problem_with(preflight.claim_of(subject, identity, self._around), others)

    def _blueprint(
        self, subject: Subject, effective: Effective, calls: Calls, history: StreamHistory
    ) -> pipeline.Blueprint:
        inventory = statuses.inventory(subject.status)
        return pipeline.Blueprint(
            spec=subject.spec,
            base=effective.base,
            physical=effective.names,
            place=Place(effective.partition, effective.region, effective.account),
            tags=ownership.pipeline_tags(
                cluster=effective.cluster,
                namespace=subject.key.namespace,
                pipeline=subject.key.name,
                uid=subject.metadata["uid"],
                environment=subject.spec.environment,
                user_tags=subject.spec.tags,
            ),
            packages=self._around.packages,
            calls=calls,
            account_regional_bucket=names.is_account_regional(
                effective.names[names.ARCHIVE], subject.spec
            ),
            permissions_boundary=self._around.permissions_boundary,
            known=frozenset(inventory),
            subscribed=frozenset(entry.name for entry in inventory.values() if entry.applied_hash),
            subscriptions={
                entry.name: entry.arn
                for entry in inventory.values()
                if names.subscription_digest(entry.name)
            },
            adopted=frozenset(
                entry.name for entry in inventory.values() if entry.origin is Origin.ADOPTED
            ),
            history=history,
            created_at=subject.created_at,
            obsolete_tags=frozenset(effective.tag_keys) - subject.spec.tags.keys(),
            queue_url=str(subject.status.outputs.get("dlqUrl", "")),
        )

    # -- apply ---------------------------------------------------------------------------------

    async def _apply(self, subject: Subject, memory: Memory, effective: Effective) -> float | None:
        effective = effective.model_copy(
            update={
                "packages": {n: one.sha256 for n, one in self._around.packages.items()},
                "tag_keys": sorted({*effective.tag_keys, *subject.spec.tags}),
            }
        )
        calls = Calls(self._session(subject, effective.region))
        blueprint = self._blueprint(subject, effective, calls, memory.history)
        wanted = pipeline.build(blueprint)
        memory.saw_all = memory.saw_all or subject.status.effective is None
        subject = await self._announce(subject, effective, wanted)
        inventory = statuses.inventory(subject.status)
        requested = self._requested(subject)
        is_resync = requested or self._pace.is_resync(memory)
        full = requested or (is_resync and memory.resyncs % FULL_EVERY == 0)
        start = PassInput(
            inventory=inventory,
            policy=self._policy(subject),
            full=full,
            intended_since=subject.created_at,
            chosen_names=names.chosen(subject.spec),
            known={} if full else _still_known(memory, wanted, resync=is_resync),
            corrections=memory.corrections,
            unindexed=memory.unindexed if is_resync else frozenset(),
        )
        applier = Applier(wanted, start, tag_index=TagIndex(calls))
        before = subject.status
        subject = await self._run(subject, effective, wanted, applier, memory)
        outcomes = dict(applier.outcomes)
        if not subject.spec.suspend:
            outcomes |= await self._prune(blueprint, wanted, memory, start)
        memory.observations = applier.observations
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
        report = replace(report, plan=self._plan(subject, outcomes))
        report = self._reporter.tolerate_failed_looks(subject, report, outcomes, memory)
        memory.visited |= outcomes.keys()
        if is_resync or memory.publication is None or report.outputs != before.outputs:
            memory.publication = await self._publisher.publish(subject, report.outputs)
        report = replace(report, publication=memory.publication)
        subject = await self._reporter.publish(subject, report, outcomes, before=before)
        delay = self._pace.after(memory, outcomes)
        return self._in_time(delay, statuses.inventory(subject.status).values())

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
        blueprint: pipeline.Blueprint,
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
        remover = Remover(
            leaving, replace(start, known={}), doubt=self._doubt(start.inventory, memory)
        )
        outcomes = dict(await remover.remove())
        unknown = gone - {resource.name for resource in leaving}
        return outcomes | {name: Outcome(name, None) for name in unknown}

    def _doubt(self, inventory: Mapping[str, Entry], memory: Memory) -> Doubt:
        """What a removal can't take AWS's first NotFound for."""
        now = self._clock()
        recent = {name for name, at in memory.tried.items() if now - at < PROPAGATION_SECONDS}
        unsure = {name for name, one in inventory.items() if in_doubt(one, now=self._now())}
        if memory.saw_all:
            unsure &= memory.tried.keys()
        return Doubt(recent | unsure, now, memory.missing_since)

    def _policy(self, subject: Subject) -> Policy:
        spec = subject.spec
        approval = None
        if spec.approval == "Manual":
            approval = approval_of(
                subject.status.plan, annotation=subject.annotations.get(APPROVED_PLAN, "")
            )
        return Policy(
            drift=DriftPolicy(spec.drift_policy),
            adoption=AdoptionPolicy(spec.adoption_policy),
            adopt_without_owner=self._around.adopt_without_owner,
            read_only=spec.suspend,
            approval=approval,
        )

    def _plan(self, subject: Subject, outcomes: Mapping[str, Outcome]) -> Plan | None:
        if subject.spec.approval != "Manual":
            return None
        return next_plan(
            subject.status.plan,
            outcomes,
            uid=subject.metadata["uid"],
            generation=subject.generation,
            annotation=subject.annotations.get(APPROVED_PLAN, ""),
        )

    def _requested(self, subject: Subject) -> bool:
        asked = subject.annotations.get(RECONCILE_REQUESTED_AT, "")
        return bool(asked) and asked != subject.status.last_handled_reconcile_at

    # -- autoscaling ---------------------------------------------------------------------------

    def _only_scaling_is_due(self, subject: Subject, memory: Memory) -> bool:
        if self._requested(subject) or not autoscaling.scales(subject):
            return False
        return self._clock() < memory.pass_due

    async def _scale(self, subject: Subject, memory: Memory, effective: Effective) -> float:
        """Fit the stream to its load; the rest is looked at when its own time has come."""
        spec = subject.spec.stream.autoscaling
        if spec is not None and self._clock() >= memory.scaling_due:
            memory.scaling_due = self._clock() + autoscaling.EVERY_SECONDS
            calls = Calls(self._session(subject, effective.region))
            stream = pipeline.build_stream(
                self._blueprint(subject, effective, calls, memory.history)
            )
            entry = statuses.inventory(subject.status)[names.STREAM]
            scaling = await autoscaling.scale(
                stream, spec, entry, calls=calls, history=memory.history
            )
            told = autoscaling.happening(scaling, memory.scaling_problem)
            memory.scaling_problem = scaling.problem
            if scaling.done is not None:
                memory.observations = {
                    name: seen for name, seen in memory.observations.items() if name != names.STREAM
                }
            if told is not None:
                await self._recorder.record(subject.body, told)
            await self._reporter.store(
                subject, autoscaling.shown(subject.status, scaling, memory.history)
            )
        return max(0.0, min(memory.scaling_due, memory.pass_due) - self._clock())

    # -- delete --------------------------------------------------------------------------------

    async def _finalize(self, subject: Subject, memory: Memory) -> float | None:
        if not subject.guarded:
            self._memories.pop(subject.key, None)
            return None
        effective = subject.status.effective
        if effective is None or not effective.account:
            # Nothing was ever written: the account is recorded before the first write.
            await self._kube.remove_finalizer(subject.body)
            return None
        if subject.annotations.get(FORCE_DELETE) == "true":
            await self._abandon(subject)
            return None
        identity = preflight.problem_with_credentials(
            subject, self._around
        ) or await preflight.identify(subject, self._session(subject, effective.region))
        if isinstance(identity, Problem):
            problem = self._reporter.dated(identity, memory)
            report = replace(report_of(subject, effective, [], {}), deleting=True, problem=problem)
            await self._reporter.publish(subject, report, {})
            return self._in_time(self._pace.backoff(memory), [statuses.probe(problem)])
        calls = Calls(self._session(subject, effective.region))
        resources = pipeline.build_everything(
            self._blueprint(subject, effective, calls, memory.history)
        )
        inventory = statuses.inventory(subject.status)
        # Deletion overrides suspension and needs no approval.
        policy = replace(self._policy(subject), approval=None, read_only=False)
        start = PassInput(inventory=inventory, policy=policy)
        remover = Remover(resources, start, gone=memory.gone, doubt=self._doubt(inventory, memory))
        outcomes = dict(await remover.remove())
        memory.note_removal(outcomes)
        # What no spec of this version asks for holds nothing up.
        unknown = inventory.keys() - {resource.name for resource in resources}
        if unknown:
            log.warning("left alone: unknown to this version", resources=sorted(unknown))
        outcomes |= {name: Outcome(name, None) for name in unknown}
        report = replace(report_of(subject, effective, resources, outcomes), deleting=True)
        report = replace(report, entries=_listed(report.entries, inventory))
        subject = await self._reporter.publish(subject, report, outcomes)
        if any(one.entry and one.entry.state is not State.RETAINED for one in outcomes.values()):
            delay = self._pace.after(memory, outcomes, resync=False)
            return self._in_time(delay, statuses.inventory(subject.status).values())
        await self._kube.remove_finalizer(subject.body)
        log.info("pipeline deleted", retained=[entry.name for entry in report.entries])
        return None

    async def _abandon(self, subject: Subject) -> None:
        """Drop the finalizer on request and say what stays behind."""
        left = [one.arn or one.physical_name for one in subject.status.resources]
        log.warning("force-delete: left behind in AWS", resources=left)
        self._metrics.left_behind.inc(len(left))
        await self._recorder.record(
            subject.body,
            Happening(
                "Warning",
                Reason.RESOURCE_RETAINED,
                f"force-delete leaves {len(left)} resources in AWS: {', '.join(left)}",
                "ForceDelete",
            ),
        )
        await self._kube.remove_finalizer(subject.body)


def _listed(entries: Iterable[Entry], inventory: Mapping[str, Entry]) -> list[Entry]:
    """What the status of a deletion lists.

    What was never on record and can't be looked for now holds the deletion up as well; it is listed
    when nothing on record explains why: there is nothing left, or it merely waits.
    """
    waiting = Reason.WAITING_FOR_DEPENDENCY
    left = [entry for entry in entries if entry.state is not State.RETAINED]
    explained = any(
        entry.reason != waiting and (entry.name in inventory or entry.arn) for entry in left
    )
    return [
        entry
        for entry in entries
        if entry.name in inventory or entry.arn or not (explained or entry.reason == waiting)
    ]


def _still_known(memory: Memory, wanted: list[Resource], *, resync: bool) -> Mapping[str, Observed]:
    """Observations that this pass need not make again.

    A poll reads only what is not ready; a hot resync leaves out what changes rarely.
    """
    if not resync:
        return memory.observations
    cold = {resource.name for resource in wanted if resource.cold}
    return {name: seen for name, seen in memory.observations.items() if name in cold}
