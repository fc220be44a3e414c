"""What a pass of the engine starts from, and whose a resource is by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from clickstream_operator.engine.inventory import Entry, Origin
from clickstream_operator.engine.outcome import Outcome
from clickstream_operator.engine.ownership import Ownership, ownership_of
from clickstream_operator.engine.plan import Policy
from clickstream_operator.engine.propagation import Unshown
from clickstream_operator.engine.resource import Observed, Resource


@dataclass(frozen=True, slots=True)
class PassInput:
    """What a pass starts from.

    `full`: look at everything, not only at what changes often. `intended_since`: since when the
    derived names are on record; `chosen_names`: the resources whose names a person chose. `known`:
    fresh observations that need no new read. `carried`: outcomes of what AWS is at work on and is
    not to be looked at yet. `begun`: what this process created and AWS was last seen at work on;
    what such a thing began with is known. `corrections`: drift corrections in a row so far.
    `unindexed`: the resources whose tags the last full look did not see. `unread`: those that the
    last pass could not look at in full. `unshown`: changes that AWS accepted and did not show at
    the last look. `moment`: monotonic seconds, as in those.
    """

    inventory: Mapping[str, Entry]
    policy: Policy = field(default_factory=Policy)
    full: bool = False
    intended_since: datetime | None = None
    chosen_names: frozenset[str] = frozenset()
    known: Mapping[str, Observed] = field(default_factory=dict)
    corrections: Mapping[str, int] = field(default_factory=dict)
    unindexed: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    carried: Mapping[str, Outcome] = field(default_factory=dict)
    begun: Mapping[str, Observed] = field(default_factory=dict)
    unshown: Mapping[str, Unshown] = field(default_factory=dict)
    moment: float = 0.0

    def entry(self, resource: Resource) -> Entry:
        """The resource in the inventory; an intent when the inventory does not have it."""
        return self.inventory.get(resource.name) or Entry(
            name=resource.name, kind=resource.kind, physical_name=resource.physical_name
        )

    async def owner_of(self, resource: Resource, observed: Observed) -> tuple[Ownership, Observed]:
        """Whose an observed resource is, and the observation with what had to be read for that.

        Reads the tags only when nothing else tells.
        """
        entry = self.entry(resource)
        # Taken over in the status only, as in a suspended pipeline: its tags are still to come.
        tagged = entry.origin is Origin.CREATED or bool(entry.applied_hash)
        known = bool(entry.arn) and entry.arn == observed.arn and tagged
        unread = observed.tags is None and resource.taggable and resource.owned_by_tags
        if unread and not known:
            observed = replace(observed, tags=await resource.read_tags(observed))
        since = None if resource.name in self.chosen_names else self.intended_since
        owner = ownership_of(
            resource, observed, entry, observed.tags, policy=self.policy, intended_since=since
        )
        return owner, observed
