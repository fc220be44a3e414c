"""Lease of the leader, and the rules by which a candidate acts on it. Pure.

The rules are those of client-go's package leaderelection: a candidate never compares the clocks of
two machines, but counts on its own clock from its first observation of a renewal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

GROUP: Final = "coordination.k8s.io"
VERSION: Final = "v1"
PLURAL: Final = "leases"


@dataclass(frozen=True, slots=True)
class Timing:
    """Timing of the election, in seconds."""

    duration: float = 15.0
    """A candidate takes a lease that was not renewed for so long."""
    deadline: float = 10.0
    """A leader that could not renew for so long stops."""
    retry: float = 2.0
    """Interval of attempts to acquire or renew."""

    @classmethod
    def of(cls, duration: float) -> Timing:
        """Timing in the proportions of Kubernetes, 15 to 10 to 2, for another duration."""
        usual = cls()
        part = duration / usual.duration
        return cls(duration, usual.deadline * part, usual.retry * part)


@dataclass(frozen=True, slots=True)
class Lease:
    """A ``coordination.k8s.io/v1`` Lease; `holder` is empty after a release."""

    namespace: str
    name: str
    holder: str
    duration: float
    acquired: str
    renewed: str
    transitions: int
    version: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Lease:
        """The lease in a body of the API server."""
        spec = body.get("spec") or {}
        return cls(
            namespace=body["metadata"]["namespace"],
            name=body["metadata"]["name"],
            holder=spec.get("holderIdentity") or "",
            duration=float(spec.get("leaseDurationSeconds") or 0),
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
            transitions=int(spec.get("leaseTransitions") or 0),
            version=body["metadata"].get("resourceVersion") or "",
        )

    def body(self) -> dict[str, Any]:
        """Body for the API server, which refuses a `version` that is not the stored one."""
        metadata = {"namespace": self.namespace, "name": self.name}
        if self.version:
            metadata["resourceVersion"] = self.version
        return {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": max(1, round(self.duration)),
                "acquireTime": self.acquired or None,
                "renewTime": self.renewed or None,
                "leaseTransitions": self.transitions,
            },
        }


class LeaseAction(Enum):
    """Next action of a candidate."""

    CREATE = "create"
    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """A lease, and the time on the candidate's clock since which it has not changed."""

    lease: Lease
    since: float

    @classmethod
    def of(cls, lease: Lease, before: LeaseObservation | None, *, now: float) -> LeaseObservation:
        """The observation of `lease` at `now`, after the observation `before`."""
        if before is not None and before.lease == lease:
            return before
        return cls(lease, now)

    def unchanged_for(self, now: float) -> float:
        """Seconds of observation without a renewal."""
        return now - self.since


def next_action(seen: LeaseObservation | None, identity: str, *, now: float) -> LeaseAction:
    """The next action of the candidate `identity`; `seen` is None without a lease."""
    if seen is None:
        return LeaseAction.CREATE
    if seen.lease.holder == identity:
        return LeaseAction.RENEW
    if not seen.lease.holder or seen.unchanged_for(now) >= seen.lease.duration:
        return LeaseAction.TAKE
    return LeaseAction.WAIT


def held(
    before: Lease | None, *, namespace: str, name: str, holder: str, timing: Timing, now: datetime
) -> Lease:
    """The lease that `holder` writes to create, take or renew `before`."""
    time = micro_time(now)
    if before is None:
        return Lease(namespace, name, holder, timing.duration, time, time, 0, "")
    if before.holder == holder:
        return replace(before, renewed=time, duration=timing.duration)
    return replace(
        before,
        holder=holder,
        duration=timing.duration,
        acquired=time,
        renewed=time,
        transitions=before.transitions + 1,
    )


def released(lease: Lease, *, now: datetime) -> Lease:
    """The lease that its holder writes to release it."""
    return replace(lease, holder="", duration=1.0, renewed=micro_time(now))


def micro_time(moment: datetime) -> str:
    """RFC 3339 with six digits of the second, the only form of Kubernetes' MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
