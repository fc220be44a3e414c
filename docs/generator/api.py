"""Every field of the CRD, and the rules that span fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.api.v1alpha1 import KIND, PLURAL, SHORT_NAME
from docs.generator.markdown import code, page, table

_PATTERN_LENGTH: Final = 60


def api_page() -> str:
    """Every field of the CRD."""
    version = custom_resource_definition()["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    columns = [
        (one["name"], code(one["jsonPath"]), "yes" if one["priority"] == 0 else "with `-o wide`")
        for one in version["additionalPrinterColumns"]
    ]
    annotations = [
        (
            "`clickstream.dev/reconcile-requested-at`",
            "any new text",
            "starts a full observation now; echoed in `status.lastHandledReconcileAt`",
        ),
        (
            "`clickstream.dev/approved-plan`",
            "`status.plan.hash`",
            "with `approval: Manual`: carries out this plan, once, and no other",
        ),
        (
            "`clickstream.dev/force-delete`",
            '`"true"`',
            (
                "while the pipeline is being deleted: drops the finalizer and leaves what is left "
                "in AWS; Events and the log list it"
            ),
        ),
    ]
    parts = [
        (
            f"`clickstream.dev/v1alpha1`, kind `{KIND}`, plural `{PLURAL}`, short name "
            f"`{SHORT_NAME}`, namespaced.\n"
            "`spec: {}` is a complete, valid pipeline.\n"
            "`kubectl explain csp.spec.stream` shows the same text, one level at a time.\n"
        ),
        "## spec\n\n" + _fields_table(schema["properties"]["spec"]),
        "## Rules that span fields\n\nThe API server refuses what breaks one of them.\n\n"
        + table(("where", "rule"), _rules(schema)),
        "## status\n\n" + _fields_table(schema["properties"]["status"], defaults=False),
        "## Annotations\n\n" + table(("annotation", "value", "effect"), annotations),
        "## Columns of `kubectl get`\n\n" + table(("column", "from", "shown"), columns),
    ]
    return page("API: ClickstreamPipeline", "\n".join(parts))


def _fields_table(schema: Mapping[str, Any], *, defaults: bool = True) -> str:
    heads = ("field", "type and bounds", "default", "meaning")
    rows = [
        (code(path), _bounds(node), _default(node), node.get("description", ""))
        for path, node in _fields(schema, "")
    ]
    if not defaults:
        return table((heads[0], heads[1], heads[3]), [(a, b, d) for a, b, _, d in rows])
    return table(heads, rows)


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, node in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, node
        yield from _fields(node, here)
        if "items" in node:
            yield from _fields(node["items"], f"{here}[]")


def _bounds(node: Mapping[str, Any]) -> str:
    kind = node["type"]
    if kind == "array":
        kind = f"list of {node['items']['type']}"
        allowed = node["items"].get("enum")
    elif kind == "object" and "additionalProperties" in node:
        kind, allowed = f"map of {node['additionalProperties']['type']}", None
    else:
        allowed = node.get("enum")
    parts = [kind]
    if allowed:
        parts = [("list of " if "items" in node else "") + ", ".join(code(str(a)) for a in allowed)]
    if "minimum" in node or "maximum" in node:
        parts.append(f"{node.get('minimum', '')}..{node.get('maximum', '')}")
    parts += [
        f"{words} {node[key]}{unit}"
        for key, words, unit in (
            ("minLength", "at least", " characters"),
            ("maxLength", "at most", " characters"),
            ("minItems", "at least", ""),
            ("maxItems", "at most", ""),
            ("maxProperties", "at most", ""),
        )
        if key in node
    ]
    pattern = node.get("pattern", "")
    if pattern and len(pattern) <= _PATTERN_LENGTH:
        parts.append(code(pattern))
    return ", ".join(parts)


def _default(node: Mapping[str, Any]) -> str:
    if "default" not in node or node["type"] == "object":
        return ""
    value = node["default"]
    return code(value if isinstance(value, str) else json.dumps(value))


def _rules(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield (
            code((path + rule.get("fieldPath", "")).lstrip(".") or "metadata.name"),
            rule["message"],
        )
    for name, node in schema.get("properties", {}).items():
        yield from _rules(node, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")
