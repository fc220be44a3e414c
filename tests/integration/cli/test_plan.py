"""`plan` and `approve`: what would change in AWS, by the operator's own engine, without a write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.runs import answered, called, shown
from tests.integration.pilot import Pilot, run


@pytest.fixture
def ready(pilot: Pilot) -> Pilot:
    """A pipeline that is ready."""
    pilot.apply({})
    run(pilot.converge())
    pilot.forget_calls()
    return pilot


def manifest(pilot: Pilot, folder: Path, spec: dict[str, Any], name: str = "") -> str:
    """A file with the pilot's pipeline, or another one, and this spec."""
    body = {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": name or pilot.name, "namespace": pilot.namespace},
        "spec": spec,
    }
    file = folder / "pipeline.json"
    file.write_text(json.dumps(body))
    return str(file)


def test_a_pipeline_that_is_as_its_spec_says_has_no_changes(ready: Pilot) -> None:
    """Everything is observed, nothing is written, and the exit code says so."""
    done = called(ready, "plan", ready.name, "--detailed-exitcode")
    assert done.returncode == 0, done.stdout
    assert "No changes: AWS is as the spec says." in done.stdout
    assert ready.writes() == {}


def test_a_manifest_is_planned_before_it_is_applied(ready: Pilot, tmp_path: Path) -> None:
    """Old and new values, data at risk, costs; and neither the cluster nor AWS is changed."""
    before = ready.body()
    spec = {
        "stream": {"shards": 4},
        "processor": {"memoryMiB": 512},
        "logs": {"retentionDays": 1},
        "alarms": {"enabled": False},
    }
    file = manifest(ready, tmp_path, spec)
    done = called(ready, "plan", "-f", file, "--detailed-exitcode", "-o", "json")
    assert done.returncode == 2, done.stderr
    found = json.loads(done.stdout)
    lines = {(one["action"], one["resource"], one["field"]): one for one in found["changes"]}
    assert lines["update", "stream", "shards"]["old"] == "2"
    assert lines["update", "stream", "shards"]["new"] == "4"
    assert lines["update", "processor", "memoryMiB"]["new"] == "512"
    assert ("delete", "alarm-processor-errors", "") in lines
    assert found["dataAtRisk"] == [
        "logs.retentionDays 14 -> 1: log lines older than 1 days are deleted"
    ]
    assert float(found["costAfter"]) > float(found["costBefore"])
    assert ready.body() == before
    assert ready.writes() == {}


def test_a_new_manifest_is_all_creations(pilot: Pilot, tmp_path: Path) -> None:
    """By the names that the operator would choose; nothing is stored."""
    file = manifest(pilot, tmp_path, {})
    found = answered(pilot, "plan", "-f", file)
    assert {one["action"] for one in found["changes"]} == {"create"}
    assert found["summary"] == "29 to create"
    assert pilot.body() is None


def test_the_plan_that_waits_has_the_same_changes_hash(pilot: Pilot, tmp_path: Path) -> None:
    """So what was shown in a pull request can be approved after it is merged, and nothing else."""
    pilot.apply({"approval": "Manual"})
    run(pilot.step())
    waiting = pilot.status()["plan"]
    assert answered(pilot, "plan", pilot.name)["changesHash"] == waiting["changesHash"]
    wrong = called(pilot, "approve", pilot.name, "--changes-hash", "0" * 32)
    assert wrong.returncode == 1
    assert f"its changesHash is {waiting['changesHash']}" in wrong.stderr
    assert pilot.writes() == {}
    right = called(pilot, "approve", pilot.name, "--changes-hash", waiting["changesHash"])
    assert right.returncode == 0, right.stderr
    run(pilot.converge())
    edited = {"approval": "Manual", "stream": {"shards": 4}, "processor": {"memoryMiB": 512}}
    planned = answered(pilot, "plan", "-f", manifest(pilot, tmp_path, edited))
    pilot.apply(edited)
    run(pilot.step())
    assert pilot.status()["plan"]["changesHash"] == planned["changesHash"] != ""


