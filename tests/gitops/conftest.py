"""One sandbox with the operator and a real Argo CD, for the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.gitops.cluster import Cluster

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = EXAMPLES / "gitops" / "argocd" / "argocd-cm.yaml"
#: The grants that the examples need: nothing foreign is allowed without.
TENANTS = EXAMPLES / "values" / "tenants.yaml"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with the operator, Argo CD, and the settings that we ship for it."""
    from sandbox import Sandbox  # noqa: PLC0415 only these tests pay for it
    from sandbox.operator_process import OperatorProcess  # noqa: PLC0415
    from sandbox.programs import helm  # noqa: PLC0415
    from sandbox.programs.argocd import ArgoCD  # noqa: PLC0415
    from tests.gitops.cluster import Cluster  # noqa: PLC0415

    with Sandbox.start() as sandbox:
        operator = OperatorProcess(sandbox, {"CLICKSTREAM_TENANTS": str(TENANTS)})
        operator.install()
        operator.start()
        settings = yaml.safe_load(SETTINGS.read_text())["data"]
        # Argo CD renders charts with Helm 3.
        argocd = ArgoCD(sandbox, settings, helm=helm.locate(helm.MAJORS[0]).parent)
        argocd.start()
        yield Cluster(sandbox, operator, argocd)
        argocd.stop()
        operator.stop()
