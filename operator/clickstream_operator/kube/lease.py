"""The Lease that says which operator leads, and what a candidate does about it. Pure.

The rules are client-go's (package leaderelection): a candidate never compares the clocks of two
machines. It notes on its own clock when it first saw a renewal, and counts from there.
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
    """Seconds. A candidate takes a lease that was not renewed for `duration`.

    A leader that could not renew for `deadline` stops; both ask every `retry`.
    """

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    @classmethod
    def of(cls, duration: float) -> Timing:
        """Kubernetes' own proportions, 15 to 10 to 2, for another duration."""
        usual = cls()
        part = duration / usual.duration
        return cls(duration, usual.deadline * part, usual.retry * part)


@dataclass(frozen=True, slots=True)
class Lease:
    """A ``coordination.k8s.io/v1`` Lease. `holder` is empty when it was released."""

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
        """The lease in an answer of the API server."""
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
        """What the API server takes. It refuses a `version` that is not the stored one."""
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
    """What a candidate does next."""

    CREATE = "create"
    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """A lease, and since when on the own clock it has not changed."""

    lease: Lease
    since: float

    @classmethod
    def of(cls, lease: Lease, before: LeaseObservation | None, *, now: float) -> LeaseObservation:
        """What is seen now, after what was seen before."""
        if before is not None and before.lease == lease:
            return before
        return cls(lease, now)

    def unchanged_for(self, now: float) -> float:
        """Seconds without a renewal, as far as it was watched."""
        return now - self.since


def next_action(sight: LeaseObservation | None, identity: str, *, now: float) -> LeaseAction:
    """What the candidate `identity` does about what it sees; None: there is no lease."""
    if sight is None:
        return LeaseAction.CREATE
    if sight.lease.holder == identity:
        return LeaseAction.RENEW
    if not sight.lease.holder or sight.unchanged_for(now) >= sight.lease.duration:
        return LeaseAction.TAKE
    return LeaseAction.WAIT


def held(
    before: Lease | None, *, namespace: str, name: str, holder: str, timing: Timing, now: datetime
) -> Lease:
    """The lease as `holder` writes it when it creates, takes or renews `before`."""
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
    """The lease as its holder leaves it for the next one."""
    return replace(lease, holder="", duration=1.0, renewed=micro_time(now))


def micro_time(moment: datetime) -> str:
    """RFC 3339 with exactly six digits of the second: Kubernetes' MicroTime takes no other."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
