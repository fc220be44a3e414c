"""Widgets of a dashboard as pure data: those that are ours, and their meaning.

CloudWatch keeps the id of a metric, texts and titles, and nothing else of ours: a chart's first
metric has an id that starts with ``clickstream_`` (an id takes no hyphen), and the heading and the
list of alarms say who keeps them. All other widgets are other people's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

#: Words in the heading; AWS advises them for a dashboard that a program writes (CloudWatch API
#: reference, "PutDashboard").
KEPT_BY: Final = "kept by clickstream-operator"
OURS: Final = "clickstream_"
HEADING: Final = f"{OURS}heading"
ALARMS: Final = f"{OURS}alarms"
_SAME: Final = "."
_SAME_BEGINNING: Final = "..."
_PLACE: Final = ("x", "y", "width", "height")
#: What absence means ("Dashboard body structure and syntax").
_SIZE: Final = 6
_PROPERTIES: Final[Mapping[str, Any]] = {
    "view": "timeSeries",
    "stacked": False,
    "stat": "Average",
    "period": 300,
}

Widget = Mapping[str, Any]


def mark(widget: Widget) -> str | None:
    """Part of our dashboard that a widget is; None: it is another's."""
    properties = widget.get("properties", {})
    if widget.get("type") == "text":
        return HEADING if KEPT_BY in str(properties.get("markdown", "")) else None
    if widget.get("type") == "alarm":
        return ALARMS if KEPT_BY in str(properties.get("title", "")) else None
    metrics = properties.get("metrics") or [[]]
    options = metrics[0][-1] if metrics[0] else None
    found = str(options.get("id", "")) if isinstance(options, Mapping) else ""
    return found if found.startswith(OURS) else None


def foreign(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The widgets of others, as they are."""
    return [dict(one) for one in body.get("widgets", ()) if mark(one) is None]


def ours(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Our widgets, as they are."""
    return [dict(one) for one in body.get("widgets", ()) if mark(one) is not None]


def described(widgets: Iterable[Widget]) -> dict[str, Any]:
    """Our widgets by mark, in a form in which equal meaning is equal.

    Order, defaults, and the dots that the console writes for what repeats the metric above, mean
    nothing. Of two widgets with one mark the second is called so: a copy is not ours to keep.
    """
    found: dict[str, Any] = {}
    for widget in widgets:
        name = mark(widget) or ""
        found[name if name not in found else f"{name} again"] = _described(widget)
    return found


def place(widget: Widget) -> list[Any]:
    """Place of a widget in cells of the grid: x, y, width, height; None: anywhere."""
    return [widget.get(key, _SIZE if key in {"width", "height"} else None) for key in _PLACE]


def placed_among(
    wanted: Sequence[Widget], stand: Mapping[str, Sequence[Any]], others: Sequence[Widget]
) -> list[dict[str, Any]]:
    """Our widgets on a dashboard that has widgets of others.

    What is there stays where it stands (`stand`, by mark); what is new goes below everything.
    """
    if not others:
        return [dict(one) for one in wanted]
    corners = [*stand.values(), *(place(one) for one in others)]
    bottom = max(((y or 0) + height for _, y, _, height in corners), default=0)
    result = []
    for widget in wanted:
        at = stand.get(mark(widget) or "")
        if at is None:
            at = [0, bottom, *place(widget)[2:]]
            bottom += at[3]
        spot = {key: value for key, value in zip(_PLACE, at, strict=True) if value is not None}
        rest = {key: value for key, value in widget.items() if key not in _PLACE}
        result.append({**rest, **spot})
    return result


def _described(widget: Widget) -> dict[str, Any]:
    properties = dict(widget.get("properties", {}))
    if widget.get("type") == "metric":
        properties = {**_PROPERTIES, **properties}
        properties["metrics"] = _spelled_out(properties.get("metrics") or [])
    rest = {key: value for key, value in widget.items() if key not in {*_PLACE, "properties"}}
    meaning = {**rest, "place": place(widget), "properties": properties}
    return dict(json.loads(json.dumps(meaning)))


def _spelled_out(metrics: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The metrics without shorthand: a dot is what stands above, three dots all that do."""
    result: list[list[Any]] = []
    above: list[Any] = []
    for metric in metrics:
        names = [one for one in metric if not isinstance(one, Mapping)]
        options = [dict(one) for one in metric if isinstance(one, Mapping) and one]
        if names[:1] == [_SAME_BEGINNING]:
            names = [*above[: len(above) - len(names) + 1], *names[1:]]
        names = [
            above[index] if one == _SAME and index < len(above) else one
            for index, one in enumerate(names)
        ]
        above = names or above
        result.append([*names, *options])
    return result
