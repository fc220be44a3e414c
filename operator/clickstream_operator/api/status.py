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
    """One aspect of the state, by the API conventions of Kubernetes."""

    type: str = Field(max_length=316)
    """Ready, Reconciling, Stalled, or an aspect: CredentialsValid, DriftDetected and so on."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: str = Field(max_length=1024, min_length=1)
    """Documented reason in CamelCase."""
    message: str = Field(default="", max_length=32768)
    """State and remedy in words, which stay the same while nothing changes."""
    last_transition_time: str = Field(json_schema_extra={"format": "date-time"})
    """Time of the last change of status."""
    observed_generation: int = 0
    """Generation of the spec that the condition is about."""


class FieldDrift(Model):
    """One field that differs between spec and AWS."""

    field: str
    """Path of the field."""
    observed: str = ""
    """Value in AWS."""
    desired: str = ""
    """Value by the spec."""


class ResourceStatus(Model):
    """One AWS resource in the inventory, from which deletion and pruning work."""

    name: str
    """Stable key in the pipeline, for example stream or processor-role."""
    kind: str
    """Kind of resource, for example KinesisStream."""
    physical_name: str = ""
    """Name in AWS."""
    arn: str = ""
    """ARN in AWS, when it exists."""
    origin: Literal["Created", "Adopted"] = "Created"
    """Whether the operator created or adopted it."""
    applied_hash: str = ""
    """Hash of the desired state that was last applied."""
    partially_applied: bool | None = None
    """Whether a change of that state has begun and is not complete."""
    removed_parts: int | None = None
    """Parts deleted so far of what is being emptied: object versions of a bucket."""
    state: ResourceState = "Pending"
    """State of the resource."""
    reason: str = ""
    """Reason of a state other than Ready."""
    message: str = ""
    """State and remedy in words."""
    drift: list[FieldDrift] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Fields that differ in AWS."""
    last_transition_time: str = Field(default="", json_schema_extra={"format": "date-time"})
    """Time of the last change of state or reason."""
    creation: Literal["", "Refused", "Unconfirmed"] = ""
    """Outcome of its last attempted creation, while it has no ARN. Unconfirmed: AWS's answer was
    lost, so it may exist."""
    last_verified: str = Field(default="", json_schema_extra={"format": "date-time"})
    """Time at which every field and tag of it was last compared with AWS, refreshed as
    status.lastVerified is."""


class Effective(Model):
    """Decisions from before the first write, which never change."""

    cluster: str = ""
    """Id of the cluster that owns the pipeline."""
    instance: str = ""
    """Installation that reconciles it: namespace and name of its Lease."""
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
    """Keys of spec.tags on the resources, with those that are still to be removed."""


class Resize(Model):
    """One step of a shard resize, kept for AWS's budget of ten in 24 hours."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    """Time of the request."""
    shards: int
    """Target of the step."""


class ModeSwitch(Model):
    """One switch of the stream's capacity mode, kept for AWS's budget of two in 24 hours."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    """Time of the request."""
    mode: str
    """Requested mode: PROVISIONED or ON_DEMAND."""


class PlanChange(Model):
    """One change of a plan."""

    action: Literal["create", "update", "delete"]
    """Action of the change."""
    resource: str
    """Inventory name of the resource."""
    field: str = ""
    """Path of the field."""
    old: str = ""
    """Value in AWS."""
    new: str = ""
    """Value after the change."""


class Plan(Model):
    """Planned changes that wait for approval, or are being applied."""

    hash: str = ""
    """Hash that an approval names."""
    serial: int = 0
    """Number that rises with each completed or withdrawn plan."""
    approved: bool = False
    """Whether it is approved and being applied."""
    changes_hash: str = ""
    """Hash of the changes alone, as kubectl clickstream plan shows it before they are applied."""
    summary: str = ""
    """Summary in one line."""
    changes: list[PlanChange] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Changes of the plan."""
    cost_per_month: str = ""
    """Estimated cost after the plan, as in estimatedMonthlyCost."""


class Status(Model):
    """Observed state of the pipeline."""

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
    """Planned changes, if approval is Manual."""
    effective: Effective | None = None
    """Decisions from before the first write."""
    contender: str = ""
    """Another installation that watches the pipeline and does not reconcile it."""
    resizes: list[Resize] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Latest shard resizes, of which AWS allows 10 in 24 hours."""
    mode_switches: list[ModeSwitch] = Field(
        default_factory=list, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """Latest switches of the stream's mode, of which AWS allows 2 in 24 hours."""
    last_verified: str = Field(default="", json_schema_extra={"format": "date-time"})
    """Oldest lastVerified of the resources: each was compared with AWS in full then or later.
    Refreshed with any other change of the status, by a requested reconcile, and otherwise after 4
    to 6 hours."""
    last_handled_reconcile_at: str = ""
    """Last handled value of the annotation clickstream.dev/reconcile-requested-at."""
    estimated_monthly_cost: str = ""
    """Estimated dollars a month for a million events a day; ~ marks prices of another region."""
