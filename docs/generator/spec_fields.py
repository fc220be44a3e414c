"""Fields of the CRD's spec, for all that must know of each one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clickstream_operator.api import crd


def leaves() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and schema of every leaf, in the CRD's order; ``[]`` after a list of objects."""
    version = crd.custom_resource_definition()["spec"]["versions"][0]
    yield from _below(version["schema"]["openAPIV3Schema"]["properties"]["spec"], "")


def _below(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    items = node.get("items", {})
    if "properties" in node:
        for name, child in node["properties"].items():
            yield from _below(child, f"{path}.{name}" if path else name)
    elif "properties" in items:
        yield from _below(items, f"{path}[]")
    else:
        yield path, node
