"""A release on a real API server: install, upgrade, roll back, uninstall, install again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.processes.process import wait_until
from sandbox.programs import binaries, helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, options
from tests.chart.deployed import DeployedOperator, read
from tests.chart.notes import commands

RELEASE = "clickstream-operator"
CRD = "clickstreampipelines.clickstream.dev"
SECONDS = 60.0
#: The pipeline of the NOTES.
PIPELINE = "quickstart"


@pytest.fixture
def operator(helm_there: Helm, cluster: Sandbox) -> Iterator[DeployedOperator]:
    """The operator of a release in a namespace of its own."""
    deployed = DeployedOperator(cluster, f"release-{helm_there.major}")
    try:
        deployed.prepare()
        yield deployed
    finally:
        deployed.close()


def older_chart(folder: Path) -> Path:
    """The chart as a version before had it: its CRD lacks a field."""
    chart = folder / "older"
    shutil.copytree(CHART, chart)
    template = chart / "templates" / "crd.yaml"
    head, spec = template.read_text().split("\nspec:\n")
    crd = yaml.safe_load("spec:\n" + spec.removesuffix("{{- end }}\n"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["status"]["properties"]["plan"]
    template.write_text(f"{head}\n{yaml.safe_dump(crd)}{{{{- end }}}}\n")
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("\nversion: 0.1.0", "\nversion: 0.0.9"))
    return chart


def ready(cluster: Sandbox) -> bool:
    """Whether the pipeline is Ready for its present spec."""
    status = read(cluster, "csp", PIPELINE).get("status", {})
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return conditions.get("Ready") == "True"


def has_plan(cluster: Sandbox) -> bool:
    """Whether the CRD has the field that `older_chart` lacks."""
    schema = read(cluster, "crd", CRD)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return "plan" in schema["properties"]["status"]["properties"]


def go_back(helm_there: Helm, cluster: Sandbox, where: list[str]) -> None:
    """To the first version and its CRD, with the pipeline as it was; then to the newer one."""
    uid = read(cluster, "csp", PIPELINE)["metadata"]["uid"]
    helm_there.run("rollback", RELEASE, "1", *where)
    assert not has_plan(cluster)
    assert ready(cluster)
    assert read(cluster, "csp", PIPELINE)["metadata"]["uid"] == uid
    helm_there.run("rollback", RELEASE, "2", *where)
    assert has_plan(cluster)


def accepted(operator: DeployedOperator, start: int) -> list[Any]:
    """What AWS was asked to create or delete since a line of the log."""
    lines = [line for line in operator.lines()[start:] if line["logger"] == "audit"]
    return [line["action"] for line in lines if line["action"].startswith(("create", "delete"))]


def level(cluster: Sandbox, namespace: str) -> str:
    """The level of the log that the Deployment asks for."""
    deployment = read(cluster, "deployment", RELEASE, "--namespace", namespace)
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    found = {one["name"]: one.get("value", "") for one in container["env"]}
    return str(found["CLICKSTREAM_LOG_LEVEL"])


def kinds(cluster: Sandbox, namespace: str) -> set[str]:
    """What of the release there is."""
    everything = "deploy,sa,svc,role,rolebinding,clusterrole,clusterrolebinding,pdb"
    label = f"app.kubernetes.io/instance={RELEASE}"
    found = read(cluster, everything, "-n", namespace, "-l", label)["items"]
    return {one["kind"] for one in found}


@pytest.fixture
def shell(helm_there: Helm, cluster: Sandbox, tmp_path: Path) -> Callable[[str], str]:
    """Run a command as a user of this cluster does, who has kubectl and helm; what it printed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "helm").symlink_to(helm.locate(helm_there.major))
    (folder / "kubectl").symlink_to(binaries.locate() / "kubectl")
    environment = {
        "PATH": f"{folder}:{os.defpath}",
        "HOME": str(tmp_path),
        "KUBECONFIG": str(cluster.kubeconfig),
    }

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", command],  # noqa: S607 any shell
            env=environment,
            capture_output=True,
            text=True,
            timeout=2 * SECONDS,
            check=False,
        )
        return done.stdout if done.returncode == 0 else f"{done.stdout} FAILED {done.stderr}"

    return run


