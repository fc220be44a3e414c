"""The looks that a pass begins with: at all resources at once, and at the tags that may differ."""

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
    """An observation, or why there is none."""

    observed: Observed | None = None
    error: Exception | None = None


def completed(seen: Observed, known: Properties) -> Observed:
    """A look, with what is known of a new thing and was not looked at."""
    return replace(seen, properties={**known, **seen.properties})


class Observer:
    """Looks at the resources of one pass.

    `untagged_in_index`: what a full look did not learn the tags of.
    """

    def __init__(
        self, resources: Iterable[Resource], start: ReconcileInput, *, tag_index: TagIndex | None
    ) -> None:
        self._resources = tuple(resources)
        self._start = start
        self._tag_index = tag_index
        self._by_name: dict[str, Observation] = {}
        self._unobserved: set[str] = set()
        self.untagged_in_index: frozenset[str] = frozenset()

    @property
    def unobserved(self) -> frozenset[str]:
        """What could not be looked at in full: a look at less would seem to be all of it."""
        return frozenset(self._unobserved)

    def __getitem__(self, name: str) -> Observation:
        return self._by_name[name]

    async def observe_all(self) -> Mapping[str, Observed]:
        """Look at all. Returns what was seen; what was not keeps its error for its turn."""
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
        # In a conflict the name is taken: looking, not trying, finds out when it is free.
        untried = entry.never_written and entry.reason != Reason.OWNERSHIP_CONFLICT
        first = resource.create_first and untried and not self._start.policy.read_only
        if first or resource.observe_late:
            return
        # What differs, and what could not be read, can be in what a hot look leaves out.
        unobserved = resource.name in self._start.unobserved
        unknown = creating is None and not entry.applied_hash
        full = self._start.full or unknown or bool(entry.drift) or unobserved
        try:
            observation.observed = await resource.observe(full=full)
            if creating and observation.observed:
                observation.observed = completed(observation.observed, creating.properties)
        except Exception as error:  # noqa: BLE001 - raised again in the resource's turn
            observation.error = error
            if full:
                self._unobserved.add(resource.name)

    async def _observe_tags(self) -> None:
        """Read the tags of what they may have changed on.

        A call for each kind would double the cost of a full look, so AWS's index of tags is asked,
        once for all. It lags: what it shows to differ is believed when the thing's own call says
        so. What it does not have is asked by its own call in the resync that follows.
        """
        unobservable = {
            resource.name: resource
            for resource in self._resources
            if resource.taggable and self._is_known(resource)
        }
        suspects = {
            name
            for name in unobservable
            if name in self._start.untagged_in_index | self._start.unobserved
            or any(one.field == TAGS for one in self._start.inventory[name].drift)
        }
        if self._start.full and self._tag_index is not None:
            by_arn = {
                self._start.inventory[name].arn: resource
                for name, resource in unobservable.items()
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
            self.untagged_in_index = frozenset(unobservable.keys() - suspects - indexed)
        await asyncio.gather(
            *(self._observe_tags_of(unobservable[name]) for name in sorted(suspects))
        )

    def _is_known(self, resource: Resource) -> bool:
        """Whether it is there, was made by us, and its look did not bring its tags."""
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
            raise RuntimeError("tags are read of what was seen")
        try:
            tags = await resource.read_tags(observation.observed)
        except Exception as error:  # noqa: BLE001 - raised again in the resource's turn
            observation.error = error
            self._unobserved.add(resource.name)
        else:
            observation.observed = replace(observation.observed, tags=tags)
