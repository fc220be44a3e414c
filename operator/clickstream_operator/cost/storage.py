"""Stored data in the tables and the bucket after a pipeline has run for a year. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cost.traffic import DAYS, Flow, Traffic, distinct_pages

YEAR_DAYS: Final = 365
_DAY_HOURS: Final = 24
_HOUR_MINUTES: Final = 60
#: Bytes of an item, with the 100 that DynamoDB adds to each (DynamoDB developer guide, "Capacity
#: unit consumption and item sizes").
_PAGE_BYTES: Final = 500
_SESSION_BYTES: Final = 600
_COUNTER_BYTES: Final = 220
#: Bytes of the envelope of an archived line, and the share that gzip leaves of a line.
_ENVELOPE_BYTES: Final = 190
_COMPRESSED: Final = 0.15
#: Smaller objects have no transitions, by the lifecycle rules of the bucket.
_SMALLEST_TRANSITION: Final = 131_072
#: Overhead of an object in the archive classes (S3 user guide, "Storage classes"): 32 KB at the
#: class's price and 8 KB at Standard's.
_GLACIER: Final = ("GLACIER", "DEEP_ARCHIVE")
_GLACIER_INDEX: Final = 32_768
_GLACIER_NAME: Final = 8_192
#: Days that S3 bills of an object at least, also when it leaves the class earlier (S3 user guide,
#: "Understanding and managing Amazon S3 storage classes": minimum storage duration).
_MINIMUM_DAYS: Final = {
    "STANDARD_IA": 30,
    "ONEZONE_IA": 30,
    "GLACIER_IR": 90,
    "GLACIER": 90,
    "DEEP_ARCHIVE": 180,
}


@dataclass(frozen=True, slots=True)
class Archive:
    """Stored objects of an archive."""

    bytes_by_class: Mapping[str, float]
    """Billed bytes by storage class: with the rest of the minimum of what leaves a class early."""
    transitions: Mapping[str, float]
    """Transitions of objects a month, by target class."""
    monitored_objects: float
    """Objects in Intelligent-Tiering."""


def table_bytes(spec: Spec, traffic: Traffic, seen: Flow) -> float:
    """Bytes in the three tables."""
    ttl = spec.tables.ttl
    views_an_hour = traffic.events_per_day * traffic.page_view_share / _DAY_HOURS / seen.shards
    page_items = (
        distinct_pages(views_an_hour, traffic.pages)
        * seen.shards
        * _DAY_HOURS
        * ttl.page_metrics_days
    )
    sessions = traffic.sessions_per_day * ttl.session_metrics_hours / _DAY_HOURS
    counters = traffic.event_types * seen.shards * _HOUR_MINUTES * ttl.counters_hours
    return page_items * _PAGE_BYTES + sessions * _SESSION_BYTES + counters * _COUNTER_BYTES


def archive(spec: Spec, traffic: Traffic, seen: Flow) -> Archive:
    """Objects of a year, by the lifecycle rules."""
    if not spec.archive.enabled:
        return Archive({}, {}, 0.0)
    size = seen.batch * (traffic.bytes_per_event + _ENVELOPE_BYTES) * _COMPRESSED
    objects_a_day = seen.batches / DAYS
    expires = spec.archive.expiration_days
    until = min(expires or YEAR_DAYS, YEAR_DAYS)
    steps = [("STANDARD", 0)]
    if size >= _SMALLEST_TRANSITION:
        steps += [
            (step.storage_class, step.after_days)
            for step in spec.archive.transitions
            if step.after_days < until
        ]
    ends = [start for _, start in steps[1:]] + [until]
    kept: dict[str, float] = {}
    monitored = 0.0
    for (storage_class, start), end in zip(steps, ends, strict=True):
        stays = end == until and not 0 < expires <= YEAR_DAYS
        days = end - start if stays else max(end - start, _MINIMUM_DAYS.get(storage_class, 0))
        objects = objects_a_day * days
        kept[storage_class] = kept.get(storage_class, 0.0) + objects * size
        if storage_class in _GLACIER:
            kept[storage_class] += objects * _GLACIER_INDEX
            kept["STANDARD"] += objects * _GLACIER_NAME
        if storage_class == "INTELLIGENT_TIERING":
            monitored += objects
    moves = {storage_class: objects_a_day * DAYS for storage_class, _ in steps[1:]}
    return Archive(kept, moves, monitored)
