"""What each role of a pipeline may do, and nothing more: pure policy documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clickstream_operator.aws.arns import Place


def function_trust() -> dict[str, Any]:
    """Trust policy of the processor's and the detector's role."""
    raise NotImplementedError


def scheduler_trust(place: Place) -> dict[str, Any]:
    """Trust policy of the scheduler's role: only schedules of this account."""
    raise NotImplementedError


def processor_policy(
    place: Place,
    *,
    stream: str,
    page_metrics_table: str,
    session_metrics_table: str,
    counters_table: str,
    bucket: str,
    queue: str,
    hash_key_parameter: str | None,
    log_group: str,
    kms_key_arns: Sequence[str] = (),
) -> dict[str, Any]:
    """Policy of the processor's role. All names are physical; `kms_key_arns` are customer keys."""
    raise NotImplementedError


def detector_policy(
    place: Place,
    *,
    stream: str,
    session_metrics_table: str,
    counters_table: str,
    bucket: str,
    topic_arn: str | None,
    hash_key_parameter: str | None,
    log_group: str,
    kms_key_arns: Sequence[str] = (),
) -> dict[str, Any]:
    """Policy of the detector's role. All names are physical; `kms_key_arns` are customer keys."""
    raise NotImplementedError


def scheduler_policy(place: Place, *, function: str) -> dict[str, Any]:
    """Policy of the scheduler's role: invoke one function."""
    raise NotImplementedError
