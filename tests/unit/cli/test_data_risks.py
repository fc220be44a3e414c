"""Data at risk: what a change of a spec deletes, or lets be deleted."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.data_risks import risks

OLD: dict[str, Any] = {
    "stream": {"retentionHours": 48},
    "archive": {"expirationDays": 0, "noncurrentVersionDays": 30},
    "tables": {"ttl": {"pageMetricsDays": 30, "sessionMetricsHours": 200, "countersHours": 200}},
}
RISKY: list[tuple[dict[str, Any], str]] = [
    ({"stream": {"retentionHours": 24}}, "stream.retentionHours 48 -> 24: records older than 24 h"),
    ({"archive": {"expirationDays": 700}}, "archive.expirationDays 0 -> 700: archived objects"),
    ({"archive": {"noncurrentVersionDays": 1}}, "archive.noncurrentVersionDays 30 -> 1: "),
    ({"tables": {"ttl": {"countersHours": 100}}}, "tables.ttl.countersHours 200 -> 100: "),
    ({"deadLetter": {"retentionDays": 1}}, "deadLetter.retentionDays 14 -> 1: messages"),
    ({"logs": {"retentionDays": 1}}, "logs.retentionDays 14 -> 1: log lines"),
    ({"tables": {"pointInTimeRecovery": False}}, "tables.pointInTimeRecovery true -> false: "),
    ({"tables": {"deletionProtection": False}}, "tables.deletionProtection true -> false: "),
    ({"archive": {"enabled": False}}, "archive.enabled true -> false: events are no longer"),
    ({"deletionPolicy": {"archive": "Empty"}}, "deletionPolicy.archive Retain -> Empty: "),
    ({"deletionPolicy": {"tables": "Delete"}}, "deletionPolicy.tables Retain -> Delete: "),
]


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both, the second winning at every depth."""
    result = dict(one)
    for key, value in other.items():
        deeper = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if deeper else value
    return result


@pytest.mark.parametrize(("change", "said"), RISKY, ids=[said.split()[0] for _, said in RISKY])
def test_a_change_that_loses_data_is_told_and_its_reverse_is_not(
    change: dict[str, Any], said: str
) -> None:
    """With the field, both values and what happens."""
    old, new = Spec.model_validate(OLD), Spec.model_validate(merged(OLD, change))
    [risk] = risks(old, new)
    assert risk.startswith(said)
    assert list(risks(new, old)) == []


def test_an_unchanged_spec_risks_nothing() -> None:
    """Neither does a change of what holds no data."""
    old = Spec.model_validate(OLD)
    assert list(risks(old, old)) == []
    assert list(risks(old, Spec.model_validate(merged(OLD, {"environment": "prod"})))) == []
