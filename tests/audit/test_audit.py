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

from sandbox.programs import actionlint, binaries, helm
from tests.audit.conftest import Tool
from tests.chart.chart_values import CHART, options
from tests.chart.renderings import RENDERINGS

pytestmark = pytest.mark.audit

ROOT = Path(__file__).parents[2]
IAM = ROOT / "examples" / "iam"
POLICIES = [
    ROOT / "docs" / "reference" / "operator-policy.json",
    *sorted(IAM.glob("*policy*.json")),
]
CODE = ("operator", "lambdas", "sandbox", "simulator", "docs", "benchmarks")
# Licences that let a user ship the operator's image without further duties than their text.
LICENCES = re.compile(
    r"^(MIT|Apache|BSD|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|The Unlicense|DFSG)"
)


#: Actions of the IAM policies that botocore's models have and the tools' lists do not.
NEWER_THAN_THE_TOOLS = {
    "cloudwatch:DeleteAlarmMuteRule",
    "cloudwatch:GetAlarmMuteRule",
    "cloudwatch:PutAlarmMuteRule",
    "kinesis:DescribeAccountSettings",
    "kinesis:ListChannels",
    "kinesis:ListQueues",
    "kinesis:TagResource",
    "kinesis:UpdateMaxRecordSize",
    "kinesis:UpdateStreamRecordDistributionStrategy",
    "kinesis:UpdateStreamWarmThroughput",
    "logs:PutLogGroupDeletionProtection",
}


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
    program = helm.Helm(4, home=tmp_path)
    rendered = program.run("template", "op", str(CHART), "--set", "aws.region=eu-west-1").stdout
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


def _oldest_kubernetes() -> str:
    """The minor version that the chart asks for at least."""
    found = re.match(
        r">=(1\.\d+)\.", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    )
    assert found
    return found[1]


def test_renderings_fit_every_kubernetes_from_the_oldest_on(tool: Tool, tmp_path: Path) -> None:
    """kubernetes-validate --strict, over every rendering and the manifests without Helm.

    In tests/chart/ a real API server judges the same renderings: it knows CEL and admission, but
    is of one version only.
    """
    files = sorted((ROOT / "examples" / "install").glob("*.yaml"))
    oldest = _oldest_kubernetes()
    for name, pairs in RENDERINGS.items():
        values = ("--namespace", "default", "--kube-version", f"{oldest}.0", *options(*pairs))
        objects = helm.Helm(4, home=tmp_path).render(CHART, *values)
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(yaml.safe_dump_all(objects))
    newest = binaries.version().removeprefix("v").rpartition(".")[0]
    for version in (oldest, newest):
        done = tool("kubernetes-validate", "-k", version, "--strict", *map(str, files))
        lines = done.stdout.splitlines()
        # A version or kind that it does not know is a warning only.
        assert [line for line in lines if not line.startswith("INFO ")] == []
        assert done.returncode == 0
        assert {line.rpartition(" ")[2] for line in lines} == {version}
        assert len(lines) > 50

    broken = tmp_path / "broken.yaml"
    broken.write_text(files[-1].read_text().replace("replicas:", "replica:"))
    done = tool("kubernetes-validate", "-k", newest, "--strict", str(broken))
    assert done.returncode == 1
    assert "'replica' was unexpected" in done.stdout


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


def test_workflows_are_safe(tool: Tool) -> None:
    """zizmor, without exceptions, and without asking the network."""
    done = tool("zizmor", "--offline", "--no-progress", ".github/workflows")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(900)
def test_workflows_are_valid(audit_tools: Path) -> None:
    """actionlint: keys, expressions and inputs, with shellcheck on each script."""
    files = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
    assert len(files) >= 2
    done = subprocess.run(
        [
            str(actionlint.locate()),
            # By default it looks for both on PATH and is quiet where they are not.
            f"-shellcheck={audit_tools / 'bin' / 'shellcheck'}",
            "-pyflakes=",
            *map(str, files),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_release_gives_every_argument_of_the_image() -> None:
    """What the Dockerfile leaves to its builder is given, by the names that it has there."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    arguments = set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yaml").read_text())
    steps = workflow["jobs"]["image"]["steps"]
    (build,) = [one for one in steps if "docker/build-push-action" in one.get("uses", "")]
    given = {line.partition("=")[0] for line in build["with"]["build-args"].splitlines()}
    # The base is pinned in the Dockerfile.
    assert given == arguments - {"BASE"}


def test_scripts(tool: Tool) -> None:
    """shellcheck, without exceptions, over what CI runs."""
    done = tool("shellcheck", ".ci/run")
    assert done.returncode == 0, done.stdout


def test_cloudformation(tool: Tool) -> None:
    """cfn-lint, over the operator's role."""
    done = tool("cfn-lint", "--format", "json", str(IAM / "cloudformation.json"))
    findings = json.loads(done.stdout or "[]")
    # W3037: the tool's own list of actions lacks one.
    unknown = {one["Message"].split("'")[1] for one in findings if one["Rule"]["Id"] == "W3037"}
    assert unknown <= {action.partition(":")[2].lower() for action in NEWER_THAN_THE_TOOLS}
    assert [one for one in findings if one["Rule"]["Id"] != "W3037"] == []


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_policies(tool: Tool, path: Path) -> None:
    """parliament: actions, resources and conditions exist and fit each other."""
    done = tool("parliament", "--json", given=path.read_text())
    findings = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode in {0, 1}, done.stderr
    found = {(one["issue"], "") for one in findings}
    assert found <= explained("parliament")
    unknown = {one["detail"] for one in findings if one["issue"] == "UNKNOWN_ACTION"}
    assert unknown <= {f"Unknown action {action}" for action in NEWER_THAN_THE_TOOLS}
