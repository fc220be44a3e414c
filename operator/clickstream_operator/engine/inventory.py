"""The inventory: what the pipeline has, resource by resource, as the last pass left it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a resource stands."""

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
    """Whether the operator made a resource or took it over."""

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
    """One resource in the inventory.

    `since` is the RFC 3339 time at which state or reason last changed, or a failure began that goes
    on under changing reasons. An entry without `arn` is an
    intent: the name was recorded before anything was created under it.
    """

    name: str
    kind: str
    physical_name: str
    arn: str = ""
    origin: Origin = Origin.CREATED
    applied_hash: str = ""
    state: State = State.PENDING
    reason: str = ""
    message: str = ""
    drift: tuple[Drift, ...] = ()
    since: str = ""
    creation: Creation = Creation.UNKNOWN
    """Outcome of its last attempted creation, while it has no ARN."""

    @property
    def never_written(self) -> bool:
        """Whether nothing was ever created under this entry, as far as the status knows."""
        return not self.arn and not self.applied_hash

    @property
    def may_exist(self) -> bool:
        """Whether AWS may have it. An intent may: the process that recorded it may have died."""
        return not (self.never_written and self.creation is Creation.REFUSED)

    @property
    def being_created(self) -> bool:
        """Whether its creation, or its re-creation, is not complete."""
        return not self.applied_hash or self.state is State.CREATING
