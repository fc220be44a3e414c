"""Reconciler: one reconcile of one pipeline, from the live object and from AWS.

Called by the workers of `runtime`; calls `preflight` for a blocker, then `apply` for a spec,
`autoscaling` between resyncs, or `finalize` for a deletion. A process may die at any instruction:
the next reconcile starts from the object and from AWS.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from clickstream_operator import autoscaling, pipeline
from clickstream_operator import status as statuses
from clickstream_operator.api import components
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws import call_context
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.kube.client import KubernetesError, StaleObject
from clickstream_operator.kube.fence import Fenced
from clickstream_operator.kube.objects import InvalidSpec, ObjectKey, PipelineObject, parse
from clickstream_operator.reconcile import name_conflicts, rollout
from clickstream_operator.reconcile.alarm_mute import tell_refused
from clickstream_operator.reconcile.apply import ApplyReconciler
from clickstream_operator.reconcile.finalize import Finalizer
from clickstream_operator.reconcile.identity import identify
from clickstream_operator.reconcile.inputs import build_context, is_requested
from clickstream_operator.reconcile.installation_ownership import InstallationOwnership
from clickstream_operator.reconcile.location import effective_of, region_of
from clickstream_operator.reconcile.preflight import (
    APPLY_CHECKS,
    chosen_names_are_free,
    first_blocker,
)
from clickstream_operator.reconcile.requeue import RequeuePolicy
from clickstream_operator.reconcile.services import Services
from clickstream_operator.reconcile.state import GenerationState, ObjectState, ReconcileState
from clickstream_operator.reconcile.status_writer import StatusWriter
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.result import Blocker

log = structlog.get_logger(__name__)

#: Seconds until an object that this version can't read is read again: a new CRD, a new operator or
#: an edit comes sooner through the watch.
_UNREADABLE_SECONDS: Final = 300.0


class Reconciler:
    """Reconciles pipelines by key."""

    def __init__(
        self,
        services: Services,
        *,
        jitter: Callable[[], float] = random.random,
        calls_at_once: int = call_context.CALLS_AT_ONCE,
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._calls_at_once = calls_at_once
        self._requeue = RequeuePolicy(clock=services.clock, jitter=jitter)
        self._status_writer = StatusWriter(services, requeue=self._requeue)
        self._apply = ApplyReconciler(
            services, status_writer=self._status_writer, requeue=self._requeue
        )
        self._finalizer = Finalizer(
            services, status_writer=self._status_writer, requeue=self._requeue
        )
        self._installation_ownership = InstallationOwnership(services)
        self._rollout = rollout.Rollout(services.config.rollout_max_parallel)
        self._shipped = {n: one.sha256 for n, one in services.config.packages.items()}
        self._states: dict[ObjectKey, ReconcileState] = {}

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Reconcile once. Returns the seconds until the next, None when nothing is left to do.

        Raises:
            StaleObject: the object changed meanwhile; reconcile again.
            KubernetesError: the API server refused or did not answer.
        """
        body = await self._services.kube.get(key)
        selected = self._services.config.selected
        if body is None or not selected(body["metadata"].get("labels") or {}):
            # Gone, or another installation's by its labels.
            self._states.pop(key, None)
            self._rollout.forget(key)
            self._services.metrics.pipelines.delete(key)
            return None
        try:
            return await self._reconcile_live(key, body)
        except (StaleObject, Fenced, KubernetesError):
            raise
        except InvalidSpec as error:
            await self._report_failure(body, Reason.INVALID, f"{error}; update both together")
            return _UNREADABLE_SECONDS
        except Exception as error:
            await self._report_defect(key, error)
            raise

    async def _reconcile_live(self, key: ObjectKey, body: Mapping[str, Any]) -> float | None:
        """Reconcile an object that exists, if it is this installation's to work on."""
        claimed = await self._installation_ownership.claim(parse(key, body))
        if isinstance(claimed, float):
            self._rollout.forget(key)
            return claimed
        state = self._state_of(claimed)
        # A pipeline that fails again and again waits with the resyncs: priority does not help it.
        is_edit = not statuses.is_up_to_date(body) and not state.generation.failures
        context = call_context.CallContext(
            f"{key.namespace}/{key.name}", is_edit=is_edit, at_once=self._calls_at_once
        )
        with call_context.running(context):
            return await self._reconcile(claimed, state)

    async def _reconcile(self, obj: PipelineObject, state: ReconcileState) -> float | None:
        if obj.deleting:
            self._rollout.forget(obj.key)
            if obj.guarded:
                return await self._finalizer.finalize(obj, state)
            self._states.pop(obj.key, None)
            return None
        self._rollout.release(obj)
        config = self._services.config
        blocker = first_blocker(APPLY_CHECKS, obj, config) or await self._one_too_many(obj)
        if blocker is not None:
            return await self._give_up(obj, state, blocker)
        identity = await identify(
            obj, self._services.session(obj, region_of(obj, config)), expected=config.account
        )
        if isinstance(identity, Blocker):
            return await self._give_up(obj, state, identity)
        blocker = await self._name_conflict(obj, identity)
        if blocker is not None:
            return min(await self._give_up(obj, state, blocker), name_conflicts.RECHECK_SECONDS)
        state.generation.blocker_reason = ""
        effective = effective_of(obj, identity, config)
        if self._only_scaling_is_due(obj, state):
            return await self._scale(obj, state, effective)
        if not self._rollout.may_go(obj, self._shipped):
            return rollout.ASK_AGAIN
        state.generation.reconcile_due = 0.0
        delay = await self._apply.apply(obj, state, effective)
        if not autoscaling.scales(obj):
            return delay
        state.generation.reconcile_due = self._clock() + delay
        return min(delay, max(0.0, state.object.scaling_due - self._clock()))

    async def _report_defect(self, key: ObjectKey, error: Exception) -> None:
        """Show an unexpected error on the object; the worker logs it with its traceback.

        The object is read again: the reconcile may have written its status before the error.
        """
        message = f"unexpected {type(error).__name__}; the operator's log has the details"
        try:
            body = await self._services.kube.get(key)
            if body is not None:
                await self._report_failure(body, Reason.INTERNAL_ERROR, message)
        except (StaleObject, KubernetesError) as refused:
            log.warning("unexpected error not reported on the object", why=str(refused))

    async def _report_failure(self, body: Mapping[str, Any], reason: Reason, message: str) -> None:
        """Change the conditions of a stored status, unless another installation writes it."""
        effective = (body.get("status") or {}).get("effective") or {}
        if effective.get("instance") in {None, "", self._services.config.instance}:
            await self._status_writer.write_failure(body, Blocker(reason, message))

    async def _give_up(self, obj: PipelineObject, state: ReconcileState, blocker: Blocker) -> float:
        """Report what keeps the reconcile from happening, and try again later."""
        blocker = await self._status_writer.write_blocker(obj, state, blocker)
        return self._status_writer.no_later_than_stall(self._requeue.backoff(state), [blocker])

    def _state_of(self, obj: PipelineObject) -> ReconcileState:
        uid, generation = obj.metadata["uid"], obj.generation
        known = self._states.get(obj.key)
        if known is None or known.uid != uid:
            history = StreamHistory(now=self._services.now)
            known = ReconcileState(uid, GenerationState(generation), ObjectState(history))
            self._states[obj.key] = known
        known.enter(generation)
        known.object.history.learn(obj.status.resizes, obj.status.mode_switches)
        return known

    async def _one_too_many(self, obj: PipelineObject) -> Blocker | None:
        """The ceiling on pipelines of the namespace, for one that has not begun."""
        config, namespace = self._services.config, obj.key.namespace
        grants = config.grants(namespace)
        if obj.status.effective is not None or not grants.counts_pipelines:
            return None
        bodies = await self._services.kube.list_pipelines((namespace,))
        mine = (obj.metadata["creationTimestamp"], obj.key.name)
        metadata = [body["metadata"] for body in bodies]
        older = sum((one["creationTimestamp"], one["name"]) < mine for one in metadata)
        refused = grants.too_many(older)
        return Blocker(Reason.NOT_ALLOWED, refused) if refused else None

    async def _name_conflict(self, obj: PipelineObject, identity: CallerIdentity) -> Blocker | None:
        """An older pipeline that has a name of this one; asked until this one uses its names."""
        if not name_conflicts.may_conflict(obj):
            return None
        config = self._services.config
        bodies = await self._services.kube.list_pipelines(config.namespaces)
        others = name_conflicts.competing_claims(obj, bodies, identity, config)
        claim = name_conflicts.claim_of(obj, identity, config)
        return name_conflicts.conflict_with(claim, others) or chosen_names_are_free(obj, config)

    # -- autoscaling ---------------------------------------------------------------------------

    def _only_scaling_is_due(self, obj: PipelineObject, state: ReconcileState) -> bool:
        if is_requested(obj) or not autoscaling.scales(obj):
            return False
        return self._clock() < state.generation.reconcile_due

    async def _scale(
        self, obj: PipelineObject, state: ReconcileState, effective: Effective
    ) -> float:
        """Fit the stream to its load; the other resources wait until their own time."""
        spec, lasting, current = obj.spec.stream.autoscaling, state.object, state.generation
        if spec is not None and self._clock() >= lasting.scaling_due:
            lasting.scaling_due = self._clock() + autoscaling.EVERY_SECONDS
            calls = self._services.calls(obj, effective.region)
            stream = pipeline.build_stream(
                build_context(obj, effective, calls, lasting.history, self._services.config)
            )
            entry = statuses.inventory(obj.status)[components.STREAM]
            scaling = await autoscaling.scale(
                stream, spec, entry, calls=calls, history=lasting.history
            )
            event = autoscaling.event(scaling, current.scaling_blocker)
            current.scaling_blocker = scaling.blocker
            if scaling.done is not None:
                seen = dict(lasting.observations)
                seen.pop(components.STREAM, None)
                lasting.observations = seen
            if event is not None:
                await self._services.recorder.record(obj.body, event)
            await tell_refused(self._services, obj, lasting.history.mute)
            await self._status_writer.store(
                obj, autoscaling.shown(obj.status, scaling, lasting.history)
            )
        return max(0.0, min(lasting.scaling_due, current.reconcile_due) - self._clock())
