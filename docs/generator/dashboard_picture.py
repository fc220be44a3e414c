"""Picture of the CloudWatch dashboard: its real widgets, with invented figures.

Only what CloudWatch reads of the body decides what is drawn: places, titles, labels, thresholds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

from clickstream_operator.pipeline.alarms import alarm_set
from clickstream_operator.pipeline.dashboard import Subject, dashboard_body

_CELL_WIDTH: Final = 50
_CELL_HEIGHT: Final = 34
_GAP: Final = 6
_POINTS: Final = 37
_COLORS: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2")
_TYPES: Final = {"page_view": 900.0, "click": 100.0, "add_to_cart": 55.0, "purchase": 12.0}
_RULES: Final = {"high_frequency_clicks": 2.0, "volume": 1.0}
#: Height of a series, by a word of its title or label; the others are near 100.
_LEVELS: Final = {
    "lag": 9.0, "Age": 9.0, "errors": 0.0, "throttles": 0.0, "refused": 0.0, "letters": 0.0,
    "lost": 0.0, "given up": 0.0, "bad rows": 0.6, "Duration": 5200.0, "pages": 310.0,
}  # fmt: skip
_VALUES: Final = {
    "Events": "128,412", "Page views": "108,903", "Bad rows": "14", "Incidents": "2",
    "Lag": "6.2 s", "Dead letters": "0",
}  # fmt: skip


def dashboard_picture() -> str:
    """The picture as SVG."""
    widgets = dashboard_body(_subject())["widgets"]
    width = 24 * _CELL_WIDTH + _GAP
    height = max(one["y"] + one["height"] for one in widgets) * _CELL_HEIGHT + _GAP
    drawn = "\n".join(line for one in widgets for line in _widget(one))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">\n'
        f'<rect width="{width}" height="{height}" fill="#f2f3f3"/>\n{drawn}\n</svg>\n'
    )


def _subject() -> Subject:
    base = "shop-a1b2c3d4"
    alarms = alarm_set(
        processor=f"{base}-processor",
        processor_timeout_seconds=60,
        dead_letter_queue=f"{base}-dead-letter",
        stream=f"{base}-events",
        iterator_age_seconds=120,
        detector=f"{base}-detector",
        base=base,
        failed_objects_bucket=f"{base}-archive",
    )
    return Subject(
        name="shop",
        namespace="analytics",
        environment="dev",
        region="eu-west-1",
        base=base,
        stream=f"{base}-events",
        processor=f"{base}-processor",
        detector=f"{base}-detector",
        tables={one: f"{base}-{one}" for one in ("pages", "sessions", "counters")},
        bucket=f"{base}-archive",
        dead_letter_queue=f"{base}-dead-letter",
        duration_limits={"processor": 48000.0, "detector": 24000.0},
        alarms=[f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{base}-{one.key}"
                for one in alarms],
    )  # fmt: skip


def _widget(widget: Mapping[str, Any]) -> Iterator[str]:
    x, y = widget["x"] * _CELL_WIDTH + _GAP, widget["y"] * _CELL_HEIGHT + _GAP
    width = widget["width"] * _CELL_WIDTH - _GAP
    height = widget["height"] * _CELL_HEIGHT - _GAP
    yield f'<g transform="translate({x} {y})">'
    yield f'<rect width="{width}" height="{height}" rx="4" fill="white" stroke="#d5dbdb"/>'
    properties = widget["properties"]
    if widget["type"] == "text":
        yield from _text(properties["markdown"])
    elif widget["type"] == "alarm":
        yield from _alarms(properties, width)
    elif properties["view"] == "singleValue":
        title = properties["title"]
        yield _words(12, 22, title, size=13)
        yield _words(12, height - 18, _VALUES[title], size=32, weight="bold")
    else:
        yield from _chart(properties, width, height)
    yield "</g>"


def _words(
    x: float, y: float, text: str, *, size: int, weight: str = "normal", fill: str = "#16191f"
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}">{escape(text)}</text>'
    )


def _text(markdown: str) -> Iterator[str]:
    heading, *others = markdown.splitlines()
    yield _words(12, 30, heading.removeprefix("# "), size=22, weight="bold")
    for number, line in enumerate(others):
        yield _words(12, 52 + 16 * number, line.replace("`", ""), size=13)


def _alarms(properties: Mapping[str, Any], width: int) -> Iterator[str]:
    yield _words(12, 22, properties["title"], size=13)
    each = (width - 24) / 4
    for number, arn in enumerate(properties["alarms"]):
        row, column = divmod(number, 4)
        x, y = 12 + column * each, 34 + row * 30
        name = arn.rpartition(":")[2]
        yield f'<rect x="{x:g}" y="{y}" width="{each - 6:g}" height="24" rx="3" fill="#e6f4ea"/>'
        yield _words(x + 8, y + 17, f"OK  {name}", size=12, fill="#1d8102")


def _chart(properties: Mapping[str, Any], width: int, height: int) -> Iterator[str]:
    series = _series(properties)
    stacked = properties["stacked"]
    limits = properties.get("annotations", {}).get("horizontal", ())
    tops = [sum(values) for values in zip(*series.values(), strict=True)] if stacked else [
        max(values) for values in series.values()
    ]  # fmt: skip
    top = max([*tops, *(one["value"] for one in limits), 1.0]) * 1.1
    lines = list(_legend(series, width - 58))
    left, right, upper, lower = 46, width - 12, 34, height - 24 - 16 * len(lines)
    yield _words(12, 22, properties["title"], size=13)
    for part in (0.0, 0.5, 1.0):
        y = lower - part * (lower - upper)
        yield f'<line x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="#eaeded"/>'
        yield _words(6, y + 4, _short(top * part), size=10, fill="#687078")

    def at(number: int, value: float) -> str:
        x = left + (right - left) * number / (_POINTS - 1)
        return f"{x:.1f},{lower - (lower - upper) * value / top:.1f}"

    below = [0.0] * _POINTS
    for values, color in zip(series.values(), _COLORS, strict=False):
        if stacked:
            above = [low + value for low, value in zip(below, values, strict=True)]
            edge = [at(number, value) for number, value in enumerate(above)]
            edge += [at(number, below[number]) for number in reversed(range(_POINTS))]
            yield f'<polygon points="{" ".join(edge)}" fill="{color}" fill-opacity="0.7"/>'
            below = above
        else:
            line = " ".join(at(number, value) for number, value in enumerate(values))
            yield f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.8"/>'
    colors = iter(_COLORS)
    for number, labels in enumerate(lines):
        x, y = left, height - 4 - 16 * (len(lines) - number)
        for label in labels:
            yield f'<rect x="{x}" y="{y}" width="9" height="9" fill="{next(colors)}"/>'
            yield _words(x + 13, y + 9, label, size=11)
            x += _room(label)
    for one in limits:
        y = lower - (lower - upper) * one["value"] / top
        yield (
            f'<line x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="{one["color"]}" '
            'stroke-dasharray="5 3"/>'
        )
        yield _words(left + 4, y - 3, one["label"], size=10, fill=one["color"])


def _legend(labels: Iterable[str], width: float) -> Iterator[list[str]]:
    """Labels in as many lines as they need."""
    line: list[str] = []
    for label in labels:
        if line and sum(map(_room, [*line, label])) > width:
            yield line
            line = []
        line.append(label)
    yield line


def _room(label: str) -> int:
    return 24 + 6 * len(label)


def _series(properties: Mapping[str, Any]) -> dict[str, list[float]]:
    """Invented figures of each line that the chart shows, by label."""
    found: dict[str, list[float]] = {}
    title = properties["title"]
    for metric in properties["metrics"]:
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        if options.get("visible") is False:
            continue
        label = str(options.get("label", metric[1] if len(metric) > 1 else ""))
        if label.startswith("${PROP"):
            levels = _TYPES if "EventType" in label else _RULES
            scale = 288.0 if "day" in title else 1.0
            found |= {name: _curve(title + name, level * scale) for name, level in levels.items()}
            continue
        words = next((word for word in _LEVELS if word in label or word in title), "")
        level = next((_LEVELS[word] for word in _LEVELS if word in label), None)
        found[label] = _curve(title + label, _LEVELS.get(words, 100.0) if level is None else level)
    return found


def _curve(seed: str, level: float) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 - figures for a picture
    return [
        level * (1 + 0.3 * math.sin(number / 6)) * chance.uniform(0.85, 1.15)
        for number in range(_POINTS)
    ]


def _short(value: float) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
