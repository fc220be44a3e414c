"""A field or a kind that was begun is told its open places; what is complete has none."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from clickstream_operator.api import crd
from docs.generator import open_places
from tests.reliability import drift_map, property_map


def test_nothing_is_open() -> None:
    """`make field-check` is silent."""
    assert open_places.open_places() == []


def test_a_field_that_was_begun_is_told_each_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of CONTRIBUTING: CRD, resource, property map, bounds, description."""
    begun = copy.deepcopy(crd.custom_resource_definition())
    schema = begun["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    stream = schema["properties"]["spec"]["properties"]["stream"]["properties"]
    stream["begunFieldKiB"] = {"type": "integer", "minimum": 1, "description": "Begun."}
    monkeypatch.setattr(crd, "custom_resource_definition", lambda: begun)
    found = open_places.open_places()
    assert [line.partition(": ")[0] for line in found if "spec." in line] == [
        "spec.stream.begunFieldKiB"
    ] * 4
    assert any("make crds" in line for line in found)
    for place in ("pipeline/", "property_map/", "numbers.yaml", "api/spec/"):
        assert any(place in line for line in found), place


@pytest.mark.parametrize(
    ("module", "name", "place"),
    [(property_map, "ROWS", "property_map/"), (drift_map, "DELETIONS", "drift_map.py")],
)
def test_a_missing_row_is_told(
    module: Any, name: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever row is taken away."""
    monkeypatch.setattr(module, name, getattr(module, name)[1:])
    assert any(place in line for line in open_places.open_places())
