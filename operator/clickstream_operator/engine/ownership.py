"""Owner of a resource, by inventory, tags and time. Pure."""

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
    """Owner of an observed resource, as this pipeline sees it."""

    OURS = "ours"
    ADOPTED = "adopted"
    """Ours, and it existed before the pipeline."""
    ADOPTABLE = "adoptable"
    """Without an owner, and the policy lets the pipeline adopt it."""
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
    """Owner of the observed resource. `found_tags` None: not read.

    Ours is a resource with the ARN in the inventory; with our cluster, namespace and pipeline in
    its tags; of a kind without tags (its parent's ownership was checked first); or without an
    owner, if it was created after `intended_since`, when its name, which no other pipeline derives,
    was already on record.
    """
    if entry is not None and entry.arn and entry.arn == observed.arn:
        return Ownership.ADOPTED if entry.origin is Origin.ADOPTED else Ownership.OURS
    if not (resource.taggable and resource.owned_by_tags):
        return Ownership.OURS
    found = found_tags or {}
    if ownership.same_owner(resource.tags, found):
        # Created by an earlier object of this name, and retained: Never forbids to adopt it.
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
        and policy.may_adopt(resource.physical_name)
        and not ownership.has_owner(found)
    ):
        return Ownership.ADOPTABLE
    return Ownership.FOREIGN


def refusal(resource: Resource, observed: Observed, policy: Policy) -> str:
    """Why a resource of another owner is left alone, and what to do about it."""
    name = f"{resource.kind} {resource.physical_name}"
    tags = observed.tags or {}
    owner = ownership.owner_in_words(tags)
    if ownership.same_owner(resource.tags, tags):
        message = (
            f"{name} is what an earlier pipeline of this name retained, and spec.adoptionPolicy "
            "is Never; set it to Retained, or remove the resource"
        )
    elif owner:
        message = (
            f"{name} belongs to {owner}; delete that pipeline and what it retained, or choose "
            "another name"
        )
    else:
        message = (
            f"{name} exists and is not this pipeline's; remove it, or {_adopt(resource, policy)}"
        )
    return message


def _adopt(resource: Resource, policy: Policy) -> str:
    """Remedies that would let a resource without an owner be adopted."""
    missing = []
    if policy.adoption is not AdoptionPolicy.ALWAYS:
        missing.append("set spec.adoptionPolicy to Always")
    if not policy.may_adopt(resource.physical_name):
        missing.append(
            "list the name in tenants[].adopt for this namespace (the operator's administrator "
            "sets it)"
        )
    return " and ".join(missing)
