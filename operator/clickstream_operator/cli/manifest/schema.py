"""Rules of the CRD on one object, without a cluster, in the words of the API server.

The schema is the one of this version. As the API server does, nulls are dropped and defaults filled
in first; then types, bounds and lists are checked, and last the CEL rules, with the old object
where one is given (Kubernetes, "Validation rules", "Transition rules"). Unknown fields are faults,
as for kubectl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from clickstream_operator.api import crd, v1alpha1
from clickstream_operator.cli.errors import nearest
from clickstream_operator.cli.manifest import cel_rules

_METADATA: Final = frozenset(
    {
        "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
        "finalizers", "generateName", "generation", "labels", "managedFields", "name", "namespace",
        "ownerReferences", "resourceVersion", "selfLink", "uid",
    }
)  # fmt: skip
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_ABSENT: Final = object()
_LONGEST_VALUE: Final = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an object, at a field."""

    path: str
    """For example ``spec.metrics[0].name``."""
    says: str
    """Without the path."""

    def __str__(self) -> str:
        return f"{self.path}: {self.says}" if self.path else self.says


@cache
def object_schema() -> dict[str, Any]:
    """Schema of the whole object, of this version."""
    found: dict[str, Any] = crd.custom_resource_definition()["spec"]["versions"][0]["schema"][
        "openAPIV3Schema"
    ]
    return found


def is_pipeline(body: Any) -> bool:
    """Whether an object is meant to be a pipeline: its kind, or its group, says so."""
    if not isinstance(body, dict):
        return False
    group = str(body.get("apiVersion", "")).partition("/")[0]
    kind = str(body.get("kind", ""))
    return group == v1alpha1.GROUP or bool(nearest(kind, [v1alpha1.KIND]))


def faults_of(body: Mapping[str, Any], *, old: Mapping[str, Any] | None = None) -> list[Fault]:
    """Faults of an object, in the order of its fields; empty when the API server would take it.

    `old`: the object that it is to replace, for rules about changes.
    """
    found = [*_identity(body), *_metadata(body.get("metadata"))]
    schema = object_schema()
    properties = schema["properties"]
    found += _unknown(body, {"properties": {**properties, "metadata": {}}}, "")
    filled = defaulted(_spec_alone(body), schema)
    wrong = list(_structure(filled, {"properties": {"spec": properties["spec"]}}, ""))
    found += wrong
    if not wrong:
        before = _with_name(old, defaulted(_spec_alone(old), schema)) if old is not None else None
        found += _rules(_with_name(body, filled), _rules_of(body, schema), "", before)
    return list(dict.fromkeys(found))


def _spec_alone(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"spec": body.get("spec")}


def _with_name(body: Mapping[str, Any], filled: dict[str, Any]) -> dict[str, Any]:
    return {**filled, "metadata": {"name": _name_of(body)}}


