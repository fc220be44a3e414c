"""The chart's RBAC rules and what the operator did, by the audit log: the same, both ways."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import Sandbox
from sandbox.processes.process import wait_until
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, options
from tests.chart.conftest import clean, uninstall_all
from tests.chart.deployed import DeployedOperator, read
from tests.rbac_uses import Use, covers, read_log, rights, uses

RELEASE = "clickstream-operator"
SECONDS = 60.0
_NUMBERS = itertools.count()


@pytest.fixture
def newest(cluster: Sandbox, tmp_path: Path) -> Iterator[Helm]:
    """The newest Helm; what is granted does not depend on which one it is."""
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    yield runner
    uninstall_all(runner)
    clean(cluster)


@pytest.fixture
def operator(newest: Helm, cluster: Sandbox) -> Iterator[DeployedOperator]:
    """An operator in a namespace of this test; it ends before what Helm made goes."""
    del newest
    deployed = DeployedOperator(cluster, f"rights-{next(_NUMBERS)}")
    try:
        deployed.prepare()
        yield deployed
    finally:
        deployed.close()


def granted(cluster: Sandbox) -> set[Use]:
    """Every right of the release; not those for people."""
    label = f"app.kubernetes.io/instance={RELEASE}"
    roles = read(cluster, "roles,clusterroles", "--all-namespaces", "-l", label)["items"]
    people = ("-viewer", "-editor")
    return rights(one for one in roles if not one["metadata"]["name"].endswith(people))


def pipeline(cluster: Sandbox, namespace: str, name: str, spec: dict[str, Any]) -> None:
    """Apply one."""
    manifest = {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "shop"}},
        "spec": spec,
    }
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump(manifest))


def settled(cluster: Sandbox, namespace: str, name: str) -> bool:
    """Whether it is Ready for its present spec."""
    body = read(cluster, "csp", name, "-n", namespace)
    status = body.get("status", {})
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    current = status.get("observedGeneration") == body["metadata"]["generation"]
    return current and conditions.get("Ready") == "True"


def live(cluster: Sandbox, operator: DeployedOperator, namespace: str, *, foreign: bool) -> None:
    """All that happens to a pipeline: creation, change, restart; with `foreign` another owner."""
    pipeline(cluster, namespace, "shop", {})
    assert wait_until(lambda: settled(cluster, namespace, "shop"), SECONDS)
    pipeline(cluster, namespace, "shop", {"stream": {"shards": 4}})
    assert wait_until(lambda: settled(cluster, namespace, "shop"), SECONDS)
    # A leader that was killed: the next one reads the lease, waits and takes it.
    operator.kill()
    operator.start()
    if not foreign:
        return
    # Another installation's, by its status: the operator checks whether that one still runs.
    owner = {"status": {"effective": {"instance": "elsewhere/other"}}}
    cluster.kubectl(
        "patch",
        "csp",
        "shop",
        "-n",
        namespace,
        "--subresource=status",
        "--type=merge",
        f"--patch={json.dumps(owner)}",
    )
    annotation = "clickstream.dev/reconcile-requested-at=now"
    cluster.kubectl("annotate", "csp", "shop", "-n", namespace, annotation)


SCOPES: dict[str, list[str]] = {
    "cluster": [],
    "namespaces": ["watch.namespaces={watched-namespaces}", "operator.outputsConfigMap=true"],
    "strict": [
        "watch.namespaces={watched-strict}",
        "watch.labelSelector=team=shop",
        "rbac.pipelinesClusterWide=false",
        "rbac.readLeases=false",
        "operator.clusterId=rights",
    ],
}
#: What is left in the cluster's scope.
PIPELINES = "clickstreampipelines"
ON_PIPELINES = {
    *(("clickstream.dev", PIPELINES, verb, "*", "*") for verb in ("get", "list", "watch", "patch")),
    ("clickstream.dev", f"{PIPELINES}/status", "patch", "*", "*"),
}
ON_OTHERS = {
    ("", "namespaces", "get", "*", "kube-system"),
    ("coordination.k8s.io", "leases", "get", "*", "*"),
}
CLUSTER_WIDE: dict[str, set[Use]] = {
    "cluster": ON_PIPELINES
    | ON_OTHERS
    | {("events.k8s.io", "events", "create", "*", "*"), ("", "namespaces", "get", "*", "*")},
    "namespaces": ON_PIPELINES | ON_OTHERS,
    "strict": set(),
}


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_the_rules_are_what_is_used(
    newest: Helm, cluster: Sandbox, operator: DeployedOperator, audit_log: Path, scope: str
) -> None:
    """Nothing that the operator does is missing, and nothing is granted that it does not do."""
    watched = f"watched-{scope}"
    cluster.kubectl("create", "namespace", watched)
    values = options("leaderElection.seconds=3", *SCOPES[scope])
    home = operator.namespace
    newest.run("install", RELEASE, str(CHART), "-n", home, *operator.values(), *values)
    operator.start()
    rules = granted(cluster)
    # Without the right to read Leases the pipeline of another installation is left alone for ever.
    live(cluster, operator, watched, foreign=scope != "strict")
    if scope == "strict":
        cluster.kubectl("delete", "csp", "shop", "-n", watched, "--timeout=60s")
    # The pipeline goes with its namespace, in which no Event can be made any more.
    cluster.kubectl("delete", "namespace", watched, "--timeout=60s")
    operator.stop()
    assert [line for line in operator.lines() if "exception" in line] == []
    (used,) = uses(read_log(audit_log), f"system:serviceaccount:{home}:{RELEASE}").values()
    assert {use for use in used if not any(covers(rule, use) for rule in rules)} == set()
    assert {rule for rule in rules if not any(covers(rule, use) for use in used)} == set()
    assert {rule for rule in rules if rule[3] == "*"} == CLUSTER_WIDE[scope]
    newest.run("uninstall", RELEASE, "-n", home)


def test_a_revoked_role_is_told_and_its_return_noticed(
    newest: Helm, cluster: Sandbox, operator: DeployedOperator
) -> None:
    """One message in the log and on /readyz names what is missing; granted again, it goes on."""
    home = operator.namespace
    binding = f"{home}-{RELEASE}"
    newest.run("install", RELEASE, str(CHART), "-n", home, *operator.values())
    kept = cluster.kubectl("get", "clusterrolebinding", binding, "-o", "yaml").stdout
    cluster.kubectl("delete", "clusterrolebinding", binding)
    operator.start(ready=False)
    words = "RBAC does not allow the operator to: get clickstreampipelines"
    assert wait_until(lambda: operator.get("/readyz")[1].startswith(words), SECONDS)
    cluster.kubectl("apply", "-f", "-", input=kept)
    assert wait_until(lambda: operator.get("/readyz")[0] == 200, SECONDS)
    pipeline(cluster, "default", "shop", {})
    assert wait_until(lambda: settled(cluster, "default", "shop"), SECONDS)

    cluster.kubectl("delete", "clusterrolebinding", binding)
    asked = "clickstream.dev/reconcile-requested-at=after"
    cluster.kubectl("annotate", "csp", "shop", asked)
    assert wait_until(lambda: operator.get("/readyz")[1].startswith(words), SECONDS)
    cluster.kubectl("apply", "-f", "-", input=kept)
    assert wait_until(lambda: operator.get("/readyz")[0] == 200, SECONDS)

    def handled() -> bool:
        status = read(cluster, "csp", "shop")["status"]
        return bool(status.get("lastHandledReconcileAt") == "after")

    assert wait_until(handled, SECONDS)
    events = [line["message"] for line in operator.lines()]
    assert events.count("permissions are complete again") == 1
    told = [line["why"] for line in operator.lines() if line["message"] == "waiting"]
    assert all(why.startswith(words) for why in told)
    # Once for each time that they were missing; the first may end before it is worth a line.
    assert 1 <= len(told) <= 2
    cluster.kubectl("delete", "csp", "--all", "--timeout=60s")
    operator.stop()
    newest.run("uninstall", RELEASE, "-n", home)
