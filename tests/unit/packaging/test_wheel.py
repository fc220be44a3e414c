"""The wheel: what a person installs to read a pipeline's results."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from clickstream_operator.cli.new_manifest import PRESETS

ROOT = Path(__file__).parents[3]


def test_results_are_read_from_the_wheel_alone(tmp_path: Path) -> None:
    """It brings the functions' layout, no name that others use, and needs no other package."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {
        "clickstream_layout",
        "clickstream_operator",
    }
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); "
        "from clickstream_operator.query import PipelineReader; "
        "assert callable(PipelineReader.top_pages)"
    )
    runbooks = {path.name for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    inside = "clickstream_operator/cli/runbooks/"
    packed = zipfile.ZipFile(wheel).namelist()
    assert {name.removeprefix(inside) for name in packed if name.startswith(inside)} == runbooks
    presets = {name.rpartition("/")[2] for name in packed if "/cli/presets/" in name}
    assert presets == {f"{name}.yaml" for name in PRESETS}
    assert "clickstream_operator/cli/operator-policy.json" in packed
    inside = "clickstream_operator/cli/functions/"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path, [name for name in packed if name.startswith(inside)])
    found = f"import sys; sys.path[:0] = [{str(tmp_path / inside)!r}, {str(wheel)!r}]; "
    repair = subprocess.run(
        [sys.executable, "-I", "-c", f"{found}import redrive.__main__ as r; print(r.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert str(tmp_path) in repair.stdout
    # Isolated and without site-packages: the editable installation does not help it.
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, check=True)
