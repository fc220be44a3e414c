"""Status of a `ClickstreamPipeline`, a public API for Argo CD, Flux, Helm and people."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from clickstream_operator.api.model import Model

ResourceState = Literal[
    "Pending",
    "Creating",
    "Updating",
    "Ready",
    "Drifted",
    "Blocked",
    "Failed",
    "Deleting",
    "Retained",
]


class Condition(Model):
    """One aspect of the state, as Kubernetes' API conventions define conditions."""

    type: str = Field(max_length=316)
    """Ready, Reconciling, Stalled, or an aspect: CredentialsValid, DriftDetected and so on."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: str = Field(max_length=1024, min_length=1)
    """CamelCase reason; each is documented."""
    message: str = Field(default="", max_length=32768)
    """What is the case and what to do about it. Stable while nothing changes."""
    last_transition_time: str = Field(json_schema_extra={"format": "date-time"})
    """When status last changed."""
    observed_generation: int = 0
    """Generation of the spec that this speaks about."""


class FieldDrift(Model):
    """One field that differs between spec and AWS."""

    field: str
    """Path of the field."""
    observed: str = ""
    """What AWS has."""
    desired: str = ""
    """What should be."""


class ResourceStatus(Model):
    """One AWS resource: the inventory from which deletion and pruning work."""

    name: str
    """Stable key in the pipeline, for example stream or processor-role."""
    kind: str
    """Kind of resource, for example KinesisStream."""
    physical_name: str = ""
    """Name in AWS."""
    arn: str = ""
    """ARN in AWS, when it exists."""
    origin: Literal["Created", "Adopted"] = "Created"
    """Whether the operator made it."""
    applied_hash: str = ""
    """Fingerprint of the desired state that was last applied."""
    state: ResourceState = "Pending"
    """Where it stands."""
    reason: str = ""
    """Why, when it is not Ready."""
    message: str = ""
    """What is the case and what to do about it."""
    drift: list[FieldDrift] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Fields that AWS has differently."""
    last_transition_time: str = Field(default="", json_schema_extra={"format": "date-time"})
    """When state or reason last changed."""
    creation: Literal["", "Refused", "Unconfirmed"] = ""
    """Outcome of its last attempted creation, while it has no ARN. Unconfirmed: AWS's answer was
    lost, so it may exist."""


class Effective(Model):
    """What was decided before the first write and is never recomputed."""

    cluster: str = ""
    """Id of the cluster that owns the pipeline."""
    instance: str = ""
    """Installation that works on it: namespace and name of its Lease."""
    account: str = ""
    """AWS account."""
    partition: str = ""
    """AWS partition."""
    region: str = ""
    """AWS region."""
    base: str = ""
    """Stem of all names."""
    names: dict[str, str] = Field(default_factory=dict)
    """Physical name of each resource."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Content hash of each function's package."""
    tag_keys: list[str] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Keys of spec.tags on the resources; one that left the spec stays until it is gone."""


class Resize(Model):
    """One step of a shard resize, kept for AWS's budget of ten in 24 hours."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    """When it was asked for."""
    shards: int
    """Target of the step."""


class ModeSwitch(Model):
    """One switch of the stream's capacity mode, kept for AWS's budget of two in 24 hours."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    """When it was asked for."""
    mode: str
    """Mode that was asked for: PROVISIONED or ON_DEMAND."""


class PlanChange(Model):
    """One change of a plan."""

    action: Literal["create", "update", "delete"]
    """What would be done."""
    resource: str
    """Inventory name of the resource."""
    field: str = ""
    """Path of the field."""
    old: str = ""
    """What AWS has."""
    new: str = ""
    """What would be."""


class Plan(Model):
    """What the operator would do next."""

    hash: str = ""
    """What an approval names."""
    serial: int = 0
    """Rises when a plan completes, and when one follows a plan that was withdrawn."""
    approved: bool = False
    """Whether it was approved and is being applied."""
    summary: str = ""
    """One line."""
    changes: list[PlanChange] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """What would change."""
    cost_per_month: str = ""
    """Estimated cost afterwards, as in estimatedMonthlyCost."""


class Status(Model):
    """What the operator knows."""

    observed_generation: int = -1
    """Generation of the spec that the status speaks about; -1 before the first observation."""
    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    """Ready, Reconciling, Stalled, and aspects such as CredentialsValid and DriftDetected."""
    resources: list[ResourceStatus] = Field(
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    """Every AWS resource of the pipeline."""
    outputs: dict[str, Any] = Field(default_factory=dict)
    """Names, ARNs and addresses for other tools."""
    plan: Plan | None = None
    """What the operator would do next, when approval is Manual."""
    effective: Effective | None = None
    """What was decided before the first write."""
    contender: str = ""
    """Another installation, which keeps away."""
    resizes: list[Resize] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Latest shard resizes; AWS takes 10 in 24 hours. An old one leaves with the next resize."""
    mode_switches: list[ModeSwitch] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Latest switches of the stream's mode; AWS takes 2 in 24 hours."""
    last_handled_reconcile_at: str = ""
    """Value of the annotation clickstream.dev/reconcile-requested-at that was last acted on."""
    estimated_monthly_cost: str = ""
    """Estimated dollars a month at a million events a day; ~ marks prices of another region."""
