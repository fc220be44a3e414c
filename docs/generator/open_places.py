"""Open places of a field or of an AWS kind that was begun (`make field-check`).

Prints one line for each, with the file to edit, and exits with 1 while there is one. The lists in
CONTRIBUTING.md are in the same order.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import click
import yaml

from clickstream_operator.api import crd
from clickstream_operator.api.model import Model
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.engine.resource import Resource
from docs.generator.operator_policy import MissingGrantError, operator_policy
from docs.generator.resources import resources_of
from docs.generator.spec_fields import leaves
from tests.reliability import drift_map, property_map
from tests.reliability.property_map import merged

ROOT: Final = Path(__file__).parents[2]
OPERATOR: Final = ROOT / "operator" / "clickstream_operator"
MANIFESTS: Final = ROOT / "tests" / "integration" / "manifests"
#: Packages that carry out a field.
_READERS: Final = ("pipeline", "reconcile", "autoscaling", "cost", "resources")
_TABLES: Final = {
    "integer": "numbers.yaml",
    "enum": "choices.yaml",
    "string": "texts.yaml",
    "array": "lists.yaml",
}


def open_places() -> list[str]:
    """Each open place as one line: what is begun, what it lacks, and the file to edit."""
    return [*_stale_crd(), *_open_fields(), *_open_kinds()]


def _stale_crd() -> Iterator[str]:
    file = ROOT / "crds" / "clickstreampipelines.yaml"
    if file.read_text(encoding="utf-8") != crd.as_yaml():
        yield "the CRD is not what the models say: run make crds"


def _open_fields() -> Iterator[str]:
    mapped = {row.path for row in property_map.ROWS}
    read, dumped = _attributes_read()
    bounds = {name: _paths(MANIFESTS / name) for name in _TABLES.values()}
    for path, schema in leaves():
        if not _is_read(path, read, dumped):
            yield f"spec.{path}: no module reads it; hand it on in operator/.../pipeline/"
        if path not in mapped:
            yield f"spec.{path}: add a row in tests/reliability/property_map/"
        table = _table_of(schema)
        if table and path not in bounds[table] and path + "[]" not in bounds[table]:
            yield f"spec.{path}: add its bounds to tests/integration/manifests/{table}"
        if not re.search(r"[Ee]xample: ", schema.get("description", "")):
            yield f"spec.{path}: describe it with an example in api/spec/"


def _open_kinds() -> Iterator[str]:
    spec = merged(drift_map.SPEC, {"alerts": {"enabled": True, "emails": ["a@example.com"]}})
    built = {one.kind for one in resources_of(Spec.model_validate(spec))}
    deletions = {one.kind for one in drift_map.DELETIONS} | set(drift_map.NOT_BROUGHT_BACK)
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for one in sorted(_kinds(), key=lambda kind: kind.kind):
        module = Path(inspect.getfile(one)).stem
        if one.kind not in built:
            yield f"{one.kind}: add it to the design in operator/clickstream_operator/pipeline/"
        if not re.search(rf"\b{module}\b", contracts):
            yield f"{one.kind}: add {module} to the contract of the kinds in pyproject.toml"
        if not (ROOT / "tests" / "resources" / f"test_{module}.py").exists():
            yield f"{one.kind}: test it in tests/resources/test_{module}.py"
        if one.kind not in deletions:
            yield f"{one.kind}: add its deletion to tests/reliability/drift_map.py"
    try:
        policy = operator_policy()
    except MissingGrantError as missing:
        yield str(missing)
    else:
        file = ROOT / "docs" / "reference" / "operator-policy.json"
        if file.read_text(encoding="utf-8") != policy:
            yield "the operator's policy is not what the calls need: run make docs iam"


def _kinds() -> Iterator[type[Resource]]:
    # By file: a kind that was begun is one that nothing imports yet.
    for file in sorted((OPERATOR / "resources").glob("*.py")):
        module = importlib.import_module(f"clickstream_operator.resources.{file.stem}")
        for one in vars(module).values():
            is_own = inspect.isclass(one) and one.__module__ == module.__name__
            if is_own and issubclass(one, Resource) and "kind" in vars(one):
                yield one


def _is_read(path: str, read: set[str], dumped: set[str]) -> bool:
    """Whether a module reads the field, or dumps a part of the spec that holds it."""
    *parents, leaf = (_attribute(name.removesuffix("[]")) for name in path.split("."))
    return leaf in read or any(parent in dumped for parent in parents)


def _attributes_read() -> tuple[set[str], set[str]]:
    """Names of all attributes that the packages which carry out a spec read, and dump whole."""
    read, dumped = set(), set()
    for package in _READERS:
        for module in (OPERATOR / package).rglob("*.py"):
            tree = ast.parse(module.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute):
                    read.add(node.attr)
                    # `spec.events.model_dump`, or `one.model_dump() for one in spec.metrics`.
                    if node.attr == "model_dump" and isinstance(node.value, ast.Attribute):
                        dumped.add(node.value.attr)
                if isinstance(node, ast.ListComp) and "model_dump" in ast.unparse(node.elt):
                    dumped |= {
                        one.iter.attr
                        for one in node.generators
                        if isinstance(one.iter, ast.Attribute)
                    }
    return read, dumped


@cache
def _attributes() -> Mapping[str, str]:
    """Attribute of each field of the spec by its name in the API."""
    found: dict[str, str] = {}

    def below(model: type[Model]) -> None:
        for attribute, one in model.model_fields.items():
            found[one.alias or attribute] = attribute
            for kind in (one.annotation, *get_args(one.annotation)):
                if isinstance(kind, type) and issubclass(kind, Model):
                    below(kind)

    below(Spec)
    return found


def _attribute(name: str) -> str:
    return _attributes().get(name, name)


def _table_of(schema: Mapping[str, Any]) -> str:
    if "enum" in schema or "enum" in schema.get("items", {}):
        return _TABLES["enum"]
    return _TABLES.get(schema.get("type", ""), "")


def _paths(file: Path) -> set[str]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {str(path) for path in {**content, **content.get("fields", {})}}


def main() -> None:
    """Print the open places."""
    found = open_places()
    for line in found:
        click.echo(line)
    click.echo(f"{len(found)} open places" if found else "no open place", err=True)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
