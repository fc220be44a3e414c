"""Runs of the deployed functions that show the effect of a field, by name: `PROBES`."""

from __future__ import annotations

from tests.reliability.probes import detector, processor
from tests.reliability.probes.registry import PROBES

__all__ = ["PROBES", "detector", "processor"]
