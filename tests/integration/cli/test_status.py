"""`status` and `events`: a pipeline on a screen, as the operator and AWS have it."""

from __future__ import annotations

from pathlib import Path

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


def test_a_ready_pipeline_is_healthy(ready: Pilot) -> None:
    """Conditions, every resource, dead letters from AWS; exit code 0, and nothing was written."""
    found = answered(ready, "status", ready.name)
    assert found["healthy"]
    assert (found["ready"], found["reason"]) == ("True", "Available")
    assert found["deadLetters"] == 0
    assert len(found["resources"]) == len(ready.status()["resources"])
    assert called(ready, "status", ready.name).returncode == 0
    assert ready.writes() == {}


@pytest.mark.parametrize("columns", [40, 80])
def test_the_screen_shows_every_part(ready: Pilot, columns: int) -> None:
    """The eleven alarms, which are all well, take one line."""
    code, screen = shown(ready, "status", ready.name, columns=columns)
    assert code == 0
    for part in ("stream", "processor-mapping", "archive", "11 alarms", "Available"):
        assert part in screen
    assert "alarm-processor-errors" not in screen
    body = screen.partition("CONDITION")[2] or screen.partition("condition")[2]
    assert max(len(line.rstrip()) for line in body.splitlines()) <= columns


def test_a_pipeline_that_is_not_healthy_is_told_by_the_exit_code(pilot: Pilot) -> None:
    """Before the operator has seen it, and while a plan waits."""
    pilot.apply({"approval": "Manual"})
    unseen = called(pilot, "status", pilot.name)
    assert unseen.returncode == 2
    assert "the operator has not seen it yet" in unseen.stderr
    run(pilot.step())
    waiting = called(pilot, "status", pilot.name)
    assert waiting.returncode == 2
    assert "PlanPending" in waiting.stdout
    listed = called(pilot, "status", "-n", pilot.namespace)
    assert listed.returncode == 2
    assert pilot.name in listed.stdout


def test_without_credentials_the_cluster_still_answers(ready: Pilot) -> None:
    """The traffic is left out, and why is told."""
    done = called(ready, "status", ready.name, AWS_ACCESS_KEY_ID="999999999999")
    assert done.returncode == 0
    assert "credential belongs to account 999999999999" in done.stderr
    assert "rate " not in done.stdout
    assert called(ready, "status", ready.name, "--no-aws").stderr == ""


def test_the_operators_pod_lends_nobody_its_credential(ready: Pilot) -> None:
    """Who may exec into it does not get its rights on AWS by that."""
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CLICKSTREAM_PACKAGES": "/opt/lambdas"}
    done = called(ready, "status", ready.name, **pod)
    assert "this is the operator's Pod" in done.stderr
    assert "rate " not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "NAMEX"), "error: no pipeline NAMEX in namespace default; did you mean NAME?"),
        (("status", "-A", "--as", "nobody"), "is forbidden"),
        (("status", "NAME", "--context", "nope"), "Expected object with name nope"),
        (("status", "NAME", "--kubeconfig", "/nope"), "error: no Kubernetes configuration"),
        (("status", "NAME", "-n", "empty"), "it has no pipeline; choose another namespace with -n"),
    ],
)
def test_what_is_wrong_is_one_line(ready: Pilot, arguments: tuple[str, ...], said: str) -> None:
    """With what to do, and exit code 1."""
    done = called(ready, *(one.replace("NAME", ready.name) for one in arguments))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said.replace("NAME", ready.name) in done.stderr


def test_a_cluster_that_does_not_answer_is_told(ready: Pilot, tmp_path: Path) -> None:
    """Without a traceback."""
    config = ready.sandbox.kubeconfig.read_text().replace(
        ready.sandbox.kube_url, "https://127.0.0.1:9"
    )
    file = tmp_path / "config"
    file.write_text(config)
    done = called(ready, "status", "--kubeconfig", str(file))
    assert done.returncode == 1
    assert "the Kubernetes API does not answer" in done.stderr
    assert "kubectl version" in done.stderr


def test_events_are_those_of_the_pipeline(ready: Pilot) -> None:
    """Oldest first."""
    reasons = [one["reason"] for one in answered(ready, "events", ready.name)]
    assert reasons[0] == "ResourceCreated"
    assert reasons[-1] == "Available"
    warnings = answered(ready, "events", ready.name, "--warnings")
    assert {one["type"] for one in warnings} <= {"Warning"}
    assert len(warnings) < len(reasons)
    assert "created" in called(ready, "events", ready.name).stdout
