"""CloudWatch metrics as lines on standard output, without an API call.

Format: CloudWatch User Guide, "Specification: Embedded metric format": at most 100 values per
metric in a line, at most 30 dimensions, dimension values of at most 1,024 characters.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

NAMESPACE = "Clickstream/Events"
DESCRIPTION, PIPELINE = "_aws", "Pipeline"
"""Members of each line: its description for CloudWatch Logs, and the dimension it always has."""
OTHER = "other"
MOST_VALUES = 100
_LONGEST_VALUE, _DIGEST_DIGITS = 250, 16
_ENCODED = re.compile(r"[^\x20-\x7e]+|%(?=[0-9A-Fa-f]{2})|\A:")
_NUMBER = re.compile(r"[+-]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LARGEST = 2.0**360
"""CloudWatch API Reference, "MetricDatum": values lie between -2^360 and 2^360."""


def write_line(line: str) -> None:
    """Write one line to standard output, where CloudWatch Logs picks it up."""
    print(line, flush=True)


class Series:
    """The names that may become a dimension: the first `most` seen, every later one is `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[tuple[str, ...]] = set()

    def admit(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names, or as many times `other` when there are enough already."""
        if names not in self._known:
            if len(self._known) >= self._most:
                return (OTHER,) * len(names)
            self._known.add(names)
        return names


class Metrics:
    """Writes metric lines of one pipeline."""

    def __init__(
        self, pipeline: str, clock: Callable[[], float], out: Callable[[str], None]
    ) -> None:
        self._pipeline = pipeline
        self._clock = clock
        self._out = out

    def emit(
        self,
        values: Mapping[str, tuple[float | Sequence[float], str]],
        *,
        namespace: str = NAMESPACE,
        dimensions: Mapping[str, str] | None = None,
        account_wide: bool = False,
        besides: Mapping[str, tuple[float, str]] | None = None,
    ) -> None:
        """Write a line.

        Args:
            values: by metric name, the value or the list of values, and the unit.
            namespace: CloudWatch namespace.
            dimensions: names and values beside Pipeline.
            account_wide: add the set without dimensions, which sums all pipelines.
            besides: values that this set leaves out, as each of its metrics has a price.
        """
        dimensions = {
            name: dimension_value(value) for name, value in (dimensions or {}).items()
        } | {PIPELINE: self._pipeline}
        names = [PIPELINE, *(name for name in dimensions if name != PIPELINE)]
        sets = [[], names] if account_wide else [names]
        besides = besides or {}
        units = {name: unit for name, (_, unit) in (*values.items(), *besides.items())}

        def directive(chunk: Iterable[str], sets: list[list[str]]) -> dict[str, Any]:
            return {
                "Namespace": namespace,
                "Dimensions": sets,
                "Metrics": [{"Name": name, "Unit": units[name]} for name in chunk],
            }

        for chunk in _chunks(values):
            directives = [directive(chunk, sets)]
            if besides:
                directives.append(directive(besides, [names]))
                chunk |= {name: value for name, (value, _) in besides.items()}
                besides = {}
            stamp = {"Timestamp": round(self._clock() * 1000), "CloudWatchMetrics": directives}
            # Metrics last: a dimension member of the same name would hide the value.
            self._out(
                json.dumps({DESCRIPTION: stamp, **dimensions, **chunk}, separators=(",", ":"))
            )


def _chunks(
    values: Mapping[str, tuple[float | Sequence[float], str]],
) -> Iterator[dict[str, Any]]:
    """Yield members of lines that hold at most `MOST_VALUES` values of each metric."""
    plain = {name: value for name, (value, _) in values.items() if isinstance(value, int | float)}
    if plain:
        yield plain
    for name, (value, _) in values.items():
        if not isinstance(value, int | float):
            for start in range(0, len(value), MOST_VALUES):
                yield {name: list(value[start : start + MOST_VALUES])}


def dimension_value(value: Any) -> str:
    """Return a value that CloudWatch takes: printable ASCII, not blank, no colon in front.

    Different values stay different: what is not taken is percent-encoded, and a long value ends in
    a hash of the whole.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return "none"
    text = _ENCODED.sub(_encode, str(value).strip())
    if len(text) > _LONGEST_VALUE:
        digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]
        text = f"{text[: _LONGEST_VALUE - _DIGEST_DIGITS - 1]}~{digest}"
    return text or "none"


def _encode(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def metric_value(value: Any) -> float | None:
    """Return a number that CloudWatch takes, given as such or as text; None for anything else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -_LARGEST <= value <= _LARGEST else None
