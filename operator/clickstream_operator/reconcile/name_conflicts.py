"""Two pipelines that claim one physical name: which of them may have it. Pure.

Derived names never meet. Names that `spec.names` gives may be another pipeline's, given or derived.
AWS's tags protect what exists; this decides before anything does, so that the older one wins and
not the quicker one. A derived name beats a given one, whatever the age.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.kube.objects import InvalidSpec, ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.location import effective_of
from clickstream_operator.status.result import Blocker

#: Seconds until a younger pipeline checks again whether the name is free.
RECHECK_SECONDS: Final = 60.0

_TABLES: Final = (components.PAGE_METRICS, components.SESSION_METRICS, components.COUNTERS)
_FIELDS: Final = {
    components.STREAM: "spec.names.stream",
    components.ARCHIVE: "spec.names.archiveBucket",
    components.PAGE_METRICS: "spec.names.pageMetricsTable",
    components.SESSION_METRICS: "spec.names.sessionMetricsTable",
    components.COUNTERS: "spec.names.countersTable",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """Identity and names of a pipeline. `recorded`: its names are in its status."""

    key: ObjectKey
    created_at: datetime
    effective: Effective
    recorded: bool

    @property
    def rank(self) -> tuple[datetime, bool, str, str]:
        """The lower one has the right to a name."""
        return (self.created_at, not self.recorded, self.key.namespace, self.key.name)


def may_conflict(obj: PipelineObject) -> bool:
    """Whether another pipeline may have a name of this one, which has not begun to use it."""
    creating = any(one.arn or one.applied_hash for one in obj.status.resources)
    return bool(names.chosen(obj.spec)) and not creating


def conflict_with(claim: Claim, others: Iterable[Claim]) -> Blocker | None:
    """Why a pipeline must not have its names: its own clash, or an older pipeline's claim."""
    tables = [claim.effective.names[table] for table in _TABLES]
    if len(set(tables)) < len(tables):
        return Blocker(
            Reason.INVALID,
            "spec.names gives two tables one name; make a new pipeline with three different ones",
        )
    effective = claim.effective
    bucket = effective.names[components.ARCHIVE]
    if names.is_of_another_namespace(bucket, effective.account, effective.region):
        return Blocker(
            Reason.INVALID,
            f"spec.names.archiveBucket {bucket} ends in -an, which S3 keeps for names that end in "
            f"-{effective.account}-{effective.region}-an; make a new pipeline with another name",
        )
    given = {
        name: physical
        for name, physical in effective.names.items()
        if name in _FIELDS and not names.is_derived_from(physical, effective.base)
    }
    ranked = sorted(others, key=lambda one: one.rank)
    for other in ranked:
        for name, physical in given.items():
            derived = _has(other, name, physical, effective, derived=True)
            older = other.rank < claim.rank and _has(other, name, physical, effective)
            if derived or older:
                why = "which derives it" if derived else "which is older"
                return Blocker(
                    Reason.OWNERSHIP_CONFLICT,
                    f"{_FIELDS[name]} {physical} is of {_named(other, claim)}, {why}; nothing was "
                    "written. Delete that pipeline and what it retained, or make a new one with "
                    "another name",
                )
    return None


def _named(other: Claim, claim: Claim) -> str:
    """The other pipeline, by name only within the namespace."""
    if other.key.namespace == claim.key.namespace:
        return f"pipeline {other.key.namespace}/{other.key.name}"
    return "a pipeline of another namespace"


def _has(
    other: Claim, name: str, physical: str, place: Effective, *, derived: bool = False
) -> bool:
    """Whether another pipeline has the name in the same place; `derived`: by derivation."""
    theirs: Mapping[str, str] = other.effective.names
    if derived and not names.is_derived_from(physical, other.effective.base):
        return False
    if name == components.ARCHIVE:
        # Names of buckets are one space for all accounts and regions of a partition.
        return theirs.get(name) == physical and other.effective.partition == place.partition
    if (other.effective.account, other.effective.region) != (place.account, place.region):
        return False
    alike = _TABLES if name in _TABLES else (name,)
    return any(theirs.get(one) == physical for one in alike)


def claim_of(obj: PipelineObject, identity: CallerIdentity, config: OperatorConfig) -> Claim:
    """The names that a pipeline has, or would have in this account."""
    effective = effective_of(obj, identity, config)
    return Claim(obj.key, obj.created_at, effective, recorded=obj.status.effective is not None)


def competing_claims(
    obj: PipelineObject,
    bodies: Iterable[Mapping[str, Any]],
    identity: CallerIdentity,
    config: OperatorConfig,
) -> list[Claim]:
    """The claims of the other pipelines; one that this version can't read claims nothing."""
    claims = []
    for body in bodies:
        key = ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"])
        if key == obj.key:
            continue
        try:
            other = parse(key, body)
        except InvalidSpec:
            continue
        claims.append(claim_of(other, identity, config))
    return claims
