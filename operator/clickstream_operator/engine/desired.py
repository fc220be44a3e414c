"""Desired state of one resource, its fingerprint, and the difference from an observation. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.resource import TAGS, Diff, Observed, Properties, Resource

_PROPERTIES_LENGTH: Final = 16
_TAGS_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Desired:
    """Desired state of one resource."""

    properties: Properties
    """As its kind says, without tags."""
    tags: Mapping[str, str]
    """Tags that it is to carry; other tags on it are left alone."""
    obsolete_tags: frozenset[str] = frozenset()
    """Keys of tags that it is not to carry any more."""
    added_later: Mapping[str, Any] = field(default_factory=dict)
    """Properties that its kind has got since, with the value that older pipelines have."""

    @classmethod
    def of(cls, resource: Resource, properties: Properties) -> Desired:
        """The properties, with the tags that the pipeline gives the resource."""
        return cls(properties, resource.tags, resource.obsolete_tags, resource.added_later)

    def marked_as_adopted(self) -> Desired:
        """The same for an adopted resource, whose tags say that it was adopted."""
        return replace(self, tags={**self.tags, ownership.ORIGIN: ownership.ADOPTED})

    @property
    def fingerprint(self) -> str:
        """Fingerprint of properties and tags.

        It leaves out a property that was added later while it has the value of before: the hash
        that an older version recorded still stands for the same desired state. Drift of such a
        property is found all the same, by comparison with AWS.
        """
        known = {
            path: value
            for path, value in self.properties.items()
            if path not in self.added_later or value != self.added_later[path]
        }
        return fingerprint(known, self.tags)


def fingerprint(properties: Properties, tags: Mapping[str, str]) -> str:
    """Hash of a desired state: 16 hex digits for the properties, 8 for the tags.

    Equal desired states have equal fingerprints.
    """
    return _digest(properties)[:_PROPERTIES_LENGTH] + _digest(tags)[:_TAGS_LENGTH]


def same_tags(one: str, other: str) -> bool:
    """Whether two fingerprints are of the same tags."""
    return one[_PROPERTIES_LENGTH:] == other[_PROPERTIES_LENGTH:]


def difference(resource: Resource, desired: Desired, observed: Observed) -> Diff:
    """Fields that differ, of those that were observed; the tags are the field `TAGS`."""
    diff = resource.diff(desired.properties, observed)
    if observed.tags is None or not resource.taggable:
        return diff
    tags = tag_difference(desired.tags, desired.obsolete_tags, observed.tags)
    return replace(diff, fields={**diff.fields, TAGS: tags}) if tags else diff


def tag_difference(
    wanted: Mapping[str, str], obsolete: Collection[str], found: Mapping[str, str]
) -> tuple[Mapping[str, str | None], Mapping[str, str]] | None:
    """Tags as found and as wanted, of those that differ; None when none do."""
    wrong = {key: found.get(key) for key, value in wanted.items() if found.get(key) != value}
    left = {key: found[key] for key in obsolete if key in found}
    if not (wrong or left):
        return None
    return {**wrong, **left}, {key: wanted[key] for key in wrong}


def tag_changes(diff: Diff) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Tags to set and keys of tags to remove; both empty when no tag differs."""
    found, wanted = diff.fields.get(TAGS, ({}, {}))
    return wanted, tuple(sorted(found.keys() - wanted.keys()))


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=list, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
