"""The CRD: what the API server gets from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from clickstream_operator.api import crd
from clickstream_operator.api.v1alpha1 import Spec

FILE = Path(__file__).parents[3] / "crds" / "clickstreampipelines.yaml"
CRD = crd.custom_resource_definition()
VERSION = CRD["spec"]["versions"][0]
ROOT = VERSION["schema"]["openAPIV3Schema"]
SPEC, STATUS = ROOT["properties"]["spec"], ROOT["properties"]["status"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema node with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}.*")


ALL = [*nodes(SPEC, "spec"), *nodes(STATUS, "status")]


def test_committed_file_is_current() -> None:
    """`make crds` has nothing to do."""
    assert FILE.read_text() == crd.as_yaml()
    assert yaml.safe_load(FILE.read_text()) == CRD


def test_size_leaves_room() -> None:
    """Client-side apply stores the whole in an annotation."""
    assert crd.size_in_bytes() < 120_000


def test_names() -> None:
    """Group, kind, short name, category, scope and subresource."""
    names = CRD["spec"]["names"]
    assert CRD["metadata"]["name"] == "clickstreampipelines.clickstream.dev"
    assert (names["kind"], names["shortNames"], names["categories"]) == (
        "ClickstreamPipeline",
        ["csp"],
        ["clickstream"],
    )
    assert CRD["spec"]["scope"] == "Namespaced"
    assert VERSION["subresources"] == {"status": {}}


@pytest.mark.parametrize(("path", "node"), ALL, ids=[path for path, _ in ALL])
def test_schema_is_structural(path: str, node: dict[str, Any]) -> None:
    """Types everywhere, no unions, no null: an absent field is unset."""
    assert node.get("type"), path
    assert not {"anyOf", "oneOf", "allOf", "nullable", "$ref", "title", "const"} & set(node)
    assert node.get("default", "") is not None


@pytest.mark.parametrize(
    ("path", "node"),
    [one for one in ALL if one[0].startswith("spec.") and one[0][-1] not in "]*"],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_field_explains_itself(path: str, node: dict[str, Any]) -> None:
    """`kubectl explain` is the manual: a sentence and an example."""
    assert "Example: " in node["description"], path
    assert node["description"].rstrip().endswith("."), path


def test_items_have_no_defaults() -> None:
    """With server-side apply a default inside a list item belongs to nobody."""
    inside = [path for path, node in ALL if "[]" in path and "default" in node]
    assert inside == []


def test_lists_say_how_they_merge() -> None:
    """With a default atomic; map and set only where the default is empty."""
    for path, node in ALL:
        if node["type"] != "array":
            continue
        kind = node["x-kubernetes-list-type"]
        if node.get("default"):
            assert kind == "atomic", path
        if kind == "map":
            keys = node["x-kubernetes-list-map-keys"]
            assert set(keys) <= set(node["items"].get("required", [])), path


def test_lists_and_maps_are_bounded() -> None:
    """Without bounds the API server refuses the cost of the rules."""
    for path, node in ALL:
        if path.startswith("spec") and node["type"] == "array":
            assert "maxItems" in node, path
        if path.startswith("spec") and isinstance(node.get("additionalProperties"), dict):
            assert "maxProperties" in node, path


def defaults(node: dict[str, Any]) -> Any:
    """What the API server fills in below a node, level by level."""
    found = dict(node.get("default", {}))
    for name, child in node.get("properties", {}).items():
        if name in found and child.get("type") == "object" and "properties" in child:
            found[name] = defaults(child)
        elif "default" in child:
            assert found[name] == child["default"]
    return found


def test_default_spec_is_the_models_default() -> None:
    """`spec: {}`, no spec, and the models agree at every level."""
    dumped = Spec().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert SPEC["default"] == dumped
    assert defaults(SPEC) == dumped
    assert Spec.model_validate(SPEC["default"]) == Spec.model_validate({}) == Spec()


def test_untouched_status_is_not_current() -> None:
    """The default keeps kstatus from calling a new object Current."""
    assert STATUS["default"] == {"observedGeneration": -1}
    assert [path for path, node in nodes(STATUS, "status") if "default" in node] == ["status"]


def test_columns_read_what_the_status_has() -> None:
    """Ready, its reason, stream, shards and age; six more when wide."""
    columns = VERSION["additionalPrinterColumns"]
    assert [one["name"] for one in columns if one["priority"] == 0] == [
        "Ready",
        "Status",
        "Stream",
        "Shards",
        "Age",
    ]
    assert {one["name"] for one in columns if one["priority"]} == {
        "Region",
        "Account",
        "Cost",
        "Verified",
        "Balanced",
        "Message",
    }


def test_one_rule_at_the_root_for_ever() -> None:
    """A second one could make stored objects undeletable; this one binds at creation only."""
    (rule,) = ROOT["x-kubernetes-validations"]
    assert rule["optionalOldSelf"] is True
    assert rule["rule"].startswith("oldSelf.hasValue() || ")


def test_every_rule_says_what_to_write() -> None:
    """After what is wrong comes the remedy or an example; a name's message has its whole form.

    Computed messages only by `format`: others exceed the cost budget of the API server.
    """
    remedy = re.compile(
        "; (set|remove|raise|lower|choose|change|create|rename|name|keep|say) |, for example "
        "|^must be the name of "
    )
    bare = []
    for path, node in ALL:
        for rule in node.get("x-kubernetes-validations", []):
            if "messageExpression" in rule:
                computed = r'"[^"%]+ to %d[^"%]*"\.format\(\[[^"]+\]\)'
                assert re.fullmatch(computed, rule["messageExpression"]), path
            if not remedy.search(rule["message"]):
                bare.append((path, rule["message"]))
    assert bare == []


def test_check_fails_on_a_stale_file(tmp_path: Path) -> None:
    """The command names the file and the remedy, and succeeds on a current one."""
    stale = tmp_path / "crd.yaml"
    stale.write_text("old")
    result = CliRunner().invoke(crd.main, ["--check", str(stale)])
    assert result.exit_code == 1
    assert "make crds" in result.output
    assert CliRunner().invoke(crd.main, ["--output", str(stale)]).exit_code == 0
    assert CliRunner().invoke(crd.main, ["--check", str(stale)]).exit_code == 0
    assert CliRunner().invoke(crd.main, []).output == stale.read_text()


def test_union_is_refused() -> None:
    """A model that Kubernetes can't hold fails at generation, by name."""

    class Wrong(BaseModel):
        value: int | str

    with pytest.raises(crd.SchemaError, match=r"value: a union"):
        crd.structural_schema(Wrong)
