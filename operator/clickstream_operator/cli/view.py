"""View of a pipeline's status: its health, and its resources by part. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from clickstream_operator.api.conditions import READY, STALLED, by_type
from clickstream_operator.api.v1alpha1 import ResourceStatus, Status
from clickstream_operator.kube.objects import PipelineObject

_PARTS: Final = (
    ("stream", ("stream",)),
    ("processor", ("processor",)),
    ("detector", ("detector", "schedule")),
    ("storage", ("page-metrics", "session-metrics", "counters", "archive", "hash-key")),
    ("dead letters", ("dead-letter",)),
    ("alerts", ("alerts",)),
    ("monitoring", ("alarm-", "dashboard")),
)
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))
_ALARM: Final = "alarm-"


def is_healthy(obj: PipelineObject) -> bool:
    """Whether it is Ready for its present spec, is not stalled, and is not being deleted."""
    conditions = by_type(obj.status.conditions)
    ready = conditions.get(READY)
    return (
        not obj.deleting
        and obj.status.observed_generation == obj.generation
        and ready is not None
        and ready.status == "True"
        and STALLED not in conditions
    )


def ready_reason(status: Status) -> tuple[str, str]:
    """Status and reason of Ready; Unknown where the operator has not written it."""
    ready = by_type(status.conditions).get(READY)
    return (ready.status, ready.reason) if ready else ("Unknown", "NotYetSeen")


def parts(resources: Iterable[ResourceStatus]) -> list[tuple[str, list[ResourceStatus]]]:
    """Resources by the part of the pipeline that they belong to; empty parts are left out."""
    found: dict[str, list[ResourceStatus]] = {name: [] for name, _ in _PARTS}
    for one in resources:
        part = next(
            (name for name, stems in _PARTS if any(one.name.startswith(stem) for stem in stems)),
            "others",
        )
        found.setdefault(part, []).append(one)
    return [(name, rows) for name, rows in found.items() if rows]


def collapsed(rows: Iterable[ResourceStatus]) -> list[tuple[str, ResourceStatus]]:
    """Rows with their titles; alarms that are all as they should be become one row."""
    alarms = [one for one in rows if one.name.startswith(_ALARM)]
    calm = len(alarms) > 1 and all(one.state == "Ready" and not one.drift for one in alarms)
    titled: list[tuple[str, ResourceStatus]] = []
    for one in rows:
        if calm and one in alarms:
            if one is alarms[0]:
                titled.append((f"{len(alarms)} alarms", one))
        else:
            titled.append((one.name, one))
    return titled


def says(one: ResourceStatus) -> str:
    """What there is to say of a resource: its reason and message, and the drift."""
    drift = "; ".join(f"{d.field}: {d.observed} in AWS, {d.desired} wanted" for d in one.drift)
    reason = one.reason if one.state != "Ready" else ""
    return " ".join(part for part in (f"{reason}:" if reason else "", one.message, drift) if part)


def age(since: str, now: datetime) -> str:
    """Time since then in its largest unit, for example ``3d``; empty without a time."""
    if not since:
        return ""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    return next(
        (f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= size), f"{seconds}s"
    )


def document(obj: PipelineObject, traffic: dict[str, Any]) -> dict[str, Any]:
    """The view for a program."""
    status = obj.status
    ready, reason = ready_reason(status)
    effective = status.effective
    return {
        "namespace": obj.key.namespace,
        "name": obj.key.name,
        "healthy": is_healthy(obj),
        "ready": ready,
        "reason": reason,
        "account": effective.account if effective else "",
        "region": effective.region if effective else "",
        "lastVerified": status.last_verified,
        "estimatedMonthlyCost": status.estimated_monthly_cost,
        **traffic,
        "conditions": [one.model_dump(mode="json", by_alias=True) for one in status.conditions],
        "resources": [one.model_dump(mode="json", by_alias=True) for one in status.resources],
    }
