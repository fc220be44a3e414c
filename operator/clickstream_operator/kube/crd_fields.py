"""Fields that one version of the CRD has and another lacks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def fields_lacking(
    wanted: Mapping[str, Any], served: Mapping[str, Any], path: str = ""
) -> Iterator[str]:
    """Paths of fields that the served schema lacks, without the fields inside of them."""
    have = served.get("properties") or {}
    for name, node in (wanted.get("properties") or {}).items():
        here = f"{path}.{name}" if path else name
        if name not in have:
            yield here
        elif not (not path and name == "metadata"):
            yield from fields_lacking(node, have[name], here)
    if "items" in wanted:
        yield from fields_lacking(wanted["items"], served.get("items") or {}, f"{path}[]")
