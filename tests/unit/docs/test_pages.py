"""Links, commands and manifests of the pages: what a page leads to is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from docs.generator.__main__ import DOCS
from docs.generator.__main__ import PAGES as GENERATED
from tests.unit.docs.pages import PAGES, ROOT, blocks, code, page_id, prose

_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TARGET: Final = re.compile(r"\bmake(?: -\w+)? ([a-z][a-z-]*)(?=[\s`]|$)")
_HEADING: Final = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=page_id)


def _anchors(page: Path) -> set[str]:
    """GitHub's anchors of the headings of a page."""
    plain = (heading.replace("`", "").lower() for heading in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@every_page
def test_every_relative_link_resolves(page: Path) -> None:
    """Files and anchors that a page points to are there."""
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page if not name else page.parent / name
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in _anchors(target)
        ):
            broken.append(link)
    assert not broken


@every_page
def test_every_command_exists(page: Path) -> None:
    """What a page runs with make is a target, and with `python -m` a module."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert set(_TARGET.findall(code(page))) <= targets
    for name in re.findall(r"python3? -m ([a-z_.]+)", code(page)):
        if name.split(".")[0] in {"pip", "venv"}:
            continue
        path = ROOT.joinpath(*name.split("."))
        lambdas = ROOT.joinpath("lambdas", *name.split("."))
        found = [path.with_suffix(".py"), path / "__main__.py", lambdas / "__main__.py"]
        assert any(one.exists() for one in found), name


@every_page
def test_every_block_of_data_is_valid(page: Path) -> None:
    """JSON parses, and manifests of pipelines have only fields that exist, with allowed values."""
    assert [text for text in blocks(page, "json") if not _is_json(text)] == []
    documents = [one for text in blocks(page, "yaml") for one in yaml.safe_load_all(text)]
    specs = [
        one.get("spec", {})
        for one in documents
        if isinstance(one, dict) and one.get("kind") == "ClickstreamPipeline"
    ]
    parsed = [Spec.model_validate(spec).model_dump(mode="json", by_alias=True) for spec in specs]
    assert [_unknown(*both) for both in zip(specs, parsed, strict=True)] == [[]] * len(specs)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _unknown(given: Any, parsed: Any, path: str = "spec") -> list[str]:
    if not isinstance(given, dict) or not isinstance(parsed, dict):
        return []
    found = [f"{path}.{name}" for name in given if name not in parsed]
    for name in given.keys() & parsed.keys():
        found += _unknown(given[name], parsed[name], f"{path}.{name}")
    return found


def test_generated_pages_are_current() -> None:
    """`make docs` would change nothing."""
    stale = [
        name
        for name, make in GENERATED.items()
        if (DOCS / name).read_text(encoding="utf-8") != make()
    ]
    assert not stale


def test_every_page_is_reachable_from_the_index() -> None:
    """docs/README.md, or the README of a folder that it links, links each page."""
    docs = ROOT / "docs"
    linked = set[Path]()
    for index in (docs / "README.md", *sorted(docs.glob("*/README.md"))):
        if index.parent == docs or index in linked:
            links = _LINK.findall(index.read_text(encoding="utf-8"))
            linked |= {(index.parent / link.split("#")[0]).resolve() for link in links}
    pages = {
        page for page in docs.rglob("*.md") if page.parent.name != "adr" or page.stem == "README"
    }
    assert pages - linked - {docs / "README.md"} == set()
