"""Data that a change of a spec puts at risk. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Spec

_SHORTER: Final = {
    "stream.retentionHours": "records older than {new} h leave the stream",
    "archive.expirationDays": "archived objects older than {new} days are deleted",
    "archive.noncurrentVersionDays": "earlier versions of objects are deleted after {new} days",
    "deadLetter.retentionDays": "messages older than {new} days leave the queue",
    "logs.retentionDays": "log lines older than {new} days are deleted",
    "tables.ttl.pageMetricsDays": "page counts written from now on live {new} days",
    "tables.ttl.sessionMetricsHours": "sessions written from now on live {new} h",
    "tables.ttl.countersHours": "counters written from now on live {new} h",
}
"""Fields whose lower value deletes data; 0 means for ever."""
_SWITCHED_OFF: Final = {
    "tables.pointInTimeRecovery": "the tables' continuous backup is deleted",
    "tables.deletionProtection": "the tables can be deleted",
    "archive.enabled": "events are no longer archived",
}
_POLICIES: Final = ("archive", "tables", "stream", "logs", "deadLetter", "adopted")


def risks(old: Spec, new: Spec) -> Iterator[str]:
    """What is lost, or can be lost, by a change from one spec to another."""
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (old, new))
    for path, says in _SHORTER.items():
        was, now = _at(before, path), _at(after, path)
        if now and (now < was or not was):
            yield f"{path} {was} -> {now}: {says.format(new=now)}"
    for path, says in _SWITCHED_OFF.items():
        if _at(before, path) and not _at(after, path):
            yield f"{path} true -> false: {says}"
    for part in _POLICIES:
        was, now = (_at(one, f"deletionPolicy.{part}") for one in (before, after))
        if was == "Retain" and now != "Retain":
            yield f"deletionPolicy.{part} {was} -> {now}: deleted with the pipeline from now on"


def _at(members: dict[str, Any], path: str) -> Any:
    for name in path.split("."):
        members = members[name]
    return members
