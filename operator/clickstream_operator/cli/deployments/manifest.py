"""From a deployment to the manifest of a pipeline that adopts its data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from clickstream_operator.api import v1alpha1
from clickstream_operator.api.spec.processing import Logs
from clickstream_operator.api.spec.storage import Transition
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.deployments.model import (
    COUNTERS,
    PAGE_METRICS,
    SESSION_METRICS,
    Deployment,
)
from clickstream_operator.cli.errors import CliError
from clickstream_operator.cli.manifest import faults_of
from clickstream_operator.cli.manifest.schema import object_schema

_RECIPES_TAGS: Final = frozenset({"environment", "managedby", "name", "purpose", "recipe"})
"""Tags that the recipe gives and a pipeline does not repeat, in lower case."""
_TAG: Final = re.compile(r"[\w\s.:/=+\-@]{1,128}")
_LONGEST_TAG: Final = 256
_MOST_TAGS: Final = 40
_LONGEST_NAME: Final = 40
_SUFFIX: Final = re.compile(r"-events(-[0-9a-f]{8})?$")
_ENVIRONMENT: Final = re.compile(r"[a-z0-9-]{1,20}")
_HOURS_A_DAY: Final = 24
_SHORTEST_TIMEOUT: Final = 30
_LONGEST_EXPIRATION: Final = 3653


@dataclass(frozen=True, slots=True)
class Import:
    """A manifest, and what a person has to know of it."""

    body: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Namespace of the pipeline."""
        return str(self.body["metadata"]["namespace"])


def make_import(found: Deployment, *, name: str, namespace: str, starting_at: str) -> Import:
    """The manifest that adopts stream, bucket and tables, from a recorded point on.

    `name` may be empty: then it comes from the name of the stream. `starting_at` is an RFC 3339
    time. Only what differs from a default is written.

    Raises:
        CliError: the name can't be one of a pipeline.
    """
    notes = list(found.notes)
    spec: dict[str, Any] = {
        "region": found.region,
        "adoptionPolicy": "Always",
        "deletionPolicy": {"adopted": "Retain"},
        "names": _names(found),
        "tags": _tags(found.tags, notes),
        "stream": _stream(found, notes),
        "processor": {
            **_processor(found),
            "startingPosition": {"type": "AtTimestamp", "timestamp": starting_at},
        },
        "anomalyDetection": _detection(found),
        "alerts": _alerts(found, notes),
        "dashboard": {"enabled": found.dashboard},
        "alarms": _alarms(found),
        "tables": _tables(found, notes),
        "archive": _archive(found, notes),
        "deadLetter": _given(retentionDays=_days(found.dead_letter_days, 1, 14)),
        "logs": _given(retentionDays=_log_days(found.log_retention_days)),
    }
    environment = found.tags.get("Environment", "")
    if _ENVIRONMENT.fullmatch(environment):
        spec["environment"] = environment
    always = {"region", "adoptionPolicy", "names", "deletionPolicy"}
    defaults = Spec().model_dump(mode="json", by_alias=True)
    order = list(object_schema()["properties"]["spec"]["properties"])
    written = {
        key: spec[key] if key in always else differing(spec[key], defaults.get(key))
        for key in sorted(spec, key=order.index)
    }
    body = {
        "apiVersion": v1alpha1.API_VERSION,
        "kind": v1alpha1.KIND,
        "metadata": {"name": name or _name_of(found.stream.name), "namespace": namespace},
        "spec": {key: value for key, value in written.items() if value not in (None, {})},
    }
    for fault in faults_of(body):
        remedy = "give another name with --name" if fault.path == "metadata.name" else ""
        raise CliError(f"no pipeline can be made of this deployment: {fault}", remedy)
    return Import(body, tuple(notes))


def differing(value: Any, default: Any) -> Any:
    """The members that differ from the default; None where none does."""
    if isinstance(value, dict) and isinstance(default, dict):
        found = {key: differing(item, default.get(key)) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None} or None
    return None if value == default else value


def _given(**members: Any) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _name_of(stream: str) -> str:
    """A name for the pipeline: that of the recipe's parts without the last one's own."""
    stem = re.sub(r"[^a-z0-9-]+", "-", _SUFFIX.sub("", stream).lower())
    return stem[:_LONGEST_NAME].strip("-") or "clickstream"


def _names(found: Deployment) -> dict[str, str]:
    return {
        "stream": found.stream.name,
        "archiveBucket": found.bucket.name,
        "pageMetricsTable": found.tables[PAGE_METRICS].name,
        "sessionMetricsTable": found.tables[SESSION_METRICS].name,
        "countersTable": found.tables[COUNTERS].name,
    }


