"""The security page: each threat has controls, each control has a test that exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "concepts" / "security.md"
_PROOF = re.compile(r"\[(test_\w+)\]\(([^)]+\.py)\)")


def _threats() -> dict[str, list[str]]:
    """Rows of controls by heading."""
    _, *sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    threats = {}
    for section in sections:
        heading, *lines = section.splitlines()
        rows = [line for line in lines if line.startswith("| ")]
        threats[heading] = [
            row for row in rows if row not in {"| control | proof |", "| --- | --- |"}
        ]
    return threats


def test_every_control_has_a_test_that_exists() -> None:
    """A threat without control, a control without test, and a test that is gone are faults."""
    threats = _threats()
    assert len(threats) >= 12, "the search for threats found too few to be believed"
    faults = [heading for heading, rows in threats.items() if not rows]
    for row in (row for rows in threats.values() for row in rows):
        proofs = _PROOF.findall(row)
        if not proofs:
            faults.append(row)
        for name, link in proofs:
            path = PAGE.parent / link
            tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.parse("")
            defined = (ast.FunctionDef, ast.AsyncFunctionDef)
            if not any(isinstance(n, defined) and n.name == name for n in ast.walk(tree)):
                faults.append(f"{link}::{name}")
    assert faults == []


def test_editors_do_not_write_the_status() -> None:
    """The inventory there decides what is ours, so only the operator writes it."""
    chart = ROOT / "charts" / "clickstream-operator"
    text = (chart / "templates" / "user-roles.yaml").read_text(encoding="utf-8")
    rules = re.findall(r"resources: \[([^]]*)\]\s+verbs: \[([^]]*)\]", text)
    assert len(rules) >= 2
    for resources, verbs in rules:
        if "/status" in resources or "*" in resources:
            assert set(verbs.split(", ")) <= {"get", "list", "watch"}


def test_packages_are_locked_with_hashes() -> None:
    """Pip refuses what has another hash, and the image is built that way."""
    text = (ROOT / "locks" / "operator.txt").read_text(encoding="utf-8")
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(requirements) > 10
    assert [one.split()[0] for one in requirements if "--hash=sha256:" not in one] == []
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert dockerfile.count("pip install") == dockerfile.count("pip install --require-hashes") == 1


def test_the_base_is_pinned_by_digest() -> None:
    """A tag can be moved to another image; and both stages are built on the same one."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (base,) = re.findall(r"^ARG BASE=(.*)$", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"[a-z0-9./:-]+@sha256:[0-9a-f]{64}", base)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE}"}


def _workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_actions_are_pinned() -> None:
    """By commit: a tag of somebody else's repository can be moved."""
    used = [
        step["uses"]
        for path in (ROOT / ".github" / "workflows").glob("*.yaml")
        for job in _workflow(path.name)["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    ]
    assert len(used) > 5
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)] == []


def test_what_a_release_runs_is_pinned_by_digest() -> None:
    """The job may sign: emulator, builder and scanner are images that it would pull by a tag."""
    steps = _workflow("release.yaml")["jobs"]["image"]["steps"]
    given = {
        step["uses"].partition("@")[0]: step.get("with", {}) for step in steps if "uses" in step
    }
    images = (
        given["docker/setup-qemu-action"]["image"],
        given["docker/setup-buildx-action"]["driver-opts"].removeprefix("image="),
        given["docker/build-push-action"]["sbom"].removeprefix("generator="),
    )
    for image in images:
        assert re.fullmatch(r"docker\.io/[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_the_installer_of_the_locks_is_pinned_by_hash() -> None:
    """What installs everything else by its hash is itself installed by its hash."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = [one for one in makefile.splitlines() if "pip install" in one and "-m pip" in one]
    assert "--require-hashes --requirement locks/uv.txt" in line
    lock = (ROOT / "locks" / "uv.txt").read_text(encoding="utf-8")
    assert re.match(r"uv==[\d.]+ \\\n    --hash=sha256:", lock)


def test_only_commits_of_main_are_released() -> None:
    """A tag on any other commit ends before the tests, and all other jobs wait for them."""
    jobs = _workflow("release.yaml")["jobs"]
    (check,) = [step["run"] for step in jobs["main"]["steps"] if "run" in step]
    assert check == 'git merge-base --is-ancestor "${GITHUB_SHA}" origin/main'
    (checkout,) = [step["with"] for step in jobs["main"]["steps"] if "uses" in step]
    assert checkout["fetch-depth"] == 0
    assert jobs["test"]["needs"] == "main"
    assert {name for name, job in jobs.items() if "needs" not in job} == {"main"}


def test_a_release_is_signed() -> None:
    """Tests first; then what was pushed is signed by its digest, and tells how it was built."""
    jobs = _workflow("release.yaml")["jobs"]
    assert (jobs["image"]["needs"], jobs["chart"]["needs"]) == ("test", "image")
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [
        "make vulnerabilities",
        ".ci/run",
    ]
    for name in ("image", "chart"):
        assert jobs[name]["permissions"]["id-token"] == "write"
    (build,) = [step["with"] for step in jobs["image"]["steps"] if step.get("id") == "build"]
    assert build["push"] is True
    assert build["provenance"] == "mode=max"
    assert build["sbom"].startswith("generator=")
    *_, sign = jobs["image"]["steps"]
    assert sign["env"]["IMAGE"].endswith("@${{ steps.build.outputs.digest }}")
    assert sign["run"] == 'cosign sign --yes "${IMAGE}"'
    *_, publish = jobs["chart"]["steps"]
    assert re.search(r'cosign sign --yes "\S+@\$\{digest\}"', publish["run"])


def test_functions_open_no_connection_of_their_own() -> None:
    """Modules that talk to a network are not imported: AWS is called by botocore."""
    network = {"aiohttp", "ftplib", "http", "requests", "smtplib", "socket", "urllib3"}
    network |= {"urllib.request", "asyncio", "xmlrpc", "telnetlib", "ssl", "httpx"}
    modules = [
        path
        for package in ("shared", "processor", "detector", "collector")
        for path in (ROOT / "lambdas" / package).glob("*.py")
    ]
    assert len(modules) > 20
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            assert not {n for n in names if n in network or n.split(".")[0] in network}, path


def _fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from _fields(value)


def test_no_field_names_an_endpoint() -> None:
    """Where AWS is, is the operator's setting; a spec names no address that anyone calls."""
    crd = yaml.safe_load((ROOT / "crds" / "clickstreampipelines.yaml").read_text(encoding="utf-8"))
    (version,) = crd["spec"]["versions"]
    fields = set(_fields(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))
    assert len(fields) > 50
    assert {one for one in fields if re.search("url|endpoint|host|webhook", one.lower())} == set()
