"""Names in the pages are of today: fields, values of the chart, settings, metrics, reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.api.reasons import Reason
from clickstream_operator.settings import Settings
from clickstream_operator.telemetry.metrics import Metrics
from tests.unit.docs.pages import BY_HAND, ROOT, page_id

CHART = ROOT / "charts" / "clickstream-operator"
_PATH = re.compile(r"`((?:[a-zA-Z]+(?:\[\])?\.)+[a-zA-Z]+(?:\[\])?)(?:[=:][^`\n]*)?`")
_METRIC = re.compile(r"\b((?:clickstream|controller_runtime|workqueue|leader_election)_[a-z_]+)\b")
_SUFFIX = re.compile(r"_(bucket|count|sum|total)$")
#: Names of the Python package and of the Terraform recipe look like metrics.
_NO_METRIC = {"clickstream_operator", "clickstream_events", "clickstream_archive"}
#: Names of files have dots too.
_FILES = {"py", "yaml", "yml", "md", "json", "toml", "txt", "zip", "sh", "in", "tf"}


@cache
def _properties() -> dict[str, Any]:
    text = (ROOT / "crds" / "clickstreampipelines.yaml").read_text("utf-8")
    crd = yaml.load(text, yaml.CSafeLoader)
    properties: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"][
        "properties"
    ]
    return properties


def _schema(part: str) -> dict[str, Any]:
    return dict(_properties()[part])


def _paths(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    """Dotted paths of a schema, ``[]`` after lists also left out."""
    for name, below in schema.get("properties", {}).items():
        yield above + name
        yield from _paths(below, f"{above}{name}.")
        yield f"{above}{name}[]"
        yield from _paths(below.get("items", {}), f"{above}{name}[].")


def _values(values: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, below in values.items():
        yield above + name
        if isinstance(below, dict):
            yield from _values(below, f"{above}{name}.")


every_page = pytest.mark.parametrize("page", BY_HAND, ids=page_id)
SPEC = frozenset(_paths(_schema("spec")))
STATUS = frozenset(_paths(_schema("status")))
VALUES = frozenset(_values(yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))))
TOPS = {path.split(".")[0] for path in SPEC | VALUES}


def _unknown_path(path: str) -> bool:
    """Whether a path looks like one of the spec, the status or the values and is none."""
    first, _, rest = path.partition(".")
    if path.rsplit(".", 1)[-1] in _FILES:
        return False
    if first == "spec":
        return rest not in SPEC
    if first == "status":
        return rest not in STATUS
    return first in TOPS and path not in SPEC | VALUES


@every_page
def test_fields_and_values_exist(page: Path) -> None:
    """Paths in code are in the CRD or in the chart's values, also those given to `--set`."""
    text = page.read_text("utf-8")
    assert [path for path in _PATH.findall(text) if _unknown_path(path)] == []
    assert set(re.findall(r"--set ([a-zA-Z.]+)=", text)) - VALUES == set()
    # In jsonpath; outputs and names are free maps.
    read = set(re.findall(r"\{(?:range )?\.status\.([a-zA-Z]+)", text))
    assert read <= {path for path in STATUS if "." not in path}


@every_page
def test_settings_exist(page: Path) -> None:
    """Variables of the operator are ones that it reads."""
    known = {f"CLICKSTREAM_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bCLICKSTREAM_[A-Z_]+\b", page.read_text("utf-8"))) - known == set()


@every_page
def test_metrics_exist(page: Path) -> None:
    """Series of the operator are ones that it exports."""
    exported = {family.name for family in Metrics().registry.collect()}
    exported |= set(re.findall(r'"(clickstream_[a-z_]+)"', _source("telemetry/metrics.py")))
    named = {_SUFFIX.sub("", name) for name in _METRIC.findall(page.read_text("utf-8"))}
    bare = {_SUFFIX.sub("", name) for name in exported} | _NO_METRIC
    assert named - bare == set()


@every_page
def test_reasons_exist(page: Path) -> None:
    """What a page calls a reason is one, in words and in selectors of Events."""
    text = page.read_text("utf-8")
    named = set(re.findall(r"[Rr]easons? (?:`([A-Z][A-Za-z]+)`)", text))
    named |= set(re.findall(r"reason=([A-Z][A-Za-z]+)", text))
    assert named - set(Reason) == set()


@pytest.mark.parametrize(
    "words", ["kubernetes refused", "unexpected error in a reconcile", "force-delete: left behind"]
)
def test_log_lines_to_search_for_exist(words: str) -> None:
    """The runbooks search the log for words that the operator writes."""
    runbooks = "".join(page.read_text("utf-8") for page in (ROOT / "docs/runbooks").glob("*.md"))
    assert words in runbooks
    package = ROOT / "operator" / "clickstream_operator"
    assert any(f'"{words}' in module.read_text("utf-8") for module in package.rglob("*.py"))


def _source(name: str) -> str:
    return (ROOT / "operator" / "clickstream_operator" / name).read_text("utf-8")
