"""What the page shows, as JSON documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from clickstream_operator.cli import view
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.query.rows import Balance, Incident, SiteViews

MINUTES: Final = 60
"""Minutes of the chart."""
_PAGES: Final = 10
_INCIDENTS: Final = 20
_EVENTS: Final = 20
_CLASSES: Final = ("Human", "Suspected", "Robot", "AIAgent")


@dataclass(slots=True)
class Numbers:
    """Numbers of a pipeline, as its tables have them."""

    minutes: dict[str, dict[str, int]] = field(default_factory=dict)
    """People's events by type and minute."""
    classes: dict[str, int] = field(default_factory=dict)
    """Page views of the shown minutes by class of agent."""
    channels: dict[str, int] = field(default_factory=dict)
    """People's page views of the shown minutes by channel."""
    site: SiteViews | None = None
    """Of the present hour."""
    incidents: list[Incident] = field(default_factory=list)
    """Of the last day."""
    balance: Balance | None = None
    """The latest."""


def summary(obj: PipelineObject, traffic: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline in the list."""
    found = view.document(obj, {})
    return {
        **{name: found[name] for name in _IN_LIST},
        "suspended": obj.spec.suspend,
        "message": _message(found["conditions"]),
        **traffic,
    }


_IN_LIST: Final = (
    "namespace",
    "name",
    "healthy",
    "ready",
    "reason",
    "account",
    "region",
    "lastVerified",
    "estimatedMonthlyCost",
)


def state(obj: PipelineObject, events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A pipeline as Kubernetes knows it: health, resources by part, plan, Events, newest first."""
    found = view.document(obj, {})
    plan = obj.status.plan
    return {
        **summary(obj, {}),
        "conditions": found["conditions"],
        "parts": [
            {
                "name": part,
                "resources": [
                    {
                        "name": title,
                        "kind": one.kind,
                        "physicalName": one.physical_name,
                        "state": one.state,
                        "says": view.says(one),
                        "drift": len(one.drift),
                    }
                    for title, one in view.collapsed(rows)
                ],
            }
            for part, rows in view.parts(obj.status.resources)
        ],
        "plan": plan.model_dump(mode="json", by_alias=True) if plan and plan.changes else None,
        "events": [_event(one) for one in list(events)[-_EVENTS:][::-1]],
    }


def numbers(found: Numbers, shown: list[str]) -> dict[str, Any]:
    """A pipeline's numbers over the shown minutes, oldest minute first."""
    site = found.site
    kinds = {
        kind: [minutes.get(minute, 0) for minute in shown]
        for kind, minutes in sorted(found.minutes.items())
    }
    return {
        "minutes": shown,
        "kinds": {kind: series for kind, series in kinds.items() if any(series)},
        "total": [sum(column) for column in zip(*kinds.values(), strict=True)] if kinds else [],
        "classes": {name: found.classes.get(name, 0) for name in _CLASSES},
        "channels": dict(sorted(found.channels.items(), key=lambda each: -each[1])),
        "hour": {
            "views": site.views if site else 0,
            "visitors": site.unique_visitors if site else 0,
            "pages": [asdict(page) for page in site.pages[:_PAGES]] if site else [],
        },
        "incidents": [
            {
                "time": one.event_time,
                "severity": one.severity,
                "rule": one.rule,
                "subject": one.subject,
                "details": one.details,
                "over": one.over,
            }
            for one in found.incidents[-_INCIDENTS:][::-1]
        ],
        "balance": asdict(found.balance) if found.balance else None,
    }


def _message(conditions: Iterable[Mapping[str, Any]]) -> str:
    """The message of the condition that a person should read first."""
    by_type = {one["type"]: one for one in conditions}
    for name in ("Stalled", "Ready"):
        if name in by_type and (name == "Stalled" or by_type[name]["status"] != "True"):
            return str(by_type[name].get("message", ""))
    return ""


def _event(body: Mapping[str, Any]) -> dict[str, Any]:
    series = body.get("series") or {}
    return {
        "type": body.get("type", ""),
        "reason": body.get("reason", ""),
        "note": body.get("note", ""),
        "time": series.get("lastObservedTime")
        or body.get("eventTime")
        or body.get("deprecatedLastTimestamp")
        or "",
        "count": series.get("count", 1),
    }
