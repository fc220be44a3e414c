"""`spec.metrics`: CloudWatch metrics made from events, without code. Pure but for the series seen.

A metric's dimension values come from events, so each metric has at most `max_series` of them per
container; later ones are counted as `other`. A metric whose names a line of the embedded metric
format cannot carry is left out: it would make a line that CloudWatch drops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.emf import DESCRIPTION, PIPELINE, Metrics, Series, dimension_value, metric_value
from shared.field_match import matches
from shared.paths import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.config import CustomMetric
    from shared.records import Event


class CustomMetrics:
    """The custom metrics of one pipeline."""

    def __init__(self, metrics: Sequence[CustomMetric], out: Metrics) -> None:
        self.left_out = [metric.name for metric in metrics if not _fits_a_line(metric)]
        self._metrics = [
            (metric, Series(metric.max_series)) for metric in metrics if _fits_a_line(metric)
        ]
        self._out = out

    def emit(self, events: Sequence[Event]) -> dict[str, int]:
        """Write one line per series and 100 values.

        Returns:
            By metric name, how many events it left out because their value is no number.
        """
        left_out: dict[str, int] = {}
        for metric, series in self._metrics:
            found: dict[tuple[str, ...], list[float]] = {}
            for event in events:
                document = event.document
                if not matches(document, metric.match):
                    continue
                value = 1.0
                if metric.value_field is not None:
                    number = metric_value(find(document, metric.value_field))
                    if number is None:
                        left_out[metric.name] = left_out.get(metric.name, 0) + 1
                        continue
                    value = number
                names = tuple(dimension_value(find(document, name)) for name in metric.dimensions)
                found.setdefault(series.admit(names), []).append(value)
            for names, values in found.items():
                # Values keep their statistics; a count is one number.
                shown = values if metric.value_field is not None else sum(values)
                self._out.emit(
                    {metric.name: (shown, metric.unit)},
                    namespace=metric.namespace,
                    dimensions=dict(zip(metric.dimensions, names, strict=True)),
                )
        return left_out


def _fits_a_line(metric: CustomMetric) -> bool:
    taken = {DESCRIPTION, PIPELINE, *metric.dimensions}
    return metric.name not in taken and DESCRIPTION not in metric.dimensions
