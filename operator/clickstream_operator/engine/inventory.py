"""Inventory: the resources of a pipeline as the last reconcile left them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """State of a resource in the inventory."""

    PENDING = "Pending"
    CREATING = "Creating"
    UPDATING = "Updating"
    READY = "Ready"
    DRIFTED = "Drifted"
    BLOCKED = "Blocked"
    FAILED = "Failed"
    DELETING = "Deleting"
    RETAINED = "Retained"


class Origin(StrEnum):
    """Whether the operator created a resource or adopted it."""

    CREATED = "Created"
    ADOPTED = "Adopted"


class Creation(StrEnum):
    """Outcome of an attempt to create a resource."""

    UNKNOWN = ""
    REFUSED = "Refused"
    """AWS refused it, or it could not be sent: nothing was made."""
    UNCONFIRMED = "Unconfirmed"
    """It was sent and the answer was lost: AWS may have made it."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that differs; values as short text."""

    field: str
    observed: str
    desired: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource in the inventory."""

    name: str
    kind: str
    physical_name: str
    arn: str = ""
    """Empty for an intent: a name recorded before anything was created under it."""
    origin: Origin = Origin.CREATED
    applied_hash: str = ""
    """Fingerprint of the desired state that was last applied in full."""
    partially_applied: bool = False
    """Whether a change of that state has begun. What such a change leaves when it is taken back is
    no drift."""
    removed_parts: int = 0
    """Parts deleted so far of a resource that is being emptied (object versions of a bucket)."""
    state: State = State.PENDING
    reason: str = ""
    message: str = ""
    drift: tuple[Drift, ...] = ()
    since: str = ""
    """RFC 3339 time at which state or reason last changed, or a failure began that goes on under
    changing reasons."""
    creation: Creation = Creation.UNKNOWN
    """Outcome of its last attempted creation, while it has no ARN."""
    last_verified: str = ""
    """RFC 3339 time of its last comparison with AWS in full that the status shows."""

    def has_applied(self, fingerprint: str) -> bool:
        """Whether the desired state with this fingerprint was applied in full, and none since."""
        return self.applied_hash == fingerprint and not self.partially_applied

    @property
    def never_written(self) -> bool:
        """Whether nothing was ever created under this entry, as far as the record tells."""
        return not self.arn and not self.applied_hash

    @property
    def may_exist(self) -> bool:
        """Whether AWS may have it. An intent may: the process that recorded it may have died."""
        return not (self.never_written and self.creation is Creation.REFUSED)

    @property
    def being_created(self) -> bool:
        """Whether its creation, or re-creation, is not complete."""
        return not self.applied_hash or self.state is State.CREATING