def test_an_approval_is_asked_for(pilot: Pilot) -> None:
    """Without a terminal it needs --yes; without a plan there is nothing to approve."""
    pilot.apply({"approval": "Manual"})
    nothing = called(pilot, "approve", pilot.name)
    assert nothing.returncode == 1
    assert "no plan of" in nothing.stderr
    run(pilot.step())
    silent = called(pilot, "approve", pilot.name)
    assert (silent.returncode, "add --yes" in silent.stderr) == (1, True)
    assert "clickstream.dev/approved-plan" not in (pilot.body() or {})["metadata"].get(
        "annotations", {}
    )
    agreed = called(pilot, "approve", pilot.name, "--yes")
    assert agreed.stdout.endswith("29 to create\n")


def test_a_comment_for_a_pull_request(ready: Pilot, tmp_path: Path) -> None:
    """Markdown with a table of the changes."""
    file = manifest(ready, tmp_path, {"stream": {"shards": 4}})
    done = called(ready, "plan", "-f", file, "-o", "markdown")
    assert "| `~` | `stream` | shards: 2 -&gt; 4 |" in done.stdout or (
        "| `~` | `stream` | shards: 2 -> 4 |" in done.stdout
    )
    assert "`changesHash` " in done.stdout


def test_without_the_right_to_try_the_crds_rules_are_checked(ready: Pilot, tmp_path: Path) -> None:
    """The plan says so; a faulty manifest is refused either way."""
    ready.sandbox.kubectl(
        "create", "clusterrole", "csp-reader", "--verb=get,list",
        "--resource=clickstreampipelines.clickstream.dev,deployments.apps",
    )  # fmt: skip
    ready.sandbox.kubectl(
        "create", "clusterrolebinding", "csp-reader", "--clusterrole=csp-reader", "--user=reader"
    )
    try:
        file = manifest(ready, tmp_path, {"stream": {"shards": 4}})
        done = called(ready, "plan", "-f", file, "--as", "reader")
        assert "You may not try it at the API server" in done.stderr
        assert "shards: 2 -> 4" in done.stdout
    finally:
        ready.sandbox.kubectl("delete", "clusterrolebinding/csp-reader", "clusterrole/csp-reader")


def test_a_manifest_that_the_api_server_refuses_is_told(ready: Pilot, tmp_path: Path) -> None:
    """What is fixed at creation, with the API server's words."""
    file = manifest(ready, tmp_path, {"region": "eu-west-1"})
    done = called(ready, "plan", "-f", file)
    assert done.returncode == 1
    assert "region is fixed at creation" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ("", "error: no usable AWS credential: "),
        ("999999999999", "your AWS credential belongs to account 999999999999, the pipeline is in"),
    ],
)
def test_a_credential_that_does_not_do_is_told(ready: Pilot, credential: str, said: str) -> None:
    """With the way to another one."""
    secret = "sandbox" if credential else ""
    done = called(
        ready, "plan", ready.name, AWS_ACCESS_KEY_ID=credential, AWS_SECRET_ACCESS_KEY=secret
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "--profile or AWS_PROFILE" in done.stderr


@pytest.mark.parametrize("columns", [40, 80])
def test_a_plan_fits_the_terminal(ready: Pilot, tmp_path: Path, columns: int) -> None:
    """The lines of the changes are folded, not cut."""
    file = manifest(ready, tmp_path, {"stream": {"shards": 4}})
    code, screen = shown(ready, "plan", "-f", file, columns=columns)
    assert code == 0
    assert "shards: 2 -> 4" in screen


def test_suspend_and_resume(ready: Pilot) -> None:
    """Each once; the second time there is nothing to do."""
    assert "is suspended now" in called(ready, "suspend", ready.name).stdout
    assert (ready.body() or {})["spec"]["suspend"] is True
    assert "is suspended already" in called(ready, "suspend", ready.name).stderr
    assert "is not suspended now" in called(ready, "resume", ready.name).stdout
    assert (ready.body() or {})["spec"]["suspend"] is False


def test_a_reconcile_that_nobody_answers_is_told(ready: Pilot) -> None:
    """The operator does not run here; with --timeout 0 the answer is not awaited."""
    asked = called(ready, "reconcile", ready.name, "--timeout", "0")
    assert (asked.returncode, asked.stdout) == (0, "")
    done = called(ready, "reconcile", ready.name, "--timeout", "1")
    assert done.returncode == 1
    assert "does the operator run" in done.stderr
