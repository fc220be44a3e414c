"""The controller: one pass over one pipeline, from the live object and from AWS.

It settles which pass is due: none, because something is in the way, one that applies the spec, one
of autoscaling, or one of a deletion. A pass may die at any instruction: the next one starts from
what is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.autoscaling import autoscaler as autoscaling
from clickstream_operator.aws import call_context as passes
from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.session import AwsSession, Identity
from clickstream_operator.kube.client import Kube
from clickstream_operator.kube.events import EventRecorder
from clickstream_operator.kube.objects import Key, Subject, parse
from clickstream_operator.pipeline import build as pipeline
from clickstream_operator.reconcile import name_conflicts as claims
from clickstream_operator.reconcile import preflight, rollout
from clickstream_operator.reconcile.apply import ApplyPass
from clickstream_operator.reconcile.config import Surroundings
from clickstream_operator.reconcile.finalize import Deletion
from clickstream_operator.reconcile.inputs import blueprint_of, is_requested
from clickstream_operator.reconcile.installation_ownership import Custody
from clickstream_operator.reconcile.requeue import Pace
from clickstream_operator.reconcile.state import Memory
from clickstream_operator.reconcile.status_writer import Reporter
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.progress_deadline import probe
from clickstream_operator.status.result import Problem
from clickstream_operator.telemetry.metrics import Metrics


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
        self._now = now
        self._clock = clock
        self._pace = Pace(clock=clock, jitter=jitter)
        self._reporter = Reporter(kube=kube, recorder=recorder, pace=self._pace, now=now)
        self._apply_pass = ApplyPass(
            kube=kube,
            reporter=self._reporter,
            pace=self._pace,
            metrics=metrics,
            session=self._session,
            surroundings=surroundings,
            clock=clock,
            now=now,
        )
        self._deletion = Deletion(
            kube=kube,
            recorder=recorder,
            reporter=self._reporter,
            pace=self._pace,
            metrics=metrics,
            session=self._session,
            surroundings=surroundings,
            clock=clock,
            now=now,
        )
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
        if isinstance(claimed, float):
            self._rollout.forget(key)
            return claimed
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
            if subject.guarded:
                return await self._deletion.finalize(subject, memory)
            self._memories.pop(subject.key, None)
            return None
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
        delay = await self._apply_pass.apply(subject, memory, effective)
        if not autoscaling.scales(subject):
            return delay
        memory.pass_due = self._clock() + delay
        return min(delay, max(0.0, memory.scaling_due - self._clock()))

    async def _give_up(self, subject: Subject, memory: Memory, problem: Problem) -> float:
        """Say what keeps the pass from happening, and try again later."""
        problem = await self._reporter.say_problem(subject, memory, problem)
        return self._reporter.in_time(self._pace.backoff(memory), [probe(problem)])

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
                unread=known.unread,
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

    # -- autoscaling ---------------------------------------------------------------------------

    def _only_scaling_is_due(self, subject: Subject, memory: Memory) -> bool:
        if is_requested(subject) or not autoscaling.scales(subject):
            return False
        return self._clock() < memory.pass_due

    async def _scale(self, subject: Subject, memory: Memory, effective: Effective) -> float:
        """Fit the stream to its load; the rest is looked at when its own time has come."""
        spec = subject.spec.stream.autoscaling
        if spec is not None and self._clock() >= memory.scaling_due:
            memory.scaling_due = self._clock() + autoscaling.EVERY_SECONDS
            calls = Calls(self._session(subject, effective.region))
            stream = pipeline.build_stream(
                blueprint_of(subject, effective, calls, memory.history, self._around)
            )
            entry = statuses.inventory(subject.status)[components.STREAM]
            scaling = await autoscaling.scale(
                stream, spec, entry, calls=calls, history=memory.history
            )
            told = autoscaling.happening(scaling, memory.scaling_problem)
            memory.scaling_problem = scaling.problem
            if scaling.done is not None:
                memory.observations = {
                    name: seen
                    for name, seen in memory.observations.items()
                    if name != components.STREAM
                }
            if told is not None:
                await self._recorder.record(subject.body, told)
            await self._reporter.store(
                subject, autoscaling.shown(subject.status, scaling, memory.history)
            )
        return max(0.0, min(memory.scaling_due, memory.pass_due) - self._clock())
