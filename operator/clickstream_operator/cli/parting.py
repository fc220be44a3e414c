"""Fate of each resource at the deletion of its pipeline, by the deletion policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clickstream_operator.api import components
from clickstream_operator.cli.design import Place, design
from clickstream_operator.cost.prices import Prices
from clickstream_operator.kube.objects import PipelineObject

KEPT_POLICY: Final[Mapping[str, str]] = {"archive": "Retain", "tables": "Retain"}
"""Deletion policy that keeps a pipeline's data."""
_DATA: Final = frozenset(
    {
        components.ARCHIVE,
        components.PAGE_METRICS,
        components.SESSION_METRICS,
        components.COUNTERS,
        components.HASH_KEY,
    }
)


@dataclass(frozen=True, slots=True)
class Part:
    """One resource at the end of its pipeline."""

    name: str
    physical_name: str
    stays: bool
    holds: str
    """Data that is lost with it, as a clause; empty where it holds none."""


def parts(obj: PipelineObject, *, keep_data: bool) -> list[Part]:
    """The resources on record, those that stay first; none before the operator placed it.

    Where the data is to be kept, as if the deletion policy said so.
    """
    effective = obj.status.effective
    if effective is None:
        return []
    spec = dict(obj.body.get("spec") or {})
    if keep_data:
        spec["deletionPolicy"] = {**(spec.get("deletionPolicy") or {}), **KEPT_POLICY}
    place = Place(effective.account, effective.region, obj.key.namespace, effective.cluster)
    designed = {one.name: one for one in design({**obj.body, "spec": spec}, place).resources}
    adopted = obj.spec.deletion_policy.adopted == "Retain"
    found = []
    for one in obj.status.resources:
        if not one.arn:
            continue
        planned = designed.get(one.name)
        retained = planned is not None and planned.deletion.value == "Retain"
        stays = retained or (one.origin == "Adopted" and adopted)
        holds = planned.holds if planned is not None else ""
        found.append(Part(one.name, one.physical_name, stays, holds))
    return sorted(found, key=lambda one: not one.stays)


def lost(found: Sequence[Part]) -> list[Part]:
    """Those whose data is lost."""
    return [one for one in found if not one.stays and one.name in _DATA]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the resources that stay: bytes and provisioned units."""

    table_bytes: int = 0
    backed_up_bytes: int = 0
    """Of tables with point-in-time recovery."""
    read_units: int = 0
    """Provisioned units of tables."""
    write_units: int = 0
    bucket_bytes: Mapping[str, float] | None = None
    """By storage class; None where CloudWatch has no figure yet."""


_GB: Final = 1024**3
_MONTH_HOURS: Final = 730


def dollars_a_month(sizes: Sizes, prices: Prices) -> float:
    """List price of the resources that stay, by `prices` of the region."""
    return (
        sizes.table_bytes / _GB * prices["dynamodb.storageGB"]
        + sizes.backed_up_bytes / _GB * prices["dynamodb.backupGB"]
        + sizes.read_units * _MONTH_HOURS * prices["dynamodb.readCapacityHour"]
        + sizes.write_units * _MONTH_HOURS * prices["dynamodb.writeCapacityHour"]
        + sum(
            size / _GB * prices[f"s3.storageGB.{storage_class}"]
            for storage_class, size in (sizes.bucket_bytes or {}).items()
        )
    )