def _tags(tags: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Tags that the new parts get too, as the adopted ones keep them."""
    kept: dict[str, str] = {}
    seen: set[str] = set()
    for key, value in sorted(tags.items()):
        low = key.lower()
        if low in _RECIPES_TAGS or low.startswith(("aws:", "clickstream.dev/")):
            continue
        fits = _TAG.fullmatch(key) and (not value or _TAG.fullmatch(value[:128]))
        if not fits or len(value) > _LONGEST_TAG or low in seen or len(kept) == _MOST_TAGS:
            notes.append(f"tag {key} stays on what is adopted; the new parts can't have it")
            continue
        seen.add(low)
        kept[key] = value
    return kept


def _stream(found: Deployment, notes: list[str]) -> dict[str, Any]:
    stream = found.stream
    if not stream.kms_key_id:
        notes.append("the stream is not encrypted; the pipeline encrypts it with alias/aws/kinesis")
    members: dict[str, Any] = {
        "mode": stream.mode,
        "retentionHours": stream.retention_hours,
        "shardLevelMetrics": sorted(stream.shard_level_metrics),
    }
    if stream.mode == "Provisioned":
        members["shards"] = stream.shards
    if stream.kms_key_id:
        members["kmsKeyId"] = stream.kms_key_id
    return members


def _processor(found: Deployment) -> dict[str, Any]:
    function = found.processor
    if function is None:
        return {}
    return _given(
        memoryMiB=function.memory_mib,
        timeoutSeconds=max(_SHORTEST_TIMEOUT, function.timeout_seconds),
        batchSize=function.batch_size,
        batchingWindowSeconds=function.window_seconds,
        reservedConcurrency=function.reserved_concurrency,
    )


def _detection(found: Deployment) -> dict[str, Any]:
    function = found.detector
    if function is None:
        return {"enabled": False}
    return _given(
        memoryMiB=function.memory_mib,
        timeoutSeconds=max(_SHORTEST_TIMEOUT, function.timeout_seconds),
        reservedConcurrency=function.reserved_concurrency,
    )


def _alerts(found: Deployment, notes: list[str]) -> dict[str, Any]:
    if not found.alerts:
        return {}
    if found.emails:
        notes.append(
            f"the pipeline has a topic of its own: {', '.join(found.emails)} must confirm the "
            "subscription once more"
        )
    return {"enabled": True, **({"emails": list(found.emails)} if found.emails else {})}


def _alarms(found: Deployment) -> dict[str, Any]:
    """An alarm on the age of records must bear twice the batching window."""
    window = found.processor.window_seconds if found.processor else 0
    least = 2 * window + 30
    default = Spec().alarms.iterator_age_seconds
    return {"iteratorAgeSeconds": least} if least > default else {}


def _tables(found: Deployment, notes: list[str]) -> dict[str, Any]:
    tables = found.tables.values()
    members: dict[str, Any] = {}
    if all(one.on_demand for one in tables):
        members["billingMode"] = "OnDemand"
    elif not any(one.on_demand for one in tables):
        reads = {one.read_units for one in tables}
        writes = {one.write_units for one in tables}
        members["billingMode"] = "Provisioned"
        members["provisioned"] = {"readUnits": max(reads), "writeUnits": max(writes)}
        if len(reads) > 1 or len(writes) > 1:
            notes.append("the tables differ in capacity; the pipeline gives each the largest")
    else:
        notes.append("the tables differ in billing mode; the pipeline makes all on-demand")
    members["pointInTimeRecovery"] = any(one.point_in_time_recovery for one in tables)
    keys = {one.kms_key_id for one in tables} - {""}
    if len(keys) == 1:
        members["kmsKeyId"] = keys.pop()
    elif keys:
        notes.append("the tables have several KMS keys; choose one with tables.kmsKeyId")
    # Exactness needs items that outlive the records that can change them.
    spec = Spec()
    hours = found.stream.retention_hours + -(-(spec.events.max_past_seconds + 7200) // 3600)
    members["ttl"] = {
        "pageMetricsDays": max(spec.tables.ttl.page_metrics_days, -(-hours // _HOURS_A_DAY)),
        "sessionMetricsHours": max(spec.tables.ttl.session_metrics_hours, hours),
        "countersHours": max(spec.tables.ttl.counters_hours, hours),
    }
    return members


def _archive(found: Deployment, notes: list[str]) -> dict[str, Any]:
    bucket = found.bucket
    members: dict[str, Any] = {}
    if bucket.kms_key_id:
        members["kmsKeyId"] = bucket.kms_key_id
    if bucket.expiration_days is not None or bucket.transitions:
        expires = min(bucket.expiration_days or 0, _LONGEST_EXPIRATION)
        classes = get_args(Transition.model_fields["storage_class"].annotation)
        moves = []
        for storage_class, days in bucket.transitions:
            if storage_class not in classes:
                notes.append(f"transition to {storage_class} is left out: no pipeline has it")
            elif expires and days >= expires:
                notes.append(
                    f"transition to {storage_class} after {days} days is left out: objects expire "
                    f"after {expires}"
                )
            else:
                moves.append({"storageClass": storage_class, "afterDays": days})
        members |= {"expirationDays": expires, "transitions": moves}
        scope = f"expires every object of the bucket after {expires} days" if expires else "stays"
        notes.append(
            f"the recipe's own lifecycle rule {scope}, the new ones of the pipeline included; "
            "narrow it to the prefix year= once the pipeline is Ready"
        )
    notes += [f"lifecycle rule {one} stays as it is" for one in bucket.other_rules]
    return members


def _days(value: int | None, least: int, most: int) -> int | None:
    return None if value is None else min(max(value, least), most)


def _log_days(value: int | None) -> int | None:
    """The period, or the next one that CloudWatch knows; one without an end is the longest."""
    if value is None:
        return None
    known: list[int] = sorted(get_args(Logs.model_fields["retention_days"].annotation))
    return next((one for one in known if value and one >= value), known[-1])
