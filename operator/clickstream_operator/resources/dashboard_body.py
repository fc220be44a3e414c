"""The body of a pipeline's dashboard, as pure data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def dashboard_body(
    *,
    region: str,
    title: str,
    base: str,
    stream: str,
    processor: str,
    detector: str | None,
    tables: Sequence[str],
    dead_letter_queue: str,
) -> dict[str, Any]:
    """The widgets. `base` is the Pipeline dimension of the processor's metrics; others are names."""
    raise NotImplementedError