def _rules_of(body: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, without the rule about the name where the API server is to make one."""
    rules = schema["x-kubernetes-validations"] if _name_of(body) else []
    return {**schema, "x-kubernetes-validations": rules}


def _name_of(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def defaulted(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value without nulls and with the defaults of the schema."""
    if isinstance(value, dict) and "properties" in schema:
        filled = {key: item for key, item in value.items() if item is not None}
        for name, child in schema["properties"].items():
            if name not in filled and "default" in child:
                filled[name] = deepcopy(child["default"])
            if name in filled:
                filled[name] = defaulted(filled[name], child)
        return filled
    if isinstance(value, list) and "items" in schema:
        return [defaulted(item, schema["items"]) for item in value]
    return value


def _identity(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name, wanted in (("apiVersion", v1alpha1.API_VERSION), ("kind", v1alpha1.KIND)):
        if name not in body:
            yield Fault(name, f"Required value: write {name}: {wanted}")
        elif body[name] != wanted:
            yield Fault(name, f"Unsupported value: {_shown(body[name])}: write {wanted}")


def _metadata(metadata: Any) -> Iterator[Fault]:
    if not isinstance(metadata, dict) or not (metadata.get("name") or metadata.get("generateName")):
        yield Fault("metadata.name", "Required value: name or generateName is required")
    if not isinstance(metadata, dict):
        return
    for name in metadata.keys() - _METADATA:
        yield _stranger(f"metadata.{name}", name, _METADATA)
    for part in ("labels", "annotations"):
        values = metadata.get(part)
        for key, value in (values if isinstance(values, dict) else {}).items():
            if not isinstance(value, str):
                yield _of_type(f"metadata.{part}.{key}", value, "string; put it in quotes")


def _unknown(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """Fields that the schema does not know, each with the nearest one that it knows."""
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        for name, item in value.items():
            inside = f"{path}.{name}" if path else str(name)
            if name not in known:
                yield _stranger(inside, str(name), known)
            elif inside not in {"metadata", "status"}:
                yield from _unknown(item, known[name], inside)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _unknown(item, schema["items"], f"{path}[{number}]")


def _stranger(path: str, name: str, known: Mapping[str, Any] | frozenset[str]) -> Fault:
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known here: {', '.join(sorted(known))}"
    return Fault(path, f'unknown field "{path}"; {hint}')


def _structure(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """Faults of type, choice, bounds and lists, of a value and of all below it."""
    kind = schema.get("type", "object")
    wanted = _TYPES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        yield _of_type(path, value, kind)
        return
    if "enum" in schema and value not in schema["enum"]:
        listed = ", ".join(f'"{one}"' for one in schema["enum"])
        near = nearest(value, schema["enum"]) if isinstance(value, str) else ""
        hint = f"; did you mean {near}?" if near else ""
        yield Fault(path, f"Unsupported value: {_shown(value)}: supported values: {listed}{hint}")
    yield from _bounds(value, schema, path)
    if isinstance(value, dict):
        yield from _fields(value, schema, path)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _structure(item, schema["items"], f"{path}[{number}]")
        yield from _repeated(value, schema, path)


def _fields(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            yield Fault(f"{prefix}{name}", "Required value")
    children = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    for name, item in value.items():
        child = children.get(name, rest if isinstance(rest, dict) else None)
        if child is not None:
            yield from _structure(item, child, f"{prefix}{name}")


def _bounds(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    def body(says: str) -> Fault:
        return Fault(path, f"Invalid value: {_shown(value)}: {path} in body should be {says}")

    size = len(value) if isinstance(value, str | list | dict) else 0
    if value < schema["minimum"] if "minimum" in schema else False:
        yield body(f"greater than or equal to {schema['minimum']}")
    if value > schema["maximum"] if "maximum" in schema else False:
        yield body(f"less than or equal to {schema['maximum']}")
    if size < schema.get("minLength", 0):
        yield body(f"at least {schema['minLength']} chars long")
    if "maxLength" in schema and size > schema["maxLength"]:
        yield Fault(path, f"Too long: may not be more than {schema['maxLength']} bytes")
    for bound in ("maxItems", "maxProperties"):
        if bound in schema and size > schema[bound]:
            yield Fault(path, f"Too many: {size}: must have at most {schema[bound]} items")


def _repeated(items: Sequence[Any], schema: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """Items that occur twice in a set, or by their key in a map list."""
    kind = schema.get("x-kubernetes-list-type", "atomic")
    if kind == "atomic":
        return
    seen: list[Any] = []
    for number, item in enumerate(items):
        key = _key_of(item, schema) if kind == "map" else item
        if key in seen:
            yield Fault(f"{path}[{number}]", f"Duplicate value: {_shown(key)}")
        seen.append(key)


def _key_of(item: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    names = schema["x-kubernetes-list-map-keys"]
    return {name: item.get(name) for name in names} if isinstance(item, dict) else {}


def _rules(value: Any, schema: Mapping[str, Any], path: str, old: Any) -> Iterator[Fault]:
    """Faults by the CEL rules of a value and of all below it; `old` None: it is new."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if not cel_rules.holds(rule, value, old):
            shown = "object" if isinstance(value, dict | list) else _shown(value)
            where = f"{path}{rule.get('fieldPath', '')}".lstrip(".")
            says = cel_rules.message(rule, value)
            yield Fault(where or "metadata.name", f"Invalid value: {shown}: {says}")
    prefix = f"{path}." if path else ""
    if isinstance(value, dict):
        rest = schema.get("additionalProperties")
        for name, item in value.items():
            child = schema.get("properties", {}).get(name, rest)
            if isinstance(child, dict):
                before = old.get(name) if isinstance(old, dict) else None
                yield from _rules(item, child, f"{prefix}{name}", before)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            before = _same_item(item, old, schema)
            yield from _rules(item, schema["items"], f"{path}[{number}]", before)


def _same_item(item: Any, old: Any, schema: Mapping[str, Any]) -> Any:
    """The old item of the same key; items of other lists are not told apart."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return None
    key = _key_of(item, schema)
    return next((one for one in old if _key_of(one, schema) == key), None)


def _of_type(path: str, value: Any, kind: str) -> Fault:
    return Fault(path, f"Invalid value: {_shown(value)}: {path} in body must be of type {kind}")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
