"""The operator as the process that a cluster runs, with the rights of its ServiceAccount."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.operator_process import OperatorProcess
from sandbox.processes.process import wait_until
from tests.integration.pilot import examples
from tests.kstatus import Verdict
from tests.status_rules import watched

SECONDS = 60.0


@pytest.fixture
def operator(installed: Sandbox) -> Iterator[OperatorProcess]:
    """An operator that watches an empty emulator."""
    installed.reset_aws()
    installed.strict_aws.reset(["none"])
    process = OperatorProcess(installed)
    # One that other tests ran in this sandbox wrote to the same file.
    process.log.unlink(missing_ok=True)
    try:
        process.start()
        with watched(installed) as rules:
            yield process
            installed.kubectl("delete", "csp", "--all", "--wait=false")
            wait_until(lambda: not installed.kubectl("get", "csp", "-o", "name").stdout, SECONDS)
    finally:
        process.stop()
    assert {Verdict.IN_PROGRESS, Verdict.CURRENT, Verdict.TERMINATING} <= rules.seen


def state(sandbox: Sandbox, name: str) -> dict[str, str]:
    """State of each resource of a pipeline; empty when it is gone."""
    answer = sandbox.kubectl("get", "csp", name, "-o", "json", "--ignore-not-found")
    body = json.loads(answer.stdout) if answer.stdout else {}
    resources = body.get("status", {}).get("resources", [])
    return {one["name"]: one["state"] for one in resources}


def all_ready(sandbox: Sandbox, name: str) -> bool:
    """Whether every resource of a pipeline is ready."""
    states = set(state(sandbox, name).values())
    return states == {"Ready"}


def log_lines(operator: OperatorProcess) -> list[dict[str, object]]:
    """Its log, parsed: every line must be JSON."""
    return [json.loads(line) for line in operator.log.read_text().splitlines()]


def accepted(sandbox: Sandbox, operation: str) -> int:
    """How often AWS accepted it, also from a process that did not live to log it."""
    counts = sandbox.strict_aws.calls(operation=operation)
    return sum(count for (_, _, outcome), count in counts.items() if outcome == "OK")


def test_a_killed_operator_goes_on_where_it_was(
    installed: Sandbox, operator: OperatorProcess
) -> None:
    """A kill -9 in the middle of creation and of deletion: same end, nothing created twice."""
    installed.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
    assert wait_until(lambda: "Ready" in state(installed, "quickstart").values(), SECONDS)
    operator.kill()
    assert not all_ready(installed, "quickstart")
    operator.start()
    assert wait_until(lambda: all_ready(installed, "quickstart"), SECONDS)
    assert accepted(installed, "CreateStream") == 1
    assert accepted(installed, "CreateTable") == 3
    assert accepted(installed, "CreateFunction") == 2
    assert accepted(installed, "CreateEventSourceMapping") == 2
    assert accepted(installed, "CreateRole") == 3
    installed.kubectl("delete", "csp", "quickstart", "--wait=false")
    assert wait_until(lambda: accepted(installed, "DeleteFunction") > 0, SECONDS)
    operator.kill()
    assert state(installed, "quickstart")
    operator.start()
    assert wait_until(lambda: not state(installed, "quickstart"), SECONDS)
    assert accepted(installed, "DeleteStream") == 1
    assert accepted(installed, "DeleteTable") == 0


def test_it_says_how_it_is(installed: Sandbox, operator: OperatorProcess) -> None:
    """Health, readiness, metrics with controller-runtime's names, JSON logs without secrets."""
    installed.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
    assert wait_until(lambda: all_ready(installed, "quickstart"), SECONDS)
    assert operator.get("/healthz") == "ok\n"
    assert operator.get("/readyz") == "ok\n"
    reconciles = operator.samples("controller_runtime_reconcile_total")
    assert sum(reconciles.values()) > 0
    assert operator.aws_calls()["lambda"] > 0
    writes = [line for line in log_lines(operator) if line["logger"] == "audit"]
    assert {"pipeline", "resource", "action", "fields", "aws_request_id", "duration_ms"} <= set(
        writes[0]
    )
    assert {line["pipeline"] for line in writes} == {"default/quickstart"}


