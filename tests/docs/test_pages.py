"""Every page with commands to paste, followed from its first block to its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from sandbox import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.programs import binaries, helm
from tests.docs.blocks import PAGES, blocks, manifests
from tests.docs.kubelet import Kubelet
from tests.docs.plan import steps
from tests.docs.shell import Shell

pytestmark = [pytest.mark.docs, pytest.mark.timeout(1200)]

#: Pages that begin with nothing at all.
_FROM_NOTHING: Final = ("README.md", "docs/how-to/run-the-sandbox.md")
#: Pages that begin with a cluster in which nobody installed anything.
_INSTALL: Final = (
    "charts/clickstream-operator/README.md",
    "docs/how-to/install.md",
    "docs/how-to/upgrade.md",
)
#: Takes away what a page about the installation left, for the next one.
_UNINSTALL: Final = """
helm uninstall clickstream-operator -n clickstream-system --ignore-not-found
kubectl delete crd clickstreampipelines.clickstream.dev --ignore-not-found
kubectl delete namespace clickstream-system --ignore-not-found
"""
_OTHERS: Final = tuple(page for page in PAGES if page not in {*_FROM_NOTHING, *_INSTALL})


def _cases(pages: tuple[str, ...]) -> list[Any]:
    """Pages with commands, those about an installation with Helm in both majors."""
    return [
        pytest.param(page, major, id=f"{page}-helm{major}" if page in _INSTALL else page)
        for page in pages
        if blocks(page)
        for major in (helm.MAJORS if page in _INSTALL else helm.MAJORS[-1:])
    ]


def follow(page: str, shell: Shell, major: int) -> None:
    """Run what can run here with this Helm, and the README's manifest in the folder."""
    shell.run(f"cat >~/shop.yaml <<'END'\n{manifests('README.md')[0]}END\ncp ~/shop.yaml .")
    for step in steps(page):
        if not step.cannot and step.helm in {0, major}:
            shell.follow(page, step)


def _settings(sandbox: Sandbox) -> dict[str, str]:
    return {**sandbox.aws_environment(), "KUBECONFIG": str(sandbox.kubeconfig)}


@pytest.fixture
def shell(tmp_path: Path, clone: Path, repository: Path, major: int) -> Shell:
    """A shell in the clone."""
    shell = Shell(tmp_path, clone, major)
    shell.set({"REPOSITORY": str(repository), "PROGRAMS": str(binaries.locate())})
    return shell


@pytest.mark.parametrize(("page", "major"), _cases(_FROM_NOTHING))
def test_from_nothing(page: str, shell: Shell, major: int) -> None:
    """README and sandbox page start what they need themselves."""
    try:
        follow(page, shell, major)
    finally:
        shell.run("make down")


@pytest.mark.parametrize(("page", "major"), _cases(_INSTALL))
def test_installation(page: str, shell: Shell, empty: Sandbox, major: int) -> None:
    """Pages about the installation, with either Helm."""
    shell.set(_settings(empty))
    kubelet = Kubelet(empty)
    try:
        follow(page, shell, major)
    finally:
        kubelet.close()
        code, said = shell.run(_UNINSTALL)
    assert code == 0, said


@pytest.mark.parametrize(("page", "major"), _cases(_OTHERS))
def test_with_a_pipeline(
    page: str, shell: Shell, operated: tuple[Sandbox, OperatorProcess], major: int
) -> None:
    """Pages for people who have the README's pipeline."""
    sandbox, operator = operated
    shell.set(_settings(sandbox))
    address = operator.address.removeprefix("http://")
    shell.set({"OPERATOR_LOG": str(operator.log), "OPERATOR_ADDRESS": address})
    code, said = shell.run(
        "kubectl get namespace analytics >/dev/null 2>&1 || kubectl create namespace analytics\n"
        f"kubectl apply -f - <<'END'\n{manifests('README.md')[0]}END\n"
        "kubectl wait -n analytics --for=condition=Ready csp/shop --timeout=60s"
    )
    assert code == 0, said
    follow(page, shell, major)
