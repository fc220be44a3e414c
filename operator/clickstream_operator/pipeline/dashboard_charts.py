"""Widgets of a dashboard: charts over time and single numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.resources.cloudwatch_dashboard_widgets import OURS

PERIOD_SECONDS: Final = 300
_RED: Final = "#d62728"

Metrics = list[list[Any]]


def value(
    part: str, title: str, metrics: Metrics, *, stat: str = "Sum", whole: bool = True
) -> dict[str, Any]:
    """One number; `whole`: over the whole time that is shown, else the latest."""
    widget = chart(part, title, metrics, stat=stat)
    properties = widget["properties"]
    properties.pop("stacked")
    properties |= {"view": "singleValue", **({"setPeriodToTimeRange": True} if whole else {})}
    return widget


def chart(
    part: str,
    title: str,
    metrics: Metrics,
    *,
    stat: str,
    stacked: bool = False,
    limits: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Lines over time; `limits`: values of horizontal lines, by label."""
    # The id of its first metric marks a chart as the operator's.
    first, *others = metrics
    options = first[-1] if isinstance(first[-1], dict) else {}
    names = first[:-1] if options else first
    marked = [*names, {**options, "id": f"{OURS}{part}"}]
    lines = [
        {"label": label, "value": value, "color": _RED} for label, value in (limits or {}).items()
    ]
    return {
        "type": "metric",
        "properties": {
            "view": "timeSeries",
            "stacked": stacked,
            "title": title,
            "metrics": [marked, *others],
            "stat": stat,
            "period": PERIOD_SECONDS,
            **({"annotations": {"horizontal": lines}} if lines else {}),
        },
    }
