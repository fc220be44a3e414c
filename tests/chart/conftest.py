"""Helm 3 and Helm 4 without a cluster, and what they render."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import helm
from sandbox.helm import Helm


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test: inside one, its timeout would end the build."""
    if any("helm_major" in getattr(one, "fixturenames", ()) for one in session.items):
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            for major in helm.MAJORS:
                helm.locate(major)


@pytest.fixture(params=helm.MAJORS, ids=lambda major: f"helm{major}")
def helm_major(request: pytest.FixtureRequest) -> int:
    """Each major in use."""
    major: int = request.param
    return major


@pytest.fixture
def offline(helm_major: int, tmp_path: Path) -> Helm:
    """Helm that finds no cluster."""
    return Helm(helm_major, home=tmp_path)
