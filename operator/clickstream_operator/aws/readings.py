"""Reads in which AWS shows the properties of a kind, declared beside the kind. Pure.

The tests ask AWS by them, independently of how a kind observes, and the conformance page names the
attribute behind each property.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the read calls of a kind, and the properties in its answer."""

    service: str
    operation: str
    """As in boto3, such as ``describe_table``."""
    arguments: Mapping[str, Any]
    """``<name>``, ``<arn>`` and ``<url>`` in a text stand for those of the resource at hand."""
    attributes: Mapping[str, str]
    """Path of each property, as in `Resource.desired`, to the JMESPath of its attribute."""
    full_only: bool = False
    """Whether only a full observation makes the call."""
