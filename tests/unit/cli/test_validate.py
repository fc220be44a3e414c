"""`validate`: files, folders and standard input; each fault at its line, also for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.terminal import on_terminal, piped

GOOD = """\
apiVersion: clickstream.dev/v1alpha1
kind: ClickstreamPipeline
metadata: {name: shop, namespace: analytics}
spec: {region: eu-west-1}
"""
BAD = """\
apiVersion: clickstream.dev/v1alpha1
kind: ClickstreamPipeline
metadata:
  name: shop
  lables: {a: b}
spec:
  stream:
    shard: 2
  driftPolicy: correct
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a good and a bad manifest, one inside, and what is none."""
    (tmp_path / "a.yaml").write_text(f"{GOOD}---\napiVersion: v1\nkind: Namespace\n")
    (tmp_path / "b.yml").write_text(BAD)
    (tmp_path / "notes.txt").write_text("no: [manifest")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.json").write_text('{"kind": "ClickstreamPipelin", "metadata": {}}')
    return tmp_path


def test_faults_stand_at_their_lines(folder: Path) -> None:
    """With the nearest name; the good manifest is not mentioned."""
    done = piped(["validate", "-f", str(folder)])
    assert done.returncode == 1
    file = folder / "b.yml"
    known = 'supported values: "Correct", "Report", "Ignore"'
    choice = f'Unsupported value: "correct": {known}; did you mean Correct?'
    assert done.stdout.splitlines() == [
        f'{file}:5: metadata.lables: unknown field "metadata.lables"; did you mean labels?',
        f'{file}:8: spec.stream.shard: unknown field "spec.stream.shard"; did you mean shards?',
        f"{file}:9: spec.driftPolicy: {choice}",
    ]
    assert done.stderr == "2 manifests, 3 faults, 1 of other kinds left out\n"


def test_folders_are_gone_through_when_asked(folder: Path) -> None:
    """A kind with a slip of the pen is a pipeline with a fault, not something else."""
    done = piped(["validate", "-R", "-f", str(folder / "deep"), "-f", str(folder)])
    assert 'deep/c.json:1: kind: Unsupported value: "ClickstreamPipelin": write ' in done.stdout
    assert "deep/c.json:1: apiVersion: Required value" in done.stdout
    assert "deep/c.json:1: metadata.name: Required value" in done.stdout


def test_standard_input_and_lists_are_read() -> None:
    """As kubectl prints them."""
    body = {"apiVersion": "v1", "kind": "List", "items": [json.loads(_as_json(GOOD))] * 2}
    done = piped(["validate", "-f", "-"], given=json.dumps(body))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "2 manifests, no fault\n")


def test_a_program_gets_the_faults_as_json() -> None:
    """File, line, object, field and message of each."""
    done = piped(["validate", "-f", "-", "-o", "json"], given=BAD)
    assert json.loads(done.stdout)[1] == {
        "file": "-",
        "line": 8,
        "name": "shop",
        "field": "spec.stream.shard",
        "message": 'unknown field "spec.stream.shard"; did you mean shards?',
    }
    assert done.returncode == 1


def test_what_is_fixed_at_creation_is_held_against_the_old_manifest(tmp_path: Path) -> None:
    """As the API server will, when the manifest is applied."""
    old = tmp_path / "old.yaml"
    old.write_text(GOOD)
    new = GOOD.replace("eu-west-1", "eu-west-2")
    assert piped(["validate", "-f", "-"], given=new).returncode == 0
    done = piped(["validate", "-f", "-", "--old", str(old)], given=new)
    assert done.returncode == 1
    assert "-:4: spec.region: Invalid value: object: region is fixed at creation" in done.stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a: [", "error: -:1: expected the node content, but found '<stream end>'; write YAML"),
        ("spec: {}\nspec: {}", "error: -:2: spec stands twice; remove one of them"),
        ("a: 2026-99-99", "error: -: month must be in 1..12; put the value in quotes"),
        ("kind: Pod", "error: no ClickstreamPipeline in these manifests; name the files"),
        ("", "error: no ClickstreamPipeline in these manifests; name the files"),
        ("[" * 3000, "error: -: the document is nested too deeply"),
    ],
)
def test_what_is_no_manifest_is_refused(given: str, said: str) -> None:
    """In one line, with the line of the file where there is one."""
    done = piped(["validate", "-f", "-"], given=given)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_missing_files_and_empty_folders_are_told(tmp_path: Path) -> None:
    """With what to do."""
    missing = tmp_path / "nope.yaml"
    assert piped(["validate", "-f", str(missing)]).stderr == (
        f"error: {missing}: No such file or directory; name a manifest that exists\n"
    )
    assert "no manifest in this folder; name files, or add -R" in (
        piped(["validate", "-f", str(tmp_path)]).stderr
    )


def test_without_a_file_the_usage_is_shown() -> None:
    """Exit code 3: nothing was checked."""
    done = piped(["validate"])
    assert done.returncode == 3
    assert "Missing option '-f'" in done.stderr


def test_every_example_is_valid() -> None:
    """Also those for GitOps and the low-cost one."""
    examples = Path(__file__).parents[3] / "examples"
    code, shown = on_terminal(["validate", "-R", "-f", str(examples)])
    assert code == 0
    assert "no fault" in shown


def _as_json(manifest: str) -> str:
    return json.dumps(yaml.safe_load(manifest))
