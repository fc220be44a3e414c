"""A field or a kind that was begun is told its open places; what is complete has none."""

from __future__ import annotations

import copy
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator import resources
from clickstream_operator.api import crd
from clickstream_operator.resources import sqs_queue
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


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The file of a kind that was begun; afterwards the kind is none of `Resource`'s any more."""
    begun = Path(sqs_queue.__file__).with_name("begun_kind.py")
    (tmp_path / begun.name).write_text(
        "from clickstream_operator.engine.resource import Resource\n\n\n"
        "class BegunKind(Resource):\n"
        '    kind = "BegunKind"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(resources, "__path__", [*resources.__path__, str(tmp_path)])
    glob = Path.glob

    def with_begun(folder: Path, pattern: str) -> list[Path]:
        return [*glob(folder, pattern), *([begun] if folder == begun.parent else [])]

    monkeypatch.setattr(Path, "glob", with_begun)
    yield begun
    sys.modules.pop(f"{resources.__name__}.{begun.stem}", None)
    vars(resources).pop(begun.stem, None)
    gc.collect()


@pytest.mark.usefixtures("begun")
def test_a_kind_that_was_begun_is_told_each_place() -> None:
    """Although no module imports it yet: design, contract, test, deletion."""
    found = [line for line in open_places.open_places() if line.startswith("BegunKind: ")]
    places = ("pipeline/", "pyproject.toml", "tests/resources/test_begun_kind.py", "drift_map.py")
    assert [place for place in places if not any(place in line for line in found)] == []
    assert len(found) == len(places)
