"""The documentation says what is so: links resolve, targets exist, generated pages are current."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.resources import sqs_queue
from clickstream_operator.settings import Settings
from docs.generator.__main__ import DOCS, PAGES
from docs.generator.operator_policy import MissingGrantError, calls, operator_policy

ROOT = Path(__file__).parents[3]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_MANIFEST = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\bmake(?: -\w+)? ([a-z][a-z-]*)(?=[\s`]|$)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def _pages() -> list[Path]:
    skipped = {"build", "dist", "node_modules"}
    return sorted(
        page
        for page in ROOT.rglob("*.md")
        if not any(
            part.startswith(".") or part in skipped for part in page.relative_to(ROOT).parts[:-1]
        )
    )


def _ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _anchors(page: Path) -> set[str]:
    """GitHub's anchors of the headings of a page."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (heading.replace("`", "").lower() for heading in _HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", _pages(), ids=_ids)
def test_every_relative_link_resolves(page: Path) -> None:
    """Files and anchors that a page points to are there."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page if not name else page.parent / name
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in _anchors(target)
        ):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", _pages(), ids=_ids)
def test_every_make_target_exists(page: Path) -> None:
    """What a page tells people to run with make is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + _FENCE.findall(text))
    named = set(_TARGET.findall(code))
    assert named <= targets


@pytest.mark.parametrize("page", _pages(), ids=_ids)
def test_every_manifest_is_a_valid_pipeline(page: Path) -> None:
    """Manifests of pipelines in the pages have only fields that exist, with allowed values."""
    for text in _MANIFEST.findall(page.read_text(encoding="utf-8")):
        for document in yaml.safe_load_all(text):
            if isinstance(document, dict) and document.get("kind") == "ClickstreamPipeline":
                spec = document.get("spec", {})
                parsed = Spec.model_validate(spec).model_dump(mode="json", by_alias=True)
                assert _unknown(spec, parsed) == []


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
        name for name, make in PAGES.items() if (DOCS / name).read_text(encoding="utf-8") != make()
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


def test_deployment_uses_settings_that_exist() -> None:
    """The Deployment sets CLICKSTREAM_* variables that the operator reads, and AWS_* ones."""
    text = (ROOT / "examples" / "install" / "deployment.yaml").read_text(encoding="utf-8")
    known = {f"CLICKSTREAM_{name.upper()}" for name in Settings.model_fields}
    (deployment,) = (one for one in yaml.safe_load_all(text) if one and one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    named = {one["name"] for one in container["env"]}
    assert {name for name in named if not name.startswith("AWS_")} <= known
    # Probes come from the node, so the default of loopback would fail them.
    assert {"name": "CLICKSTREAM_LISTEN_HOST", "value": "0.0.0.0"} in container["env"]  # noqa: S104


def test_a_call_without_a_grant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy can't be generated before the module says on what its new call is allowed."""
    assert len(list(calls())) > 80, "the search for calls found too few to be believed"
    monkeypatch.setattr(sqs_queue, "GRANTS", ())
    with pytest.raises(MissingGrantError, match=r"resources\.sqs_queue needs sqs:"):
        operator_policy()


def test_a_call_of_a_service_that_is_new_is_not_overlooked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No list says which services the code may call: AWS's own does."""
    written = Path(sqs_queue.__file__).read_text(encoding="utf-8")
    module = tmp_path / "sqs_queue.py"
    module.write_text(f"{written}\n\nread('firehose', 'describe_delivery_stream')\n", "utf-8")
    monkeypatch.setattr(sqs_queue, "__file__", str(module))
    with pytest.raises(MissingGrantError, match="needs firehose:DescribeDeliveryStream"):
        operator_policy()


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_parse(script: str) -> None:
    """The scripts that CI runs are valid bash and executable."""
    path = ROOT / script
    assert path.stat().st_mode & 0o100
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.stderr == ""


def test_versions_agree() -> None:
    """Project, image and install manifest name one version."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert found is not None
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"^ARG VERSION=(.+)$", dockerfile, re.MULTILINE)) == {found[1]}
    deployment = ROOT / "examples" / "install" / "deployment.yaml"
    assert f"image: clickstream-operator:{found[1]}\n" in deployment.read_text(encoding="utf-8")
