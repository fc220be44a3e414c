"""The image carries each module that the operator runs, and no other of ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.image_modules import ROOT, copied_by_the_dockerfile, run_by_the_operator


def test_the_image_carries_what_the_operator_runs() -> None:
    """By the imports of the chart's two programs; what only a person runs stays in the wheel."""
    assert copied_by_the_dockerfile() == run_by_the_operator()


def test_a_module_that_is_never_run_is_noticed(tmp_path: Path) -> None:
    """A new module without an importer reaches the image, so the comparison above fails."""
    for name in ("Dockerfile", ".dockerignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("operator", "lambdas"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    before = copied_by_the_dockerfile(tmp_path)
    package = tmp_path / "operator" / "clickstream_operator"
    (package / "aws" / "unused.py").touch()
    (package / "query" / "unused.py").touch()
    assert copied_by_the_dockerfile(tmp_path) - before == {"clickstream_operator/aws/unused.py"}