@pytest.mark.timeout(600)
def test_the_life_of_a_release(
    helm_there: Helm,
    cluster: Sandbox,
    operator: DeployedOperator,
    tmp_path: Path,
    shell: Callable[[str], str],
) -> None:
    """From an older version to an uninstall and back: the pipeline stays as it is.

    What the NOTES tell to do is done by their own commands.
    """
    namespace = f"release-{helm_there.major}"
    where = ["--namespace", namespace]
    values = [*where, *operator.values()]

    # An older CRD: the operator says so, once, and waits.
    notes = helm_there.run("install", RELEASE, str(older_chart(tmp_path)), *values).stdout
    rollout, apply, wait = commands(notes, "Next:")
    # Nothing runs Pods here, so the rollout is only seen to be looked for.
    assert "Waiting for deployment" in shell(f"{rollout} --timeout=1s")
    operator.start(ready=False)
    assert wait_until(lambda: "status.plan" in operator.get("/readyz")[1], SECONDS)
    code, text = operator.get("/readyz")
    assert code == 503
    assert "is older than the operator: it lacks status.plan; upgrade it with the chart" in text

    def waits() -> list[Any]:
        return [line["why"] for line in operator.lines() if line["message"] == "waiting"]

    # What lasts is worth a line in the log.
    assert wait_until(lambda: bool(waits()), SECONDS)

    # The upgrade brings the CRD, and the same process goes on by itself.
    helm_there.run("upgrade", RELEASE, str(CHART), *values)
    assert wait_until(lambda: operator.get("/readyz")[0] == 200, SECONDS)
    assert len(waits()) == 1
    assert "quickstart created" in shell(apply)
    assert "condition met" in shell(wait)
    assert ready(cluster)
    uid = read(cluster, "csp", PIPELINE)["metadata"]["uid"]
    settled = len(operator.lines())

    # Changed values reach the Deployment, and a rollback takes them back.
    helm_there.run("upgrade", RELEASE, str(CHART), *values, *options("operator.logLevel=WARNING"))
    assert level(cluster, namespace) == "WARNING"
    helm_there.run("rollback", RELEASE, "2", *where)
    assert level(cluster, namespace) == "INFO"

    go_back(helm_there, cluster, where)

    # An uninstall leaves the CRD, the pipeline and its finalizer; nothing else.
    operator.stop()
    done = helm_there.run("uninstall", RELEASE, *where)
    assert CRD in done.stdout + done.stderr
    assert kinds(cluster, namespace) == set()
    left = read(cluster, "csp", PIPELINE)["metadata"]
    assert left["uid"] == uid
    assert left["finalizers"]
    assert "deletionTimestamp" not in left

    # Installed again, it takes up what is there, and at once what was asked for meanwhile.
    cluster.kubectl("annotate", "csp", PIPELINE, "clickstream.dev/reconcile-requested-at=again")
    helm_there.run("install", RELEASE, str(CHART), *values)
    operator.start()

    def handled() -> bool:
        status = read(cluster, "csp", PIPELINE)["status"]
        return bool(status.get("lastHandledReconcileAt") == "again")

    assert wait_until(handled, SECONDS)
    assert ready(cluster)
    assert accepted(operator, settled) == []

    # In the order that NOTES tell, everything goes.
    delete, uninstall, forget = commands(notes, "To uninstall")
    assert "FAILED" not in shell(delete)
    assert cluster.kubectl("get", "csp", "--all-namespaces", "-o", "name").stdout == ""
    operator.stop()
    assert f'release "{RELEASE}" uninstalled' in shell(uninstall)
    assert "FAILED" not in shell(forget)
    assert not cluster.kubectl("get", "crd", CRD, "--ignore-not-found").stdout


def test_another_release_takes_the_crd_over(helm_there: Helm, cluster: Sandbox) -> None:
    """A kept CRD carries the old release's name: --take-ownership, as the README says."""
    first = ["--namespace", f"first-{helm_there.major}", "--create-namespace"]
    second = ["--namespace", f"second-{helm_there.major}", "--create-namespace"]
    region = options("aws.region=eu-west-1")
    helm_there.run("install", "one", str(CHART), *first, *region)
    helm_there.run("uninstall", "one", *first[:2])
    refused = helm_there.run("install", "two", str(CHART), *second, *region, check=False)
    assert refused.returncode != 0
    assert "invalid ownership metadata" in refused.stderr
    helm_there.run("install", "two", str(CHART), *second, *region, "--take-ownership")
    annotations = read(cluster, "crd", CRD)["metadata"]["annotations"]
    assert annotations["meta.helm.sh/release-name"] == "two"
    helm_there.run("uninstall", "two", *second[:2])
    cluster.kubectl("wait", "--for=create", f"crd/{CRD}", "--timeout=5s")
