"""A release on a real API server: install, upgrade, roll back, uninstall, install again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.helm import Helm
from sandbox.processes import wait_until
from tests.chart.deployed import DeployedOperator, read
from tests.chart.test_values import CHART, options

RELEASE = "clickstream-operator"
CRD = "clickstreampipelines.clickstream.dev"
SECONDS = 60.0
PIPELINE = {
    "apiVersion": "clickstream.dev/v1alpha1",
    "kind": "ClickstreamPipeline",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {},
}


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
    status = read(cluster, "csp", "shop").get("status", {})
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    return conditions.get("Ready") == "True"


def accepted(operator: DeployedOperator, start: int) -> list[Any]:
    """What AWS was asked to create or delete since a line of the log."""
    lines = [line for line in operator.lines()[start:] if line["logger"] == "audit"]
    return [line["action"] for line in lines if line["action"].startswith(("create", "delete"))]


def kinds(cluster: Sandbox, namespace: str) -> set[str]:
    """What of the release there is."""
    everything = "deploy,sa,svc,role,rolebinding,clusterrole,clusterrolebinding,pdb"
    label = f"app.kubernetes.io/instance={RELEASE}"
    found = read(cluster, everything, "-n", namespace, "-l", label)["items"]
    return {one["kind"] for one in found}


def test_the_life_of_a_release(
    helm_there: Helm, cluster: Sandbox, operator: DeployedOperator, tmp_path: Path
) -> None:
    """From an older version to an uninstall and back: the pipeline stays as it is."""
    namespace = f"release-{helm_there.major}"
    where = ["--namespace", namespace]
    values = [*where, *operator.values()]

    # An older CRD: the operator says so, once, and waits.
    helm_there.run("install", RELEASE, str(older_chart(tmp_path)), *values)
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
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(PIPELINE))
    assert wait_until(lambda: ready(cluster), SECONDS)
    uid = read(cluster, "csp", "shop")["metadata"]["uid"]
    settled = len(operator.lines())

    # Changed values reach the Deployment, and a rollback takes them back.
    def level() -> str:
        deployment = read(cluster, "deployment", RELEASE, *where)
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        found = {one["name"]: one.get("value", "") for one in container["env"]}
        return str(found["CLICKSTREAM_LOG_LEVEL"])

    helm_there.run("upgrade", RELEASE, str(CHART), *values, *options("operator.logLevel=WARNING"))
    assert level() == "WARNING"
    helm_there.run("rollback", RELEASE, "2", *where)
    assert level() == "INFO"

    # An uninstall leaves the CRD, the pipeline and its finalizer; nothing else.
    operator.stop()
    done = helm_there.run("uninstall", RELEASE, *where)
    assert CRD in done.stdout + done.stderr
    assert kinds(cluster, namespace) == set()
    left = read(cluster, "csp", "shop")["metadata"]
    assert left["uid"] == uid
    assert left["finalizers"]
    assert "deletionTimestamp" not in left

    # Installed again, it takes up what is there, and at once what was asked for meanwhile.
    cluster.kubectl("annotate", "csp", "shop", "clickstream.dev/reconcile-requested-at=again")
    helm_there.run("install", RELEASE, str(CHART), *values)
    operator.start()

    def handled() -> bool:
        return bool(read(cluster, "csp", "shop")["status"].get("lastHandledReconcileAt") == "again")

    assert wait_until(handled, SECONDS)
    assert ready(cluster)
    assert accepted(operator, settled) == []

    # In the order that NOTES tell, everything goes.
    cluster.kubectl("delete", "csp", "--all", "--all-namespaces", "--timeout=60s")
    operator.stop()
    helm_there.run("uninstall", RELEASE, *where)


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
