"""Configuration of the functions: a JSON document from the spec and the names. Pure.

The functions refuse a version or a member that is not in their schema
(``lambdas/shared/config.schema.json``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from clickstream_operator.api import components, presets
from clickstream_operator.api.spec.events import Events
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.pipeline.detection_config import compile_rule

VERSION: Final = 1
#: Bytes of a configuration in the environment; all variables together have 4 KB ("Lambda quotas").
ENVIRONMENT_LIMIT: Final = 3500
#: Seconds that the collector has for a request: a visitor's browser waits no longer.
COLLECTOR_TIMEOUT_SECONDS: Final = 10
#: Hours for which lane and incident items outlive the records of the stream.
_LANE_MARGIN_HOURS: Final = 24
#: KiB that the functions take of a record without being told.
_MAX_RECORD_SIZE: Final = 1024

#: Fields that functions without them have had at this value: their configuration stays the same.
_ADDED_TO_EVENTS: Final = {
    "pageViewTypes": ["page_view"],
    "unwrap": [],
    "time": "Event",
    **Events().model_dump(
        by_alias=True, include={"pages", "robots", "own_domains"}, exclude_none=True
    ),
}

Function = Literal["processor", "detector", "collector"]


def document(
    function: Function,
    *,
    spec: Spec,
    base: str,
    physical: Mapping[str, str],
    stream_epoch: str,
    dead_letter_url: str,
    topic_arn: str,
) -> dict[str, Any]:
    """The configuration of one function."""
    detection = spec.anomaly_detection
    is_collector = function == "collector"
    larger = spec.stream.max_record_size_kib > _MAX_RECORD_SIZE
    return {
        "version": VERSION,
        "function": function,
        "pipeline": base,
        "streamEpoch": stream_epoch,
        "tables": {
            "pageMetrics": physical[components.PAGE_METRICS],
            "sessionMetrics": physical[components.SESSION_METRICS],
            "counters": physical[components.COUNTERS],
        },
        "bucket": physical[components.ARCHIVE],
        "archive": {"enabled": spec.archive.enabled, "compression": spec.archive.compression},
        "deadLetterQueueUrl": dead_letter_url,
        "events": _events(spec),
        "privacy": {
            **spec.privacy.model_dump(by_alias=True),
            "hashKeyParameter": physical[components.HASH_KEY],
        },
        # Metrics and rules are nothing to the collector, and would make its document large.
        "metrics": [
            metric.model_dump(by_alias=True, exclude_none=True)
            for metric in spec.metrics
            if not is_collector
        ],
        "ttl": {
            **spec.tables.ttl.model_dump(by_alias=True),
            "laneHours": spec.stream.retention_hours + _LANE_MARGIN_HOURS,
        },
        "detection": {
            "enabled": detection.enabled,
            "stream": physical[components.STREAM],
            "sensitivity": detection.sensitivity,
            "disabledRules": sorted(detection.disabled_rules),
            "rules": [compile_rule(rule) for rule in detection.rules if not is_collector],
            "alertsTopicArn": topic_arn,
        },
        "logLevel": spec.processor.log_level,
        **({"maxRecordSizeKiB": spec.stream.max_record_size_kib} if larger else {}),
        **({"collector": _collector(spec)} if is_collector else {}),
    }


def _collector(spec: Spec) -> dict[str, Any]:
    """The collector's own part, without what is unset."""
    settings = spec.collector.model_dump(
        by_alias=True, exclude_none=True, exclude={"enabled", "memory_mib", "reserved_concurrency"}
    )
    return {**settings, "allowedOrigins": sorted(spec.collector.allowed_origins)}


def event_form(spec: Spec) -> dict[str, Any]:
    """The form of the events that a spec reads, with what its preset fills; names of the API."""
    return presets.resolve(
        spec.events.model_dump(by_alias=True, exclude_none=True),
        users_are_dropped=spec.privacy.user_id == "Drop",
    )


def _events(spec: Spec) -> dict[str, Any]:
    """The form of events; a field of a later version only where it is not at its default."""
    events = event_form(spec)
    for name, default in _ADDED_TO_EVENTS.items():
        if events[name] == default:
            del events[name]
    return events


def as_text(config: Mapping[str, Any]) -> str:
    """The document as compact JSON: one text for one configuration."""
    return json.dumps(config, separators=(",", ":"), sort_keys=True)


def object_key(text: str) -> str:
    """Key in the archive bucket, for a configuration that is too large for the environment."""
    return f"config/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
