"""Numbers of the parts that a spec asks for. Pure."""

from __future__ import annotations

from clickstream_operator.api.v1alpha1 import Spec


def alarm_count(spec: Spec) -> int:
    """Alarms: four of each function, balance, dead letters, failed batches, missing data."""
    if not spec.alarms.enabled:
        return 0
    functions = 1 + spec.anomaly_detection.enabled + spec.collector.enabled
    balance = spec.anomaly_detection.enabled
    return 4 * functions + balance + 2 + (spec.alarms.no_data_minutes is not None)


def customer_keys(spec: Spec) -> frozenset[str]:
    """Distinct customer managed keys of a spec."""
    keys = (
        spec.stream.kms_key_id,
        spec.tables.kms_key_id,
        spec.archive.kms_key_id,
        spec.dead_letter.kms_key_id,
        spec.logs.kms_key_id,
        spec.alerts.kms_key_id if spec.alerts.enabled else None,
    )
    return frozenset(key for key in keys if key and not key.startswith("alias/aws/"))


def unsent_reads(spec: Spec) -> float:
    """Read units of one tick's query of messages that were not sent: those of an empty answer."""
    return 0.5 if spec.alerts.enabled else 0.0
