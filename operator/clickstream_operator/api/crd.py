"""Generator of the CRD from the models.

``python -m clickstream_operator.api.crd`` prints it; ``--output FILE`` writes it; ``--check FILE``
fails if the file differs from the models.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any, Final

import click
import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from clickstream_operator.api import v1alpha1
from clickstream_operator.api.validation import NAME

_DROPPED: Final = ("title", "additionalProperties", "uniqueItems")
#: Objects with free keys and values of several shapes.
_OPEN: Final = frozenset({"outputs"})

COLUMNS: Final = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Status", "string", '.status.conditions[?(@.type=="Ready")].reason', 0),
    ("Stream", "string", ".status.outputs.kinesisStreamName", 0),
    ("Shards", "integer", ".status.outputs.kinesisStreamShards", 0),
    ("Age", "date", ".metadata.creationTimestamp", 0),
    ("Cost", "string", ".status.estimatedMonthlyCost", 1),
    ("Verified", "date", ".status.lastVerified", 1),
    ("Balanced", "string", '.status.conditions[?(@.type=="NumbersBalanced")].status', 1),
    ("Message", "string", '.status.conditions[?(@.type=="Ready")].message', 1),
    ("Region", "string", ".status.effective.region", 1),
    ("Account", "string", ".status.effective.account", 1),
)


class SchemaError(Exception):
    """A model has no structural schema; the message names the path in it."""


class _Generator(GenerateJsonSchema):
    """JSON Schema for Kubernetes, in which an unset field is absent and never null."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Structural schema of a model (Kubernetes, "Specifying a structural schema").

    Raises:
        SchemaError: the model uses a union, a recursion or an untyped field.
    """
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")
    definitions = raw.pop("$defs", {})
    return _inline(raw, definitions, path=model.__name__)


def _inline(node: dict[str, Any], definitions: dict[str, Any], *, path: str) -> dict[str, Any]:
    """One node with its references resolved and its children converted."""
    node = dict(node)
    if "$ref" in node:
        target = definitions[node.pop("$ref").rsplit("/", 1)[1]]
        # Keys beside the reference (description, default) are those of this field.
        node = {**target, **node}
    values_of_map = node.get("additionalProperties")
    for key in _DROPPED:
        node.pop(key, None)
    if isinstance(values_of_map, dict):
        node["additionalProperties"] = _inline(values_of_map, definitions, path=f"{path}.*")
    if "properties" in node:
        node["properties"] = {
            name: _inline(child, definitions, path=f"{path}.{name}")
            for name, child in node["properties"].items()
        }
    if "items" in node:
        # With server-side apply nobody owns a default inside an item, so nobody can remove it.
        node["items"] = _without_defaults(_inline(node["items"], definitions, path=f"{path}[]"))
    return _leaf(node, path=path)


def _leaf(node: dict[str, Any], *, path: str) -> dict[str, Any]:
    """One node without its children: type, default, and refusal of what Kubernetes lacks."""
    if "anyOf" in node or "oneOf" in node:
        raise SchemaError(f"{path}: a union can't be written as a structural schema")
    if "propertyNames" in node:
        raise SchemaError(f"{path}: propertyNames is not allowed; use a CEL rule")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if node.get("default", "") is None:
        node.pop("default")
    if path.rsplit(".", 1)[-1] in _OPEN:
        node["x-kubernetes-preserve-unknown-fields"] = True
    if "type" not in node and "enum" in node:
        node["type"] = "string"
    if "type" not in node:
        raise SchemaError(f"{path}: the field has no type")
    return node


def _without_defaults(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: _without_defaults(value)
            for key, value in node.items()
            if key != "default" or not isinstance(node.get("type"), str)
        }
    if isinstance(node, list):
        return [_without_defaults(item) for item in node]
    return node


def _with_complete_defaults(schema: dict[str, Any], model: BaseModel) -> dict[str, Any]:
    """The schema with complete default objects at every level.

    The API server validates a default before it fills in nested defaults, so ``default: {}`` fails
    if a CEL rule reads a field in it.
    """
    complete = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    properties = dict(schema["properties"])
    for name, value in complete.items():
        properties[name] = {**properties[name], "default": value}
        if isinstance(value, dict) and "properties" in properties[name]:
            child = getattr(model, _attribute(model, name))
            properties[name] = _with_complete_defaults(properties[name], child)
    return {**schema, "properties": properties, "default": complete}


def _attribute(model: BaseModel, alias: str) -> str:
    for name, info in type(model).model_fields.items():
        if alias in {info.alias, name}:
            return name
    raise SchemaError(f"{type(model).__name__} has no field {alias}")


def custom_resource_definition() -> dict[str, Any]:
    """The CustomResourceDefinition."""
    spec = _with_complete_defaults(structural_schema(v1alpha1.Spec), v1alpha1.Spec())
    status = structural_schema(v1alpha1.Status)
    # kstatus takes an object without status as Current; with -1 it is InProgress.
    status["default"] = {"observedGeneration": -1}
    status["properties"] = {
        name: _without_defaults(field) for name, field in status["properties"].items()
    }
    status.pop("required", None)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{v1alpha1.PLURAL}.{v1alpha1.GROUP}"},
        "spec": {
            "group": v1alpha1.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": v1alpha1.KIND,
                "listKind": f"{v1alpha1.KIND}List",
                "plural": v1alpha1.PLURAL,
                "singular": v1alpha1.SINGULAR,
                "shortNames": [v1alpha1.SHORT_NAME],
                "categories": ["clickstream"],
            },
            "versions": [
                {
                    "name": v1alpha1.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": name, "type": kind, "jsonPath": path, "priority": priority}
                        for name, kind, path, priority in COLUMNS
                    ],
                    "schema": {
                        "openAPIV3Schema": {
                            "description": (
                                "One real-time clickstream analytics pipeline on AWS: Kinesis "
                                "stream, Lambda functions, DynamoDB tables, S3 archive, "
                                "dead-letter queue, alerts, dashboard and alarms."
                            ),
                            "type": "object",
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                "spec": spec,
                                "status": status,
                            },
                            "x-kubernetes-validations": [NAME.as_schema()],
                        }
                    },
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, for people who read the file."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def as_yaml() -> str:
    """Content of the file in ``crds/``."""
    body = yaml.dump(custom_resource_definition(), Dumper=_Dumper, sort_keys=False, width=100)
    return f"# Generated by `make crds` from operator/clickstream_operator/api.\n{body}"


def size_in_bytes() -> int:
    """Size as compact JSON, in which client-side apply stores it in an annotation."""
    return len(json.dumps(custom_resource_definition(), separators=(",", ":")).encode())


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="Write the CRD to this file.")
@click.option(
    "--check", type=click.Path(path_type=Path), help="Fail when this file is not current."
)
def main(output: Path | None, check: Path | None) -> None:
    """Print, write or check the CRD."""
    text = as_yaml()
    if output:
        output.write_text(text)
    elif check:
        found = check.read_text() if check.exists() else ""
        if found != text:
            diff = difflib.unified_diff(
                found.splitlines(), text.splitlines(), str(check), "models", lineterm="", n=1
            )
            click.echo("\n".join(list(diff)[:40]), err=True)
            click.echo(f"{check} differs from the models: run make crds", err=True)
            sys.exit(1)
    else:
        click.echo(text, nl=False)


if __name__ == "__main__":
    main()
