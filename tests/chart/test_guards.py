"""What the chart offers besides the operator: admission policies, roles for people, helm test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from clickstream_operator.kube import label_selector as selector
from sandbox import Sandbox
from sandbox.processes.process import wait_until
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, options
from tests.chart.conftest import clean
from tests.chart.deployed import DeployedOperator

RELEASE = "clickstream-operator"
#: Of what has no namespace: two releases of one name must not share it.
CLUSTER_NAME = f"default-{RELEASE}"
PIPELINE = Path(__file__).parents[2] / "examples" / "quickstart.yaml"
SECONDS = 60.0


@pytest.fixture
def guarded(cluster: Sandbox, tmp_path: Path) -> Iterator[DeployedOperator]:
    """A release with every rule of admissionPolicy, and an older pipeline that breaks them."""
    deployed = DeployedOperator(cluster, "guards")
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", "guards"]
    try:
        deployed.prepare()
        runner.run("install", RELEASE, str(CHART), *where, *deployed.values())
        assert not apply(cluster, "older", {"region": "eu-north-1", "stream": {"shards": 9}})
        rules = options(
            "admissionPolicy.enabled=true",
            "admissionPolicy.allowedRegions={us-east-1,eu-west-1}",
            "admissionPolicy.maxShards=4",
            "admissionPolicy.denyOnDemand=true",
            "admissionPolicy.deleteGuard=true",
            "admissionPolicy.approvalGuard=true",
        )
        runner.run("upgrade", RELEASE, str(CHART), *where, *deployed.values(), *rules)
        # The API server takes policies up within seconds.
        wrong = {"region": "eu-north-1"}
        dry = "--dry-run=server"
        assert wait_until(lambda: bool(apply(cluster, "probe", wrong, dry)), SECONDS)
        yield deployed
    finally:
        deployed.close()
        runner.run("uninstall", RELEASE, *where, check=False)
        clean(cluster)
        cluster.kubectl("delete", "namespace", "guards", "--timeout=60s")


def apply(cluster: Sandbox, name: str, spec: dict[str, Any], *args: str) -> str:
    """Apply a pipeline; what was said against it."""
    manifest = {
        "apiVersion": "clickstream.dev/v1alpha1",
        "kind": "ClickstreamPipeline",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }
    return cluster.kubectl(
        "apply", "-f", "-", *args, input=yaml.safe_dump(manifest), check=False
    ).stderr


def test_policies_refuse_and_say_what_is_allowed(
    cluster: Sandbox, guarded: DeployedOperator
) -> None:
    """Regions, shards, on-demand and deletion; what is older keeps working and can go."""
    for spec, words in (
        ({"region": "eu-north-1"}, "is not allowed; use one of us-east-1, eu-west-1"),
        ({"stream": {"shards": 5}}, "spec.stream.shards 5 is more than the 4 allowed here"),
        (
            {"stream": {"autoscaling": {"minShards": 1, "maxShards": 8}}},
            "maxShards 8 is more than the 4 allowed here",
        ),
        ({"stream": {"mode": "OnDemand"}}, "OnDemand is not allowed here"),
    ):
        assert words in apply(cluster, "try", spec), spec
    assert not apply(cluster, "fine", {"region": "eu-west-1", "stream": {"shards": 4}})
    assert not apply(cluster, "plain", {})

    # What is older may be updated, as by the operator's finalizer; a new spec keeps the rules.
    older = ["csp", "older", "-n", "default"]
    cluster.kubectl("annotate", *older, "note=kept")
    finalizer = '{"metadata":{"finalizers":["clickstream.dev/test"]}}'
    cluster.kubectl("patch", *older, "--type=merge", "-p", finalizer)
    worse = '{"spec":{"environment":"prod"}}'
    refused = cluster.kubectl("patch", *older, "--type=merge", "-p", worse, check=False)
    assert "is not allowed" in refused.stderr

    refused = cluster.kubectl("delete", *older, "--wait=false", check=False)
    command = "kubectl annotate csp -n default older clickstream.dev/allow-delete=older"
    assert command in refused.stderr
    for value in ("true", "", "default"):
        cluster.kubectl("annotate", *older, f"clickstream.dev/allow-delete={value}", "--overwrite")
        again = cluster.kubectl("delete", *older, "--wait=false", check=False)
        assert command in again.stderr, value
    cluster.kubectl(*command.split()[1:], "--overwrite")
    cluster.kubectl("delete", *older, "--wait=false")
    cluster.kubectl("patch", *older, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    cluster.kubectl("wait", "--for=delete", "csp/older", "--timeout=20s")


def test_who_edits_does_not_approve(cluster: Sandbox, guarded: DeployedOperator) -> None:
    """The annotations that approve, and the end of Manual, take a verb that editors lack."""
    name, where = "guards-clickstream-operator", ["--namespace", "default"]
    people = {"edgar": ("viewer", "editor"), "anna": ("approver",)}
    bindings = [f"{user}-{role}" for user, roles in people.items() for role in roles]

    def said(user: str, *command: str) -> str:
        return cluster.kubectl(*where, *command, f"--as={user}", check=False).stderr

    try:
        for user, roles in people.items():
            for role in roles:
                cluster.kubectl(
                    "create", "rolebinding", f"{user}-{role}", f"--clusterrole={name}-{role}",
                    f"--user={user}", *where,
                )  # fmt: skip
        assert not apply(cluster, "watched", {"approval": "Manual"}, "--as=edgar")
        csp = ("csp", "watched")
        for key in ("approved-plan", "allow-delete", "force-delete"):
            annotate = ("annotate", *csp, f"clickstream.dev/{key}=x", "--overwrite")
            refused = said("edgar", *annotate)
            assert f"clickstream.dev/{key} is an approval, and edgar may not approve" in refused
            assert f"{name}-approver" in refused
            assert not said("anna", *annotate), key
            # What is there already is nobody's approval, and may be taken back.
            assert not said("edgar", "annotate", *csp, f"note=after-{key}", "--overwrite")
            assert not said("edgar", "annotate", *csp, f"clickstream.dev/{key}-")
        automatic = ("patch", *csp, "--type=merge", "-p", '{"spec":{"approval":"Automatic"}}')
        assert "spec.approval Manual may be turned off by those" in said("edgar", *automatic)
        edit = ("patch", *csp, "--type=merge", "-p", '{"spec":{"environment":"x"}}')
        assert not said("edgar", *edit)
        assert not said("anna", *automatic)
        created = yaml.safe_dump(
            {
                "apiVersion": "clickstream.dev/v1alpha1",
                "kind": "ClickstreamPipeline",
                "metadata": {
                    "name": "born",
                    "namespace": "default",
                    "annotations": {"clickstream.dev/approved-plan": "x"},
                },
                "spec": {"approval": "Manual"},
            }
        )
        born = cluster.kubectl("apply", "-f", "-", "--as=edgar", input=created, check=False)
        assert "is an approval" in born.stderr
    finally:
        cluster.kubectl("delete", "rolebinding", *bindings, *where, "--ignore-not-found")


def test_people_view_or_edit_and_leave_the_status_alone(cluster: Sandbox, tmp_path: Path) -> None:
    """By kubectl, as people with the chart's roles in one namespace; and with none."""
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", "default"]
    bindings = ["viewer-binding", "editor-views", "editor-edits"]
    try:
        aggregate = "rbac.aggregateUserRoles=true"
        runner.run("install", RELEASE, str(CHART), *where, *options(REGION, aggregate))
        roles = {
            kind: json.loads(
                cluster.kubectl("get", "clusterrole", f"{CLUSTER_NAME}-{kind}", "-o", "json").stdout
            )["metadata"]["labels"]
            for kind in ("viewer", "editor")
        }
        aggregated = "rbac.authorization.k8s.io/aggregate-to-"
        # An admin or editor of the cluster views as well, so the editor's role has no reads.
        assert {key for key in roles["viewer"] if key.startswith(aggregated)} == {
            aggregated + kind for kind in ("view", "edit", "admin")
        }
        assert {key for key in roles["editor"] if key.startswith(aggregated)} == {
            aggregated + kind for kind in ("edit", "admin")
        }
        for name, kind, user in zip(
            bindings, ("viewer", "viewer", "editor"), ("vera", "edgar", "edgar"), strict=True
        ):
            role = f"--clusterrole={CLUSTER_NAME}-{kind}"
            cluster.kubectl("create", "rolebinding", name, role, f"--user={user}", *where)

        def refused(user: str, *command: str) -> bool:
            done = cluster.kubectl(*where, *command, f"--as={user}", check=False)
            assert done.returncode == 0 or "forbidden" in done.stderr, done.stderr
            return done.returncode != 0

        create = ("create", "-f", str(PIPELINE), "-o", "name")
        patch = ("patch", "csp/quickstart", "--type=merge", "-p")
        status = (*patch, '{"status":{"observedGeneration":7}}', "--subresource=status")
        edit = (*patch, '{"spec":{"environment":"x"}}')
        assert refused("vera", *create)
        assert not refused("edgar", *create)
        for user in ("vera", "edgar"):
            assert not refused(user, "get", "csp", "quickstart")
            assert not refused(user, "get", "csp/quickstart", "--subresource=status")
            assert refused(user, *status)
            assert refused(user, "get", "csp", "-n", "kube-system")
        assert refused("nobody", "get", "csp", "quickstart")
        assert refused("vera", *edit)
        assert not refused("edgar", *edit)
        assert refused("vera", "delete", "csp", "quickstart")
        assert not refused("edgar", "delete", "csp", "quickstart")
    finally:
        cluster.kubectl("delete", "rolebinding", *bindings, *where, "--ignore-not-found")
        runner.run("uninstall", RELEASE, *where, check=False)
        clean(cluster)


