"""Inputs of a run of the engine, and the owner of a resource as they tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Entry, Origin
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.ownership import Evidence, Ownership, ownership_of
from clickstream_operator.engine.plan import Policy
from clickstream_operator.engine.propagation import PropagationDelay
from clickstream_operator.engine.resource import Observed, Resource


@dataclass(frozen=True, slots=True)
class ReconcileInput:
    """Inputs of one run of the engine."""

    inventory: Mapping[str, Entry]
    """Resources on record in the status, by name."""
    policy: Policy = field(default_factory=Policy)
    full: bool = False
    """Observe everything, not only what changes often."""
    intended_since: datetime | None = None
    """Since when the derived names are on record."""
    chosen_names: frozenset[str] = frozenset()
    """Resources whose physical names the spec gives."""
    object_created: datetime | None = None
    """Creation of the pipeline's object."""
    proven: Mapping[str, str] = field(default_factory=dict)
    """ARNs of resources whose owner this process has seen in their tags, or that it created."""
    known: Mapping[str, Observed] = field(default_factory=dict)
    """Fresh observations that need no new read."""
    corrections: Mapping[str, int] = field(default_factory=dict)
    """Drift corrections on record of the field that was corrected most often, by resource."""
    untagged_in_index: frozenset[str] = frozenset()
    """Resources whose tags the last full observation did not see."""
    unobserved: frozenset[str] = frozenset()
    """Resources that the last reconcile could not observe in full."""
    deferred: Mapping[str, Outcome] = field(default_factory=dict)
    """Outcomes of resources that AWS is at work on and whose next poll is not due."""
    creating: Mapping[str, Observed] = field(default_factory=dict)
    """Resources that this process created and AWS was last seen at work on."""
    propagating: Mapping[str, PropagationDelay] = field(default_factory=dict)
    """Changes that AWS accepted and did not show at the last observation."""
    never_tried: frozenset[str] = frozenset()
    """Resources on record that this process, which has known the pipeline from its beginning, never
    asked AWS to create."""
    moment: float = 0.0
    """Now, in monotonic seconds, as in `propagating`."""

    def entry(self, resource: Resource) -> Entry:
        """The resource in the inventory; an intent when the inventory does not have it."""
        return self.inventory.get(resource.name) or Entry(
            name=resource.name, kind=resource.kind, physical_name=resource.physical_name
        )

    def may_exist(self, resource: Resource) -> bool:
        """Whether the pipeline may have created it: it is on record, and not as refused."""
        entry = self.inventory.get(resource.name)
        return entry is not None and entry.may_exist and resource.name not in self.never_tried

    async def owner_of(self, resource: Resource, observed: Observed) -> tuple[Ownership, Observed]:
        """The owner of an observed resource, and the observation with the tags if they were read.

        Reads the tags only when nothing else tells the owner.
        """
        entry = self.entry(resource)
        # Adopted in the status only, as in a suspended pipeline: it does not carry our tags yet.
        tagged = entry.origin is Origin.CREATED or bool(entry.applied_hash)
        known = bool(entry.arn) and entry.arn == observed.arn and tagged
        unobserved = observed.tags is None and resource.taggable and resource.owned_by_tags
        if unobserved and not known:
            observed = replace(observed, tags=await resource.read_tags(observed))
        chosen = resource.name in self.chosen_names
        evidence = Evidence(
            chosen=chosen,
            object_created=self.object_created,
            proven=self.proven.get(resource.name) == observed.arn,
            data_since=await self._data_since(resource, observed),
        )
        owner = ownership_of(
            resource,
            observed,
            entry,
            observed.tags,
            policy=self.policy,
            intended_since=None if chosen else self.intended_since,
            evidence=evidence,
        )
        return owner, observed

    def is_unproven(self, resource: Resource, observed: Observed) -> bool:
        """Whether only the record, which may be forged or restored, tells the owner so far."""
        tagged = resource.taggable and resource.owned_by_tags
        return tagged and observed.tags is None and self.proven.get(resource.name) != observed.arn

    async def _data_since(self, resource: Resource, observed: Observed) -> datetime | None:
        """Since when a resource of an earlier object of the name has held data."""
        found = observed.tags or {}
        earlier = ownership.same_owner(resource.tags, found) and (
            found.get(ownership.UID) != resource.tags.get(ownership.UID)
        )
        if self.policy.namespace_since is None or not earlier:
            return None
        return await resource.data_since(observed)
