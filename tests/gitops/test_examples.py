"""The examples for Argo CD and Flux, held against the CRDs of both by a real API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.kubernetes.crds import establish
from sandbox.programs import argocd, flux

pytestmark = pytest.mark.gitops

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "gitops"


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    """An API server with the CRDs of Argo CD, Flux and ours."""
    with Sandbox.start() as sandbox:
        ours = Path(__file__).parents[2] / "crds"
        for folder in (argocd.locate() / "manifests" / "crds", *flux.crds(), ours):
            establish(sandbox, folder)
        # Those of the tools, what the examples make (a dry run does not), and what the page says.
        page = (ROOT / "docs" / "how-to" / "gitops.md").read_text(encoding="utf-8")
        said = re.findall(r"^kubectl create namespace (\S+)$", page, re.MULTILINE)
        for namespace in ("argocd", "flux-system", "clickstream-system", *said):
            sandbox.kubectl("create", "namespace", namespace)
        yield sandbox


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_example_is_accepted_in_full(api: Sandbox, path: Path) -> None:
    """Strict: a field that a CRD does not know is refused."""
    done = api.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-f", str(path), check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr.replace(
        "missing the kubectl.kubernetes.io/last-applied-configuration annotation", ""
    ).count("unknown field")


def test_examples_name_the_chart_and_each_other(api: Sandbox) -> None:
    """Versions and names in the examples are those that exist."""
    chart = yaml.safe_load(
        (EXAMPLES.parents[1] / "charts" / "clickstream-operator" / "Chart.yaml").read_text()
    )
    operator = yaml.safe_load((EXAMPLES / "argocd" / "operator.yaml").read_text())
    assert operator["spec"]["source"]["targetRevision"] == chart["version"]
    projects = {
        yaml.safe_load((EXAMPLES / "argocd" / "project.yaml").read_text())["metadata"]["name"]
    }
    for name in ("pipelines.yaml", "applicationset.yaml"):
        body: dict[str, Any] = yaml.safe_load((EXAMPLES / "argocd" / name).read_text())
        template = body["spec"].get("template", body)
        assert template["spec"]["project"] in projects