@pytest.mark.parametrize("major", helm.MAJORS)
def test_helm_test_keeps_its_log(cluster: Sandbox, tmp_path: Path, major: int) -> None:
    """The Pod of a test that succeeded stays, since Helm 3 reads its log after deleting hooks."""
    namespace = f"tested-{major}"
    deployed = DeployedOperator(cluster, namespace)
    runner = Helm(major, home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", namespace]
    pod = ["pod", f"{RELEASE}-test", "-n", namespace]
    try:
        deployed.prepare()
        runner.run("install", RELEASE, str(CHART), *where, *deployed.values())
        with ThreadPoolExecutor() as pool:
            tested = pool.submit(runner.run, "test", RELEASE, *where)
            assert wait_until(
                lambda: bool(cluster.kubectl("get", *pod, "--ignore-not-found").stdout), SECONDS
            )
            # There is no kubelet to run it.
            status = '{"status": {"phase": "Succeeded"}}'
            cluster.kubectl("patch", *pod, "--subresource=status", "--type=merge", "-p", status)
            assert "Succeeded" in tested.result().stdout
        assert "phase: Succeeded" in cluster.kubectl("get", *pod, "-o", "yaml").stdout
    finally:
        deployed.close()
        runner.run("uninstall", RELEASE, *where, check=False)
        clean(cluster)


def test_helm_test_asks_operator_and_aws(cluster: Sandbox, tmp_path: Path) -> None:
    """The Pod's command with its environment: good, without operator, without credentials."""
    deployed = DeployedOperator(cluster, "asked")
    runner = Helm(helm.MAJORS[-1], home=tmp_path, kubeconfig=cluster.kubeconfig)
    where = ["--namespace", "asked"]
    try:
        deployed.prepare()
        runner.run("install", RELEASE, str(CHART), *where, *deployed.values())
        hooks = runner.run("get", "hooks", RELEASE, *where).stdout
        container = yaml.safe_load(hooks)["spec"]["containers"][0]
        assert container["command"][0] == "python3"
        (address,) = container["args"]
        assert address == f"http://{RELEASE}.asked.svc:{deployed.port}"
        environment = deployed.environment(container)

        def run(without: str = "") -> subprocess.CompletedProcess[str]:
            # There is no kubelet and no DNS: the operator is reached where it listens.
            command = [sys.executable, *container["command"][1:], deployed.address]
            variables = {key: value for key, value in environment.items() if key != without}
            variables["AWS_EC2_METADATA_DISABLED"] = "true"
            return subprocess.run(
                command, env=variables, capture_output=True, text=True, timeout=60, check=False
            )

        alone = run()
        assert alone.returncode == 1
        assert "FAIL  operator: " in alone.stdout
        assert "see the operator's Pod" in alone.stdout
        deployed.start()
        good = run()
        assert good.returncode == 0, good.stdout + good.stderr
        assert "ok    credentials: account 123456789012, us-east-1" in good.stdout
        bad = run(without="AWS_ACCESS_KEY_ID")
        assert bad.returncode == 1
        assert "set aws.auth in the chart's values" in bad.stdout
    finally:
        deployed.close()
        runner.run("uninstall", RELEASE, *where, check=False)
        clean(cluster)


@pytest.mark.parametrize("major", helm.MAJORS)
def test_lint_finds_nothing(major: int, tmp_path: Path) -> None:
    """No warning of helm lint."""
    done = Helm(major, home=tmp_path).run("lint", "--strict", str(CHART), *options(REGION))
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout
    assert "[WARNING]" not in done.stdout


def test_selectors_mean_what_the_api_server_means(cluster: Sandbox) -> None:
    """Our reading of a label selector and the server's choose the same objects."""
    sets: list[dict[str, str]] = [
        {},
        {"team": "shop"},
        {"team": "web", "tier": "app"},
        {"tier": "app", "old": ""},
        {"team": "shop", "tier": "web", "x.io/class": "gold"},
    ]
    manifests = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"set-{number}",
                "namespace": "default",
                "labels": {**labels, "selector-test": "yes"},
            },
        }
        for number, labels in enumerate(sets)
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(listed))
    for text in (
        "team=shop",
        "team==web",
        "team!=shop",
        "tier in (web, app)",
        "tier notin (web)",
        "team",
        "!team",
        "old=",
        "team=shop,tier in (web),x.io/class",
        "!old, tier",
        "team notin (shop,web),!old",
    ):
        found = cluster.kubectl("get", "cm", "-l", f"{text},selector-test", "-o", "name").stdout
        ours = {f"configmap/set-{n}" for n, one in enumerate(sets) if selector.parse(text)(one)}
        assert set(found.split()) == ours, text
    cluster.kubectl("delete", "cm", "-l", "selector-test")