def test_one_broken_pipeline_does_not_hold_up_another(
    installed: Sandbox, operator: OperatorProcess
) -> None:
    """The operator keeps serving other objects."""
    role = {"roleArn": "arn:aws:iam::123456789012:role/not-supported-yet"}
    for name, spec in (("broken", {"credentials": role}), ("fine", {})):
        manifest = {
            "apiVersion": "clickstream.dev/v1alpha1",
            "kind": "ClickstreamPipeline",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
        installed.kubectl("apply", "-f", "-", input=json.dumps(manifest))
    assert wait_until(lambda: all_ready(installed, "fine"), SECONDS)
    assert state(installed, "broken") == {}


def test_an_expired_token_is_said_and_healed_without_a_restart(
    installed: Sandbox, operator: OperatorProcess
) -> None:
    """The token of a running operator expires: the object says so, and the process goes on."""
    manifest = {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": "waiting", "namespace": "default"},
        "spec": {},
    }

    def ready() -> dict[str, str]:
        answer = installed.kubectl("get", "csp", "waiting", "-o", "json")
        conditions = json.loads(answer.stdout)["status"].get("conditions", [])
        return next((one for one in conditions if one["type"] == "Ready"), {})

    installed.strict_aws.inject("expired_token")
    try:
        installed.kubectl("apply", "-f", "-", input=json.dumps(manifest))
        assert wait_until(lambda: ready().get("reason") == "CredentialsInvalid", SECONDS)
        assert "ExpiredToken" in ready()["message"]
        assert operator.get("/healthz") == "ok\n"
    finally:
        installed.strict_aws.end_faults()
    assert wait_until(lambda: all_ready(installed, "waiting"), SECONDS)
    assert operator.alive()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CLICKSTREAM_WORKERS", "many", "CLICKSTREAM_WORKERS='many'"),
        ("CLICKSTREAM_REGION", "Virginia", "CLICKSTREAM_REGION='Virginia'"),
        ("CLICKSTREAM_PACKAGES", "nowhere", "CLICKSTREAM_PACKAGES=nowhere: processor.zip"),
        ("KUBECONFIG", "nowhere", "no Kubernetes configuration"),
    ],
)
def test_wrong_settings_stop_it_with_one_line(
    installed: Sandbox, variable: str, value: str, words: str
) -> None:
    """One readable line on stderr, exit code 2, no traceback."""
    environment = {
        "PATH": "",
        "KUBECONFIG": str(installed.kubeconfig),
        "CLICKSTREAM_PACKAGES": str(examples().parent / "build" / "lambdas"),
        variable: value,
    }
    done = subprocess.run(
        [sys.executable, "-m", "clickstream_operator"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_tenants_file_is_told_and_opens_nothing(
    installed: Sandbox, tmp_path: Path
) -> None:
    """/readyz, metric and log say so; the last good version decides until the next good one."""
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text("tenants: [{namespaces: [default], limits: {shards: 1}}]")
    process = OperatorProcess(installed, settings={"CLICKSTREAM_TENANTS": str(tenants)})
    good = "clickstream_tenants_good"
    try:
        process.start()
        assert sum(process.samples(good).values()) == 1
        tenants.write_text("tenants: [{namespaces: ['*'], all: true}]")
        assert wait_until(lambda: sum(process.samples(good).values()) == 0, SECONDS)
        status, answer = process.ask("/readyz")
        assert status == 503
        assert "CLICKSTREAM_TENANTS" in answer
        assert "tenants.0.all" in answer
        assert any(line["message"] == "tenants refused" for line in log_lines(process))
        installed.kubectl("apply", "-f", str(examples() / "quickstart.yaml"))
        assert wait_until(lambda: "tenants[].limits.shards" in said(installed), SECONDS)
        # The next good version is in force without a restart, and the pipeline goes on.
        tenants.write_text("tenants: [{namespaces: [default]}]")
        assert wait_until(lambda: bool(state(installed, "quickstart")), SECONDS)
        assert process.get("/readyz") == "ok\n"
    finally:
        installed.kubectl("delete", "csp", "--all", "--wait=false")
        wait_until(lambda: not installed.kubectl("get", "csp", "-o", "name").stdout, SECONDS)
        process.stop()


def said(sandbox: Sandbox) -> str:
    """Everything that the conditions of the pipelines say."""
    bodies = json.loads(sandbox.kubectl("get", "csp", "-o", "json").stdout)["items"]
    conditions = (one for body in bodies for one in body.get("status", {}).get("conditions", []))
    return " ".join(one.get("message", "") for one in conditions)
