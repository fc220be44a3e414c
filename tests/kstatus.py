"""What Flux, Argo CD's helpers, Helm and kubectl make of an object: kstatus, in Python.

A port of the part of cli-utils' ``pkg/kstatus/status`` (``generic.go``, ``status.go``) that decides
about custom resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """kstatus' results."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


def verdict(body: Mapping[str, Any]) -> Verdict:
    """The status of one object, in kstatus' own order of questions."""
    metadata = body.get("metadata", {})
    status = body.get("status") or {}
    if "deletionTimestamp" in metadata:
        return Verdict.TERMINATING
    if status.get("observedGeneration", metadata.get("generation")) != metadata.get("generation"):
        return Verdict.IN_PROGRESS
    conditions = status.get("conditions") or []
    for condition in conditions:
        if condition["type"] == "Reconciling" and condition["status"] == "True":
            return Verdict.IN_PROGRESS
        if condition["type"] == "Stalled" and condition["status"] == "True":
            return Verdict.FAILED
    for condition in conditions:
        if condition["type"] == "Ready":
            ready = condition["status"] == "True"
            return Verdict.CURRENT if ready else Verdict.IN_PROGRESS
    return Verdict.CURRENT
