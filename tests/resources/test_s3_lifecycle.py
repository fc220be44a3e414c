"""Lifecycle rules: our prefixes only, and rules that S3 accepts."""

from __future__ import annotations

from typing import Any

import pytest

from clickstream_operator.resources import s3_lifecycle as bucket_lifecycle

RULES = bucket_lifecycle.rules(
    transitions=[("STANDARD_IA", 30), ("GLACIER", 90)],
    expiration_days=365,
    noncurrent_version_days=30,
    abort_multipart_days=7,
)


def test_one_rule_for_each_prefix() -> None:
    """``config/`` has none: a function may start at any time."""
    assert {rule["ID"]: rule["Filter"] for rule in RULES} == {
        "clickstream-raw": {"Prefix": "raw/"},
        "clickstream-bad": {"Prefix": "bad/"},
        "clickstream-failed": {"Prefix": "aws/lambda/"},
    }
    assert bucket_lifecycle.described(RULES)["clickstream-raw"] == {
        "prefix": "raw/",
        "enabled": True,
        "transitions": [["GLACIER", 90], ["STANDARD_IA", 30]],
        "expirationDays": 365,
        "noncurrentVersionDays": 30,
        "abortMultipartDays": 7,
    }


def test_zero_days_keep_for_ever() -> None:
    """S3 accepts neither zero days nor an empty list of transitions."""
    rules = bucket_lifecycle.rules(
        transitions=[], expiration_days=0, noncurrent_version_days=1, abort_multipart_days=1
    )
    assert not any("Expiration" in rule or "Transitions" in rule for rule in rules)


def test_order_of_transitions_means_nothing() -> None:
    """S3 may answer in another order."""
    turned = [{**rule, "Transitions": rule["Transitions"][::-1]} for rule in RULES]
    assert bucket_lifecycle.described(turned) == bucket_lifecycle.described(RULES)


def test_disabled_rule_is_a_difference() -> None:
    """A rule that somebody switched off does nothing."""
    off = [{**rule, "Status": "Disabled"} for rule in RULES]
    assert bucket_lifecycle.described(off) != bucket_lifecycle.described(RULES)


def test_rules_of_others_are_told_apart() -> None:
    """By the start of the id; a rule in the older form is written in the newer one beside ours."""
    theirs = [{"ID": "tidy"}, {"Prefix": "old/"}]
    assert bucket_lifecycle.ours([*RULES, *theirs]) == RULES
    others = [{"ID": "tidy"}, {"Filter": {"Prefix": "old/"}}]
    assert bucket_lifecycle.foreign([*RULES, *theirs]) == others


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (None, {"failedObjectMetrics": False}),
        ({"MetricsConfiguration": {"Id": "clickstream-failed"}}, {"failedObjectMetrics": False}),
        (
            {"MetricsConfiguration": {"Id": "clickstream-failed", "Filter": {"Prefix": "raw/"}}},
            {"failedObjectMetrics": False},
        ),
        (
            {"MetricsConfiguration": bucket_lifecycle.failed_object_metrics()},
            {"failedObjectMetrics": True},
        ),
        ({"MetricsConfiguration": {}}, {}),
        ({}, {}),
    ],
)
def test_metrics_of_other_objects_are_not_those_of_the_alarm(
    shown: dict[str, Any] | None, told: dict[str, bool]
) -> None:
    """A configuration that is there but counts other objects would blind the alarm."""
    assert bucket_lifecycle.failed_object_properties(shown) == told
