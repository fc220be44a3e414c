"""Lifecycle rules and request metrics of the archive bucket, as pure data.

Rules whose id starts with ``clickstream-`` are ours. They cover our prefixes only, so that nothing
else in an adopted bucket, nor the functions' ``config/``, ever expires.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

#: Where Lambda puts batches that it gave up on: ``aws/lambda/<mapping uuid>/<shard>/...``; the
#: destination takes no other prefix (Lambda developer guide, "Retain discarded batch records for a
#: Kinesis Data Streams event source").
FAILED_PREFIX: Final = "aws/lambda/"
#: Filter of the request metrics that the failed-objects alarm watches.
FAILED_FILTER_ID: Final = "clickstream-failed"
RAW_PREFIX: Final = "raw/"
BAD_PREFIX: Final = "bad/"
#: Smaller objects cost more in the colder classes than they save, so they stay where they are
#: (S3 user guide, "Constraints and considerations for transitions"). Said explicitly, because the
#: default has changed before.
MINIMUM_SIZE: Final = "all_storage_classes_128K"

_OURS: Final = "clickstream-"
_PREFIXES: Final = {"raw": RAW_PREFIX, "bad": BAD_PREFIX, "failed": FAILED_PREFIX}


def rules(
    *,
    transitions: Sequence[tuple[str, int]],
    expiration_days: int,
    noncurrent_version_days: int,
    abort_multipart_days: int,
) -> list[dict[str, Any]]:
    """The rules in S3's form, one for each prefix. Days count from an object's creation."""
    actions: dict[str, Any] = {
        "NoncurrentVersionExpiration": {"NoncurrentDays": noncurrent_version_days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort_multipart_days},
    }
    if transitions:
        actions["Transitions"] = [
            {"StorageClass": storage_class, "Days": days} for storage_class, days in transitions
        ]
    if expiration_days:
        actions["Expiration"] = {"Days": expiration_days}
    return [
        {"ID": _OURS + name, "Filter": {"Prefix": prefix}, "Status": "Enabled", **actions}
        for name, prefix in _PREFIXES.items()
    ]


def ours(present: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Our rules among those of a bucket."""
    return [dict(rule) for rule in present if str(rule.get("ID", "")).startswith(_OURS)]


def foreign(present: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules of others, to be written beside ours.

    S3 refuses a set in which some rules have a Filter and others the older Prefix
    (PutBucketLifecycleConfiguration, API reference). A Prefix as a Filter means the same.
    """
    others = [rule for rule in present if not str(rule.get("ID", "")).startswith(_OURS)]
    return [_with_filter(rule) for rule in others]


def _with_filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    if "Filter" in rule or "Prefix" not in rule:
        return dict(rule)
    rest = {key: value for key, value in rule.items() if key != "Prefix"}
    return {**rest, "Filter": {"Prefix": rule["Prefix"]}}


def described(present: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Rules by id, in a form in which equal meaning is equal."""
    return {rule["ID"]: _described(rule) for rule in present}


def _described(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prefix": rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")),
        "enabled": rule.get("Status") == "Enabled",
        "transitions": sorted(
            [one["StorageClass"], one["Days"]] for one in rule.get("Transitions", ())
        ),
        "expirationDays": rule.get("Expiration", {}).get("Days", 0),
        "noncurrentVersionDays": rule.get("NoncurrentVersionExpiration", {}).get(
            "NoncurrentDays", 0
        ),
        "abortMultipartDays": rule.get("AbortIncompleteMultipartUpload", {}).get(
            "DaysAfterInitiation", 0
        ),
    }


def failed_object_metrics() -> dict[str, Any]:
    """``MetricsConfiguration`` that counts what Lambda puts under `FAILED_PREFIX`."""
    return {"Id": FAILED_FILTER_ID, "Filter": {"Prefix": FAILED_PREFIX}}


def failed_object_properties(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Properties of an answer of GetBucketMetricsConfiguration, None: there is none.

    Another filter than ours would leave the alarm failed-objects blind. An answer without a
    configuration says nothing.
    """
    if answer is None:
        return {"failedObjectMetrics": False}
    shown = answer.get("MetricsConfiguration")
    return {"failedObjectMetrics": shown == failed_object_metrics()} if shown else {}
