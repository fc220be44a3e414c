"""Bounds of single fields: numbers, choices, texts, lists, required fields."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.manifests.api_server import Api
from tests.integration.manifests.objects import (
    REQUIRED_SIBLINGS,
    Json,
    manifest,
    merged,
    shown,
    spec_with,
)
from tests.integration.manifests.tables import CHOICES, LISTS, NUMBERS, REQUIRED, TEXTS, spec_schema


@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_have_their_bounds(api: Api, path: str) -> None:
    """Both ends are taken; one step outside is refused with the bound."""
    row = NUMBERS[path]

    def refusal(value: Any) -> str:
        return api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))

    assert refusal(row["from"]) == ""
    low = f"{shown(path)} in body should be greater than or equal to {row['from']}"
    assert low in refusal(row["from"] - 1)
    if "to" in row:
        assert refusal(row["to"]) == ""
        high = f"{shown(path)} in body should be less than or equal to {row['to']}"
        assert high in refusal(row["to"] + 1)
    assert f"{shown(path)} in body must be of type integer" in refusal(str(row["from"]))


@pytest.mark.parametrize("path", CHOICES)
def test_choices_are_these_and_no_others(api: Api, path: str) -> None:
    """Each value is taken; another one is refused with the list of all."""
    row = CHOICES[path]
    for value in row["of"]:
        beside = row.get("beside_of", {}).get(value, row.get("beside", {}))
        assert api.refusal(manifest(merged(spec_with(path, value), beside))) == ""
    listed = ", ".join(f'"{value}"' for value in row["of"])
    says = row.get("says", f"supported values: {listed}")
    for value in row.get("not", ["Nonsense"]):
        refusal = api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))
        assert f"{shown(path)}: " in refusal
        assert says in refusal


@pytest.mark.parametrize("path", TEXTS)
def test_texts_have_their_form(api: Api, path: str) -> None:
    """Examples are taken; what is refused is told the form with an example, or the length."""
    row = TEXTS[path]

    def refusal(value: str) -> str:
        return api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))

    for value in row["good"]:
        assert refusal(value) == "", value
    for value in row.get("bad", []):
        said = refusal(value)
        assert row.get("names", shown(path)) in said, value
        assert row["says"] in said, value
    if "least" in row:
        assert refusal("a" * row["least"]) == ""
        short = f"{shown(path)} in body should be at least {row['least']} chars long"
        assert short in refusal("a" * (row["least"] - 1))
    if "most" in row:
        stem, tail = row.get("stem", ""), row.get("tail", "")
        longest = f"{stem}{'a' * (row['most'] - len(stem) - len(tail))}{tail}"
        # A region's name has no such length; only its refusal can be tried.
        assert refusal(longest) == "" or path == "region"
        assert f"{shown(path)}: Too long: may not be more than {row['most']} bytes" in refusal(
            f"{stem}a{longest.removeprefix(stem)}"
        )


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_their_size(api: Api, path: str) -> None:
    """As many items as allowed are taken, one more is refused; repeated ones where they differ."""
    row = LISTS[path]

    def items(count: int) -> Any:
        names = [f"item{number}" for number in range(count)]
        if row.get("map"):
            return dict.fromkeys(names, "x")
        if "key" in row:
            return [{**REQUIRED_SIBLINGS[f"{path}[]"], row["key"]: name} for name in names]
        if path == "archive.transitions":
            classes = CHOICES[f"{path}[].storageClass"]["of"]
            steps = zip(classes, range(30, 360, 30), strict=False)
            every = [{"storageClass": kind, "afterDays": days} for kind, days in steps]
            return (every * 2)[:count]
        kinds = row.get("items", ["%"])
        return [kinds[number % len(kinds)].replace("%", name) for number, name in enumerate(names)]

    def refusal(value: Any) -> str:
        return api.refusal(manifest(merged(spec_with(path, value), row.get("beside", {}))))

    enumerated = f"{path}[]" in CHOICES
    most = row["most"]
    if enumerated:
        names = CHOICES[f"{path}[]"]["of"]
        assert refusal(names) == ""
    else:
        assert refusal(items(most)) == ""
    assert refusal(items(0)) == ""
    assert f"{shown(path)}: Too many: {most + 1}: must have at most {most} items" in refusal(
        items(most + 1)
    )
    if row.get("map") or path == "archive.transitions":
        return
    twice = refusal(items(1) * 2)
    if row.get("twice"):
        assert twice == ""
    else:
        assert f"{shown(path)}[1]: Duplicate value" in twice


@pytest.mark.parametrize("row", REQUIRED, ids=lambda row: row["names"])
def test_incomplete_objects_are_refused(api: Api, row: Json) -> None:
    """The refusal names the field that is missing."""
    assert f"{row['names']}: Required value" in api.refusal(manifest(row["spec"]))


def constraints(node: Json, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every constraint of a schema as path, keyword and value."""
    for key in ("minimum", "maximum", "minLength", "maxLength", "maxItems", "maxProperties"):
        if key in node:
            yield path, key, node[key]
    if "enum" in node:
        yield path, "enum", node["enum"]
    for key in ("pattern", "format"):
        if key in node:
            yield path, key, node[key]
    if node["type"] == "boolean":
        yield path, "enum", [True, False]
    for name, child in node.get("properties", {}).items():
        yield from constraints(child, f"{path}.{name}".lstrip("."))
        if name in node.get("required", []):
            yield f"{path}.{name}".lstrip("."), "required", True
    if "items" in node:
        yield from constraints(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from constraints(node["additionalProperties"], f"{path}.*")


def test_every_constraint_of_the_schema_is_tried() -> None:
    """A new bound needs a row, and a row that says another bound than the CRD is wrong."""
    tried: set[tuple[str, str, str]] = set()
    for path, row in NUMBERS.items():
        tried.add((path, "minimum", str(row["from"])))
        if "to" in row:
            tried.add((path, "maximum", str(row["to"])))
    for path, row in CHOICES.items():
        tried.add((path, "enum", str(row["of"])))
    for path, row in TEXTS.items():
        place = {
            "metrics[].match.page": "metrics[].match.*",
            "anomalyDetection.rules[].match.page": "anomalyDetection.rules[].match.*",
            "tags.CostCenter": "tags.*",
        }
        for key, keyword in (("least", "minLength"), ("most", "maxLength")):
            if key in row:
                tried.add((place.get(path, path), keyword, str(row[key])))
    for path, row in LISTS.items():
        tried.add((path, "maxProperties" if row.get("map") else "maxItems", str(row["most"])))
    tried |= {
        (row["names"].removeprefix("spec.").replace("[0]", "[]"), "required", "True")
        for row in REQUIRED
    }
    # Where enum or form bound a text already, a length serves CEL's cost estimate only.
    tried.add(("processor.startingPosition.timestamp", "maxLength", "64"))
    tried.add(("archive.transitions[].storageClass", "maxLength", "19"))
    assert {(path, key, str(value)) for path, key, value in constraints(spec_schema())} == tried
