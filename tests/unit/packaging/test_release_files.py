"""Files that a release and CI are made of agree with one another."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


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
