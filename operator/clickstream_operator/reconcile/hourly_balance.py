"""What the hourly balance amounts to, by the detector's metric. Pure.

An hour that was closed is one value: 0 or the number of rows, events and bytes that differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.status.result import Reading

#: A lane may be behind for some hours before nothing is said about it any more.
_SILENT_HOURS: Final = 6


def is_off(detection: bool) -> Reading | None:  # noqa: FBT001 - one truth of the spec
    """The balance of a pipeline without a detector; None for one that has it."""
    if detection:
        return None
    message = "the detector closes hours; set anomalyDetection.enabled: true to have them balanced"
    return Reading("Unknown", Reason.DETECTOR_OFF, message)


def judge(values: Mapping[datetime, float], now: datetime) -> Reading:
    """The balance that the last day's values of closed hours amount to, by when they closed."""
    different = sum(value > 0 for value in values.values())
    if different:
        hours = "1 hour" if different == 1 else f"{different} hours"
        return Reading(
            "False",
            Reason.NUMBERS_DIFFER,
            f"{hours} of the last 24 differ from what stands in tables and bucket; the "
            "detector's log (`hour not balanced`) says which and by what",
        )
    recent = now - timedelta(hours=_SILENT_HOURS)
    if not any(closed >= recent for closed in values):
        return Reading(
            "Unknown",
            Reason.NO_HOUR_CLOSED,
            f"no hour was closed in the last {_SILENT_HOURS}: the pipeline is new, a shard is "
            "behind, or the detector's role lacks dynamodb:Scan (`hour not judged` in its log)",
        )
    return Reading(
        "True",
        Reason.NUMBERS_AGREE,
        "each hour closed in the last 24 agrees with what stands in tables and bucket",
    )
