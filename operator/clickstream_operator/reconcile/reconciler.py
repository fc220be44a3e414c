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
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.kube.client import KubeClient
from clickstream_operator.kube.events import EventRecorder
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import build as pipeline
from clickstream_operator.reconcile import name_conflicts as claims
from clickstream_operator.reconcile import preflight, rollout
from clickstream_operator.reconcile.apply import ApplyReconciler
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.finalize import Deletion
from clickstream_operator.reconcile.inputs import build_context, is_requested
from clickstream_operator.reconcile.installation_ownership import InstallationOwnership
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.state import ReconcileState
from clickstream_operator.reconcile.status_writer import StatusWriter
from clickstream_operator.status import compose as statuses
from clickstream_operator.status.progress_deadline import probe
from clickstream_operator.status.result import Blocker
from clickstream_operator.telemetry.metrics import Metrics


class Reconciler:
    """Reconciles pipelines by key. `sessions` gives the session of a region and a role."""

    def __init__(
        self,
        *,
        kube: KubeClient,
        recorder: EventRecorder,
        sessions: Callable[[str, Role | None], AwsSession],
        config: OperatorConfig,
        metrics: Metrics,
        clock: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
        calls_at_once: int = passes.CALLS_AT_ONCE,
    ) -> None:
        self._kube = kube
        self._recorder = recorder
        self._sessions = sessions
        self._config = config
        self._calls_at_once = calls_at_once
        self._now = now
        self._clock = clock
        self._requeue = RequeuePolicy(clock=clock, jitter=jitter)
        self._status_writer = StatusWriter(
            kube=kube, recorder=recorder, requeue=self._requeue, now=now
        )
        self._apply = ApplyReconciler(
            kube=kube,
            status_writer=self._status_writer,
            requeue=self._requeue,
            metrics=metrics,
            session=self._session,
            config=config,
            clock=clock,
            now=now,
        )
        self._deletion = Deletion(
            kube=kube,
            recorder=recorder,
            status_writer=self._status_writer,
            requeue=self._requeue,
            metrics=metrics,
            session=self._session,
            config=config,
            clock=clock,
            now=now,
        )
        self._installation_ownership = InstallationOwnership(
            kube, recorder, own=config.instance, clock=clock, now=now
        )
        self._rollout = rollout.Rollout(config.rollout_max_parallel)
        self._shipped = {name: one.sha256 for name, one in config.packages.items()}
        self._states: dict[ObjectKey, ReconcileState] = {}

    async def reconcile(self, key: ObjectKey) -> float | None:
        """One pass. Returns the seconds until the next, None when there is nothing left to do.

        Raises:
            StaleObject: the object changed during the pass; run again.
            KubernetesError: the API server refused or did not answer.
        """
        body = await self._kube.get(key)
        if body is None or not self._config.selected(body["metadata"].get("labels") or {}):
            # Gone, or another installation's by its labels.
            self._states.pop(key, None)
            self._rollout.forget(key)
            return None
        claimed = await self._installation_ownership.claim(parse(key, body))
        if isinstance(claimed, float):
            self._rollout.forget(key)
            return claimed
        obj = claimed
        state = self._state(obj)
        # What fails again and again waits with the resyncs: nobody gains by its being first.
        is_edit = not statuses.is_up_to_date(body) and not state.failures
        this = passes.CallContext(
            f"{key.namespace}/{key.name}", is_edit=is_edit, at_once=self._calls_at_once
        )
        with passes.running(this):
            return await self._reconcile(obj, state)

    async def _reconcile(self, obj: PipelineObject, state: ReconcileState) -> float | None:
        if obj.deleting:
            self._rollout.forget(obj.key)
            if obj.guarded:
                return await self._deletion.finalize(obj, state)
            self._states.pop(obj.key, None)
            return None
        self._rollout.release(obj)
        blocker = preflight.blocker_in_spec(obj, self._config)
        if blocker is not None:
            return await self._give_up(obj, state, blocker)
        session = self._session(obj, preflight.region_of(obj, self._config))
        identity = await preflight.identify(obj, session)
        if isinstance(identity, Blocker):
            return await self._give_up(obj, state, identity)
        blocker = await self._name_conflict(obj, identity)
        if blocker is not None:
            return min(await self._give_up(obj, state, blocker), claims.LOOK_AGAIN)
        state.blocker_reason = ""
        effective = obj.status.effective or preflight.decide_effective(obj, identity, self._config)
        if self._only_scaling_is_due(obj, state):
            return await self._scale(obj, state, effective)
        if not self._rollout.may_go(obj, self._shipped):
            return rollout.ASK_AGAIN
        state.reconcile_due = 0.0
        delay = await self._apply.apply(obj, state, effective)
        if not autoscaling.scales(obj):
            return delay
        state.reconcile_due = self._clock() + delay
        return min(delay, max(0.0, state.scaling_due - self._clock()))

    async def _give_up(self, obj: PipelineObject, state: ReconcileState, blocker: Blocker) -> float:
        """Say what keeps the pass from happening, and try again later."""
        blocker = await self._status_writer.write_blocker(obj, state, blocker)
        return self._status_writer.no_later_than_stall(
            self._requeue.backoff(state), [probe(blocker)]
        )

    def _session(self, obj: PipelineObject, region: str) -> AwsSession:
        return self._sessions(region, preflight.role_of(obj, self._config))

    # -- before the first AWS write ------------------------------------------------------------

    def _state(self, obj: PipelineObject) -> ReconcileState:
        uid = obj.metadata["uid"]
        known = self._states.get(obj.key)
        if known is None or known.uid != uid:
            known = self._states[obj.key] = ReconcileState(uid=uid, generation=obj.generation)
        elif known.generation != obj.generation:
            # A new spec starts over, without the old backoff. What was seen stays seen: what the
            # spec changes is looked at anew.
            known = self._states[obj.key] = ReconcileState(
                uid=uid,
                generation=obj.generation,
                resyncs=known.resyncs,
                untagged_in_index=known.untagged_in_index,
                unobserved=known.unobserved,
                observations=known.observations,
                history=known.history,
                tried=known.tried,
                saw_all=known.saw_all,
                scaling_due=known.scaling_due,
            )
        known.history.now = self._now
        known.history.learn(obj.status.resizes, obj.status.mode_switches)
        return known

    async def _name_conflict(self, obj: PipelineObject, identity: CallerIdentity) -> Blocker | None:
        """Whether an older pipeline has a name of this one; asked until this one has it."""
        if not claims.may_conflict(obj):
            return None
        bodies = await self._kube.list_pipelines(self._config.namespaces)
        others = preflight.competing_claims(obj, bodies, identity, self._config)
        return claims.conflict_with(preflight.claim_of(obj, identity, self._config), others)

    # -- autoscaling ---------------------------------------------------------------------------

    def _only_scaling_is_due(self, obj: PipelineObject, state: ReconcileState) -> bool:
        if is_requested(obj) or not autoscaling.scales(obj):
            return False
        return self._clock() < state.reconcile_due

    async def _scale(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> float:
        """Fit the stream to its load; the rest is looked at when its own time has come."""
        spec = obj.spec.stream.autoscaling
        if spec is not None and self._clock() >= state.scaling_due:
            state.scaling_due = self._clock() + autoscaling.EVERY_SECONDS
            calls = Calls(self._session(obj, effective.region))
            stream = pipeline.build_stream(
                build_context(obj, effective, calls, state.history, self._config)
            )
            entry = statuses.inventory(obj.status)[components.STREAM]
            scaling = await autoscaling.scale(
                stream, spec, entry, calls=calls, history=state.history
            )
            told = autoscaling.event(scaling, state.scaling_blocker)
            state.scaling_blocker = scaling.blocker
            if scaling.done is not None:
                state.observations = {
                    name: seen
                    for name, seen in state.observations.items()
                    if name != components.STREAM
                }
            if told is not None:
                await self._recorder.record(obj.body, told)
            await self._status_writer.store(
                obj, autoscaling.shown(obj.status, scaling, state.history)
            )
        return max(0.0, min(state.scaling_due, state.reconcile_due) - self._clock())
