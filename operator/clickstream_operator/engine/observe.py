"""Observations at the start of a run: all resources concurrently, then tags that may differ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine.desired import tag_difference
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.resource import TAGS, Observed, Properties, Resource

#: Tags by ARN, of those among the ARNs given that AWS's index of tags has.
TagIndex = Callable[[Collection[str]], Awaitable[Mapping[str, Mapping[str, str]]]]


@dataclass(slots=True)
class Observation:
    """Result of one observation."""

    observed: Observed | None = None
    """None when AWS does not have the resource, when it was not observed, and after an error."""
    error: Exception | None = None
    full: bool = False
    """Whether it shows every property, or that AWS does not have the resource."""


def completed(seen: Observed, known: Properties) -> Observed:
    """The observation of a new resource, with known properties where it has none."""
    return replace(seen, properties={**known, **seen.properties})


class Observer:
    """Observes the resources of one run."""

    untagged_in_index: frozenset[str]
    """Resources whose tags a full observation did not show."""

    def __init__(
        self, resources: Iterable[Resource], start: ReconcileInput, *, tag_index: TagIndex | None
    ) -> None:
        self._resources = tuple(resources)
        self._start = start
        self._tag_index = tag_index
        self._by_name: dict[str, Observation] = {}
        self._unobserved: set[str] = set()
        self.untagged_in_index = frozenset()

    @property
    def unobserved(self) -> frozenset[str]:
        """Resources that could not be observed in full; a fast observation is no substitute."""
        return frozenset(self._unobserved)

    def __getitem__(self, name: str) -> Observation:
        return self._by_name[name]

    async def observe_all(self) -> Mapping[str, Observed]:
        """Observe all. Returns those that exist; an error is kept for the resource's turn."""
        await asyncio.gather(*(self._observe(resource) for resource in self._resources))
        await self._observe_tags()
        return {
            name: observation.observed
            for name, observation in self._by_name.items()
            if observation.observed is not None
        }

    async def _observe(self, resource: Resource) -> None:
        observation = self._by_name[resource.name] = Observation()
        if resource.name in self._start.deferred:
            return
        entry = self._start.entry(resource)
        creating = self._start.creating.get(resource.name)
        if resource.name in self._start.known:
            observation.observed = self._start.known[resource.name]
            return
        # In a conflict the name is taken: only an observation shows when it is free.
        untried = entry.never_written and entry.reason != Reason.OWNERSHIP_CONFLICT
        chosen = resource.name in self._start.chosen_names
        first = resource.create_first and untried and not self._start.policy.read_only
        # A chosen name may be somebody's: it is judged before anything is made.
        first = first and not chosen
        if first or resource.observe_late:
            return
        # Drift, and fields that could not be read, may be among those that a fast one lacks.
        unobserved = resource.name in self._start.unobserved
        unknown = creating is None and not entry.applied_hash
        full = self._start.full or unknown or bool(entry.drift) or unobserved
        try:
            observation.observed = await resource.observe(full=full)
            observation.full = full
            if creating and observation.observed:
                observation.observed = completed(observation.observed, creating.properties)
        except Exception as error:  # noqa: BLE001 - raised again in the resource's turn
            observation.error = error
            if full:
                self._unobserved.add(resource.name)

    async def _observe_tags(self) -> None:
        """Read tags where they may have changed.

        A call for each resource would double the cost of a full observation, so AWS's index of tags
        is read once for all. It lags: a difference that it shows is confirmed by the resource's own
        call. Resources that it lacks are read by their own call in the next resync.
        """
        unread = {
            resource.name: resource
            for resource in self._resources
            if resource.taggable and self._is_known(resource)
        }
        suspects = {
            name
            for name in unread
            if name in self._start.untagged_in_index | self._start.unobserved
            or any(one.field == TAGS for one in self._start.inventory[name].drift)
        }
        if self._start.full and self._tag_index is not None:
            by_arn = {
                self._start.inventory[name].arn: resource
                for name, resource in unread.items()
                if resource.indexed and name not in suspects
            }
            found = await self._tag_index(by_arn)
            suspects |= {
                resource.name
                for arn, resource in by_arn.items()
                if arn in found
                and tag_difference(resource.tags, resource.obsolete_tags, found[arn])
            }
            indexed = {by_arn[arn].name for arn in found}
            self.untagged_in_index = frozenset(unread.keys() - suspects - indexed)
        await asyncio.gather(*(self._observe_tags_of(unread[name]) for name in sorted(suspects)))

    def _is_known(self, resource: Resource) -> bool:
        """Whether it exists, is on record as applied, and was observed without its tags."""
        entry = self._start.entry(resource)
        observation = self._by_name[resource.name]
        observed = observation.observed
        return (
            observed is not None
            and observed.tags is None
            and bool(entry.applied_hash)
            and entry.arn == observed.arn
        )

    async def _observe_tags_of(self, resource: Resource) -> None:
        observation = self._by_name[resource.name]
        if observation.observed is None:
            raise RuntimeError("tags are read of a resource that was observed")
        try:
            tags = await resource.read_tags(observation.observed)
        except Exception as error:  # noqa: BLE001 - raised again in the resource's turn
            observation.error = error
            self._unobserved.add(resource.name)
        else:
            observation.observed = replace(observation.observed, tags=tags)
