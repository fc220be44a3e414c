"""A second sandbox, for the tests that need IAM enforced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from sandbox.operator_process import MANIFESTS


@pytest.fixture(scope="session")
def strict() -> Iterator[Sandbox]:
    """A sandbox that refuses what the caller's policies do not allow."""
    with Sandbox.start(iam_enforcement=True, hard_aws=["none"]) as started:
        for manifest in MANIFESTS:
            started.kubectl("apply", "--server-side", "-f", str(manifest))
        started.kubectl(
            "wait", "--for=condition=Established", "crd/clickstreampipelines.clickstream.dev"
        )
        yield started
