"""Each finding of the usual tools is mended, or explained in `explained.yaml`."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import helm
from tests.audit.conftest import Tool

pytestmark = pytest.mark.audit

ROOT = Path(__file__).parents[2]
IAM = ROOT / "examples" / "iam"
POLICIES = [
    ROOT / "docs" / "reference" / "operator-policy.json",
    *sorted(IAM.glob("*policy*.json")),
]
CODE = ("operator", "lambdas", "sandbox", "docs", "benchmarks")
# Licences that let a user ship the operator's image without further duties than their text.
LICENCES = re.compile(
    r"^(MIT|Apache|BSD|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|The Unlicense|DFSG)"
)


def explained(tool: str) -> set[tuple[str, str]]:
    """Pairs of finding and place that are explained; a place is a folder, or empty."""
    entries: list[dict[str, Any]] = yaml.safe_load(
        (Path(__file__).parent / "explained.yaml").read_text()
    )[tool]
    found = set()
    for entry in entries:
        assert entry["why"]
        if tool in {"checkov", "parliament"}:
            found |= {(check, "") for check in entry["find"]}
        else:
            check, *places = entry["find"]
            found |= {(check, place) for place in places}
    return found


def test_code(tool: Tool) -> None:
    """bandit, over everything but the tests."""
    done = tool("bandit", "--quiet", "--recursive", *CODE, "--format", "json")
    results = json.loads(done.stdout)["results"]
    found = {(one["test_id"], one["filename"].split("/")[0]) for one in results}
    assert found == explained("bandit")


def test_rendered_chart(tool: Tool, tmp_path: Path) -> None:
    """checkov, over the rendering with the defaults."""
    chart = ROOT / "charts" / "clickstream-operator"
    program = helm.Helm(4, home=tmp_path)
    rendered = program.run("template", "op", str(chart), "--set", "aws.region=eu-west-1").stdout
    (tmp_path / "rendered.yaml").write_text(rendered)
    done = tool(
        "checkov",
        "--file",
        str(tmp_path / "rendered.yaml"),
        "--framework",
        "kubernetes",
        "--output",
        "json",
        "--quiet",
    )
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    assert {(one["check_id"], "") for one in failed} == explained("checkov")


def test_no_secret_is_committed(tool: Tool) -> None:
    """detect-secrets, over every file that git knows but hashes of packages."""
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 git of whoever runs the audit
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [
        name
        for name in listed.stdout.splitlines()
        if not name.endswith("go.sum") and not name.startswith("locks/")
    ]
    results = json.loads(tool("detect-secrets", "scan", *files).stdout)["results"]
    found = {(one["type"], name.split("/")[0]) for name, all_ in results.items() for one in all_}
    assert found == explained("detect-secrets")


def test_licences_of_what_the_image_holds(tool: Tool) -> None:
    """Every package that is installed with the operator may be shipped with it."""
    packages = re.findall(
        r"^([a-z0-9._-]+)==", (ROOT / "locks" / "operator.txt").read_text(), re.MULTILINE
    )
    done = tool(
        "pip-licenses",
        f"--python={ROOT / '.venv' / 'bin' / 'python'}",
        "--from=mixed",
        "--format=csv",
        "--packages",
        *packages,
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) > 10
    refused = {row["Name"]: row["License"] for row in rows if not LICENCES.match(row["License"])}
    assert refused == {}


def test_dockerfile(tool: Tool) -> None:
    """hadolint, without exceptions."""
    done = tool("hadolint", "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_workflows(tool: Tool) -> None:
    """zizmor, without exceptions, and without asking the network."""
    done = tool("zizmor", "--offline", "--no-progress", ".github/workflows")
    assert done.returncode == 0, done.stdout + done.stderr


def test_cloudformation(tool: Tool) -> None:
    """cfn-lint, over the operator's role."""
    done = tool("cfn-lint", str(IAM / "cloudformation.json"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_policies(tool: Tool, path: Path) -> None:
    """parliament: actions, resources and conditions exist and fit each other."""
    done = tool("parliament", "--json", given=path.read_text())
    findings = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode in {0, 1}, done.stderr
    found = {(one["issue"], "") for one in findings}
    assert found <= explained("parliament")
    assert "UNKNOWN_ACTION" not in {issue for issue, _ in found} or {
        one["detail"] for one in findings if one["issue"] == "UNKNOWN_ACTION"
    } == {"Unknown action kinesis:TagResource"}
