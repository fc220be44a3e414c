"""Owner of a resource, by inventory, tags and time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Creation, Entry, Origin
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """Further evidence of an owner, beside inventory and tags."""

    chosen: bool = False
    """Whether the spec chose the name, so that it proves nothing."""
    object_created: datetime | None = None
    """Creation of the pipeline's object."""
    proven: bool = False
    """Whether this process saw the owner's tags on it, or created it."""
    data_since: datetime | None = None
    """Since when it has held data."""


def ownership_of(
    resource: Resource,
    observed: Observed,
    entry: Entry | None,
    found_tags: Mapping[str, str] | None,
    *,
    policy: Policy,
    intended_since: datetime | None = None,
    evidence: Evidence = Evidence(),
) -> Ownership:
    """Owner of the observed resource. `found_tags` None: not read.

    Tags decide: ours are our cluster, namespace and pipeline, unless data in it is older than the
    namespace. Tags that name somebody else beat every record. Without them ours is a resource of a
    kind without tags (its parent's ownership was checked first); with the ARN in the inventory,
    which is input and proves a chosen name only together with other evidence; or created after
    `intended_since`, when its name, which no other pipeline derives, was already on record.
    """
    recorded = entry is not None and bool(entry.arn) and entry.arn == observed.arn
    on_record = Ownership.OURS
    if entry is not None and entry.origin is Origin.ADOPTED:
        on_record = Ownership.ADOPTED
    if not (resource.taggable and resource.owned_by_tags):
        found_first = entry is None or (entry.never_written and entry.creation is Creation.UNKNOWN)
        return Ownership.ADOPTED if resource.adopts_found and found_first else on_record
    if found_tags is None and recorded:
        return on_record
    found = found_tags or {}
    if ownership.same_owner(resource.tags, found):
        # Created by an earlier object of this name, and retained: Never forbids to adopt it.
        leftover = found.get(ownership.UID) != resource.tags.get(ownership.UID)
        never = policy.adoption is AdoptionPolicy.NEVER and not recorded
        if leftover and (never or is_of_an_earlier_namespace(policy, evidence.data_since)):
            return Ownership.FOREIGN
        if recorded:
            return on_record
        return Ownership.ADOPTED if ownership.is_adopted(found) else Ownership.OURS
    if recorded and not ownership.names_another(resource.tags, found):
        if _is_proven(resource, observed, policy=policy, evidence=evidence):
            return on_record
        return Ownership.FOREIGN
    if ownership.has_owner(found):
        return Ownership.FOREIGN
    intended = entry is not None and _is_since(observed.created_at, intended_since)
    if intended:
        return Ownership.OURS
    if policy.adoption is AdoptionPolicy.ALWAYS and policy.may_adopt(resource.physical_name):
        return Ownership.ADOPTABLE
    return Ownership.FOREIGN


def is_of_an_earlier_namespace(policy: Policy, data_since: datetime | None) -> bool:
    """Whether data is older than the namespace, which was made anew under the same name."""
    since = policy.namespace_since
    return since is not None and data_since is not None and data_since < since


def _is_proven(
    resource: Resource, observed: Observed, *, policy: Policy, evidence: Evidence
) -> bool:
    """Whether an untagged resource with its ARN on record is ours, and its tags are repaired.

    A derived name is nobody else's. A chosen one needs more: a status may be forged or restored.
    """
    return (
        not evidence.chosen
        or evidence.proven
        or _is_since(observed.created_at, evidence.object_created)
        or policy.may_adopt(resource.physical_name)
    )


def _is_since(moment: datetime | None, start: datetime | None) -> bool:
    return moment is not None and start is not None and moment >= start


def refusal(resource: Resource, observed: Observed, policy: Policy) -> str:
    """Why a resource of another owner is left alone, and what to do about it."""
    name = f"{resource.kind} {resource.physical_name}"
    tags = observed.tags or {}
    if ownership.same_owner(resource.tags, tags):
        if policy.adoption is AdoptionPolicy.NEVER:
            return (
                f"{name} is what an earlier pipeline of this name retained, and "
                "spec.adoptionPolicy is Never; set it to Retained, or remove the resource"
            )
        return (
            f"{name} holds data of an earlier namespace {tags[ownership.NAMESPACE]}, which this "
            "one does not inherit; remove it, or have tenants[].inheritData set to true for the "
            "namespace (the operator's administrator sets it)"
        )
    if ownership.names_another(resource.tags, tags):
        return f"{name} {_belongs(resource, tags)}, or choose another name"
    return f"{name} exists and is not this pipeline's; remove it, or {_adopt(resource, policy)}"


def _belongs(resource: Resource, found: Mapping[str, str]) -> str:
    """The owner and the remedy; other namespaces are named in the operator's log alone."""
    here = (ownership.CLUSTER, ownership.NAMESPACE)
    owner = ownership.owner_in_words(found)
    if owner and all(found[key] == resource.tags.get(key) for key in here):
        return f"belongs to {owner}; delete that pipeline and what it retained"
    return "belongs to somebody else; have it removed"


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
