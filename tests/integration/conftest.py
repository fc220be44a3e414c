"""A second sandbox, for the tests that need IAM enforced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from sandbox.operator_process import MANIFESTS
from tests.whole_run import new_audit_log


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that refuses what the caller's policies do not allow."""
    audit_log = new_audit_log(tmp_path_factory)
    with Sandbox.start(iam_enforcement=True, strict_aws=["none"], audit_log=audit_log) as started:
        for manifest in MANIFESTS:
            started.kubectl("apply", "--server-side", "-f", str(manifest))
        started.kubectl(
            "wait", "--for=condition=Established", "crd/clickstreampipelines.clickstream.dev"
        )
        yield started
