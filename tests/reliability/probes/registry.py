"""Probes by name, as rows of the property map use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from tests.lambdas.pipelines import Pipeline

Probe = Callable[[Pipeline], Any]
PROBES: Final[dict[str, Probe]] = {}


def probe(function: Probe) -> Probe:
    """Register a probe under its name, which rows use."""
    PROBES[function.__name__] = function
    return function


def levels(pipeline: Pipeline) -> list[str]:
    """Levels of the log lines."""
    return [line["level"] for line in map(json.loads, pipeline.lines) if "level" in line]
