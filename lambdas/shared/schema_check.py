"""The part of JSON Schema that `config.schema.json` uses, so that one file rules both sides.

The operator's tests validate what they write with a complete implementation; a function must not
vendor one. A keyword that this module does not know is an error, never ignored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_NOTES = frozenset({"$schema", "$defs", "title", "description"})
_KNOWN = _NOTES | {
    "type",
    "enum",
    "pattern",
    "minLength",
    "minimum",
    "maximum",
    "maxItems",
    "items",
    "required",
    "properties",
    "additionalProperties",
    "$ref",
}


def find_faults(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence per fault: the member's path, what is wrong, what to write instead."""
    yield from _check(value, schema, schema, "")


def _check(
    value: Any, node: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    if "$ref" in node:
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    unknown = node.keys() - _KNOWN
    if unknown:
        raise ValueError(f"the schema uses {sorted(unknown)}, which this check does not know")
    name = path or "the config"
    hint = f" ({node['description']})" if "description" in node else ""
    kind = node.get("type")
    is_flag = isinstance(value, bool)
    if kind and (not isinstance(value, _TYPES[kind]) or is_flag != (kind == "boolean")):
        yield f"{name} is {_kind_of(value)}: write {_article(kind)}{hint}"
        return
    if "enum" in node and value not in node["enum"]:
        choices = ", ".join(str(choice) for choice in node["enum"])
        yield f"{name} is {value!r}: write one of {choices}"
    yield from _check_text_and_numbers(value, node, name, hint)
    if isinstance(value, dict):
        yield from _check_object(value, node, root, path)
    elif isinstance(value, list):
        if len(value) > node.get("maxItems", len(value)):
            yield f"{name} has {len(value)} items: at most {node['maxItems']} are supported{hint}"
        for index, item in enumerate(value):
            yield from _check(item, node.get("items", {}), root, f"{path}[{index}]")


def _check_text_and_numbers(
    value: Any, node: Mapping[str, Any], name: str, hint: str
) -> Iterator[str]:
    if "pattern" in node and not re.search(node["pattern"], value):
        yield f"{name} does not match {node['pattern']}: write what it allows{hint}"
    if "minLength" in node and len(value) < node["minLength"]:
        yield f"{name} is empty: write at least {node['minLength']} character{hint}"
    if "minimum" in node and value < node["minimum"]:
        yield f"{name} is {value}: write at least {node['minimum']}{hint}"
    if "maximum" in node and value > node["maximum"]:
        yield f"{name} is {value}: write at most {node['maximum']}{hint}"


def _check_object(
    value: dict[str, Any], node: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    properties: Mapping[str, Any] = node.get("properties", {})
    for member in node.get("required", ()):
        if member not in value:
            yield f"{prefix}{member} is missing: add it, as config.schema.json says"
    others = node.get("additionalProperties", True)
    for member, child in value.items():
        if member in properties:
            yield from _check(child, properties[member], root, f"{prefix}{member}")
        elif others is False:
            yield f"{prefix}{member} is not known: remove it, or deploy the package that knows it"
        elif isinstance(others, dict):
            yield from _check(child, others, root, f"{prefix}{member}")


def _kind_of(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return _article(names.get(type(value), "number"))


def _article(kind: str) -> str:
    return kind if kind == "null" else f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
