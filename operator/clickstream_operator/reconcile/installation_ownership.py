"""Ownership of a pipeline between installations of the operator that can all see it.

Replicas of one installation share a Lease and elect one. Another installation has a Lease of its
own and would work on the same pipeline. The status names the installation that works on it; whoever
meets a foreign name reads that installation's Lease and keeps away while it is renewed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from clickstream_operator import status as statuses
from clickstream_operator.api import conditions as types
from clickstream_operator.api.conditions import ConditionSet
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.kube.client import KubernetesRefusal
from clickstream_operator.kube.events import Event
from clickstream_operator.kube.lease import LeaseObservation
from clickstream_operator.kube.objects import PipelineObject, parse
from clickstream_operator.reconcile.services import Services
from clickstream_operator.status.result import timestamp

#: A Lease that nobody renewed for so long belongs to nobody: four times its usual duration, so that
#: an update of the other installation does not lose it its pipelines.
FREE_AFTER_SECONDS: Final = 60.0
#: The same for a Lease that its holder gave back at its end: five times what a replica that stands
#: by needs to take it, so that again an update loses nothing.
FREE_AFTER_RELEASE_SECONDS: Final = 10.0
#: Until a pipeline of another installation that works is reconciled again.
_AGAIN_SECONDS: Final = 30.0
#: How long an answer about a Lease serves the other pipelines.
_REMEMBERED_SECONDS: Final = 5.0


@dataclass(slots=True)
class _Sighting:
    """Last observation of an installation, with its time."""

    sight: LeaseObservation | None
    at: float
    unobservable: str = ""


class _State(Enum):
    """Activity of an installation; in doubt it works."""

    WORKS = "works"
    LEAVES = "leaves"
    GONE = "gone"


class InstallationOwnership:
    """Decides whether this installation (``<namespace>/<name>`` of its Lease) may work."""

    def __init__(self, services: Services) -> None:
        self._kube = services.kube
        self._recorder = services.recorder
        self._own = services.config.instance
        self._clock = services.clock
        self._now = services.now
        self._sightings: dict[str, _Sighting] = {}

    async def claim(self, obj: PipelineObject) -> PipelineObject | float:
        """The pipeline, if it is ours to work on; else the seconds until it may have become ours.

        Raises:
            StaleObject: the object changed meanwhile.
            KubernetesError: the API server did not answer.
        """
        effective = obj.status.effective
        if effective is None or not effective.instance:
            return obj
        if effective.instance == self._own:
            contender = obj.status.contender
            if contender and await self._state(contender) is _State.GONE:
                return await self._settle(obj, effective)
            return obj
        state = await self._state(effective.instance)
        if state is _State.GONE:
            return await self._settle(obj, effective)
        if state is _State.LEAVES:
            return FREE_AFTER_RELEASE_SECONDS
        await self._keep_away(obj, effective.instance)
        return _AGAIN_SECONDS

    async def _state(self, instance: str) -> _State:
        namespace, _, name = instance.rpartition("/")
        if not namespace:
            # The name that a version without a Lease recorded.
            return _State.GONE
        sighting = await self._observe(instance, namespace, name)
        if sighting.unobservable:
            return _State.WORKS
        if sighting.sight is None:
            return _State.GONE
        silent = sighting.sight.unchanged_for(sighting.at)
        if sighting.sight.lease.holder:
            return _State.GONE if silent >= FREE_AFTER_SECONDS else _State.WORKS
        return _State.GONE if silent >= FREE_AFTER_RELEASE_SECONDS else _State.LEAVES

    async def _observe(self, instance: str, namespace: str, name: str) -> _Sighting:
        before, now = self._sightings.get(instance), self._clock()
        if before is not None and now - before.at < _REMEMBERED_SECONDS:
            return before
        sight = before.sight if before is not None else None
        try:
            lease = await self._kube.lease(namespace, name)
        except KubernetesRefusal as error:
            sighting = _Sighting(sight, now, unobservable=str(error))
        else:
            sighting = _Sighting(
                None if lease is None else LeaseObservation.of(lease, sight, now=now), now
            )
        self._sightings[instance] = sighting
        return sighting

    async def _keep_away(self, obj: PipelineObject, instance: str) -> None:
        """Say on the object, once, why nothing is done; all else in the status is the other's."""
        unobservable = self._sightings[instance].unobservable
        if unobservable:
            state = (
                f"whether it still runs can't be seen: {unobservable}. Allow {self._own} to get "
                f"leases in namespace {instance.partition('/')[0]}, or remove "
                "status.effective.instance"
            )
        else:
            state = "it runs. Let only one of them watch this namespace, or end one"
        message = (
            f"the installation {instance} works on this pipeline, so {self._own} writes nothing; "
            f"{state}"
        )
        status = obj.status
        known = types.by_type(status.conditions).get(types.ANOTHER_OPERATOR)
        if known is not None and known.message == message and status.contender == self._own:
            return
        conditions = ConditionSet(
            status.conditions,
            generation=obj.generation,
            now=timestamp(self._now()),
        )
        conditions.set(types.ANOTHER_OPERATOR, "True", Reason.ANOTHER_OPERATOR, message)
        told = status.model_copy(
            update={"conditions": conditions.as_list(), "contender": self._own}
        )
        await self._recorder.record(
            obj.body, Event("Warning", Reason.ANOTHER_OPERATOR, message, types.ANOTHER_OPERATOR)
        )
        await self._kube.write_status(obj.body, statuses.as_body(told))

    async def _settle(self, obj: PipelineObject, effective: Effective) -> PipelineObject:
        """Record that the pipeline is ours alone, before anything is written to AWS."""
        conditions = [c for c in obj.status.conditions if c.type != types.ANOTHER_OPERATOR]
        settled = obj.status.model_copy(
            update={
                "conditions": conditions,
                "contender": "",
                "effective": effective.model_copy(update={"instance": self._own}),
            }
        )
        body = await self._kube.write_status(obj.body, statuses.as_body(settled))
        return parse(obj.key, body)
