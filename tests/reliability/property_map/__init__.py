"""Everything that a field of a `ClickstreamPipeline` controls, as one table, and its proof.

A module for each of ``clickstream_operator.api.spec``. `test_property_map.py` runs the table;
``make docs`` renders it as ``docs/reference/conformance.md``. A field of the CRD that has no row
here fails the tests.

``<name>`` in a row stands for a physical name of the pipeline at hand.
"""

from __future__ import annotations

from typing import Final

from tests.reliability.property_map import (
    collector,
    detection,
    events,
    monitoring,
    policies,
    processing,
    storage,
    stream,
)
from tests.reliability.property_map.row import QUESTIONS, Row, merged, rounds

__all__ = ["QUESTIONS", "ROWS", "Row", "merged", "rounds"]

ROWS: Final[tuple[Row, ...]] = (
    *policies.ROWS,
    *stream.ROWS,
    *processing.ROWS,
    *collector.ROWS,
    *events.ROWS,
    *detection.ROWS,
    *monitoring.ROWS,
    *storage.ROWS,
)
