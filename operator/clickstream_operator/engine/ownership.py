"""Whose a resource is, by inventory, tags and time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Entry, Origin
from clickstream_operator.engine.plan import AdoptionPolicy, Policy
from clickstream_operator.engine.resource import (
    Observed,
    Resource,
)


class Ownership(StrEnum):
    """Whose an observed resource is. ADOPTED: ours, and it was there before the pipeline."""

    OURS = "ours"
    ADOPTED = "adopted"
    ADOPTABLE = "adoptable"
    FOREIGN = "foreign"


def ownership_of(
    resource: Resource,
    observed: Observed,
    entry: Entry | None,
    found_tags: Mapping[str, str] | None,
    *,
    policy: Policy,
    intended_since: datetime | None = None,
) -> Ownership:
    """Whose the observed resource is. `found_tags` None: not read.

    Ours: the inventory's ARN; the same cluster, namespace and pipeline in its tags; a kind without
    tags (its parent's ownership was checked first); or no owner and created after `intended_since`,
    when its name, which nobody else derives, had been recorded as about to be created.
    """
    if entry is not None and entry.arn and entry.arn == observed.arn:
        return Ownership.ADOPTED if entry.origin is Origin.ADOPTED else Ownership.OURS
    if not (resource.taggable and resource.owned_by_tags):
        return Ownership.OURS
    found = found_tags or {}
    if ownership.same_owner(resource.tags, found):
        # Made by an earlier object of this name: a leftover, which Never forbids to take back.
        leftover = found.get(ownership.UID) != resource.tags.get(ownership.UID)
        never = policy.adoption is AdoptionPolicy.NEVER and leftover
        if never:
            return Ownership.FOREIGN
        return Ownership.ADOPTED if ownership.is_adopted(found) else Ownership.OURS
    intended = (
        entry is not None
        and intended_since is not None
        and observed.created_at is not None
        and observed.created_at >= intended_since
    )
    if intended and not ownership.has_owner(found):
        return Ownership.OURS
    if (
        policy.adoption is AdoptionPolicy.ALWAYS
        and policy.adopt_without_owner
        and not ownership.has_owner(found)
    ):
        return Ownership.ADOPTABLE
    return Ownership.FOREIGN
