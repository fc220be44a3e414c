"""Every rendering is accepted by a real API server that knows each field, and is restricted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.kubernetes.crds import establish
from sandbox.programs import prometheus_operator
from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, one, options
from tests.chart.conftest import clean
from tests.chart.renderings import NAMESPACE, RENDERINGS

#: What the Prometheus Operator serves.
MONITORING = [REGION, "prometheusRule.enabled=true", "prometheusRule.labels.release=prometheus"]
MONITORS = {
    kind: [
        *MONITORING,
        f"metrics.{key}.enabled=true",
        f"metrics.{key}.interval=15s",
        f"metrics.{key}.labels.release=prometheus",
    ]
    for kind, key in (("ServiceMonitor", "serviceMonitor"), ("PodMonitor", "podMonitor"))
}


@pytest.fixture
def strict(cluster: Sandbox) -> Iterator[Sandbox]:
    """A namespace in which only Pods of the level restricted are accepted."""
    label = '{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}'
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("patch", "namespace", NAMESPACE, "--type=merge", "-p", label)
    cluster.kubectl("create", "serviceaccount", "clickstream-operator", "-n", NAMESPACE)
    cluster.kubectl("create", "serviceaccount", "mine", "-n", NAMESPACE)
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
    clean(cluster)


def test_a_real_api_server_takes_every_rendering(
    strict: Sandbox, helm_major: int, tmp_path: Path
) -> None:
    """Server-side dry run with strict field validation; the Pods, in a restricted namespace."""
    helm = Helm(helm_major, home=tmp_path)
    for name, pairs in RENDERINGS.items():
        objects = helm.render(CHART, "--namespace", NAMESPACE, *options(*pairs))
        for each in list(objects):
            if each["kind"] == "Deployment":
                # No controller makes Pods here, so the template is tried as a Pod.
                template = each["spec"]["template"]
                labels = template["metadata"]["labels"]
                objects.append(
                    {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "metadata": {
                            "name": "try",
                            "namespace": NAMESPACE,
                            "labels": labels,
                        },
                        "spec": template["spec"],
                    }
                )
        assert dry_run(strict, objects) == "", name


@pytest.fixture(scope="session")
def monitored(cluster: Sandbox) -> Sandbox:
    """The API server with the Prometheus Operator's own CRDs."""
    establish(cluster, prometheus_operator.crds())
    return cluster


def dry_run(cluster: Sandbox, objects: list[Any]) -> str:
    """What a server-side dry run with strict field validation says against objects."""
    done = cluster.kubectl(
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
        check=False,
    )
    return done.stderr


@pytest.mark.parametrize("kind", MONITORS)
def test_the_prometheus_operators_crds_take_monitor_and_rules(
    monitored: Sandbox, helm_major: int, tmp_path: Path, kind: str
) -> None:
    """Strict, by the CRDs of that project: no warning; a field they do not know is refused."""
    helm = Helm(helm_major, home=tmp_path)
    objects = [
        each
        for each in helm.render(CHART, "--namespace", "default", *options(*MONITORS[kind]))
        if each["apiVersion"].startswith("monitoring.coreos.com/")
    ]
    assert {each["kind"] for each in objects} == {kind, "PrometheusRule"}
    assert dry_run(monitored, objects) == ""
    for each in objects:
        (listed,) = [value for value in each["spec"].values() if has_objects(value)]
        listed[0]["intervall"] = "15s"
        refused = dry_run(monitored, [each])
        assert "unknown field" in refused
        assert "intervall" in refused


def has_objects(value: Any) -> bool:
    """Whether a value is a list of objects."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def test_what_the_crd_keeps(offline: Helm) -> None:
    """crds.keep marks it so that no uninstall deletes it; crds.install leaves it out."""
    crd = one(offline.render(CHART, *options(REGION)), "CustomResourceDefinition")
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    without = offline.render(CHART, *options(REGION, "crds.keep=false"))
    assert "annotations" not in one(without, "CustomResourceDefinition")["metadata"]
    none = offline.render(CHART, *options(REGION, "crds.install=false"))
    assert not [each for each in none if each["kind"] == "CustomResourceDefinition"]


@pytest.mark.parametrize("base", ["https://runbooks.example.com/csp", "https://example.com/"])
def test_alerts_link_to_runbooks_that_are_served(offline: Helm, base: str) -> None:
    """With an address each alert links below it; the default, none, makes no dead links."""
    objects = offline.render(CHART, *options(*MONITORING, f"prometheusRule.runbookBaseUrl={base}"))
    groups = one(objects, "PrometheusRule")["spec"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    links = [rule["annotations"]["runbook_url"] for rule in rules]
    assert links == [f"{base.rstrip('/')}/{rule['alert']}.md" for rule in rules]


def test_alerts_about_the_operator_name_its_namespace(offline: Helm) -> None:
    """An alert about what is absent has no series to take the namespace from."""
    objects = offline.render(CHART, *options(*MONITORING), "--namespace", "elsewhere")
    groups = one(objects, "PrometheusRule")["spec"]["groups"]
    named = {
        rule["alert"]: rule["labels"].get("namespace")
        for group in groups
        for rule in group["rules"]
        if rule["labels"]["severity"] == "critical"
    }
    assert named["ClickstreamOperatorDown"] == named["ClickstreamNoLeader"] == "elsewhere"


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_monitoring(offline: Helm, kind: str) -> None:
    """A monitor finds the Pods by the labels that they carry; alerts look for its job."""
    switch = f"metrics.{kind[0].lower()}{kind[1:]}.enabled=true"
    objects = offline.render(
        CHART, *options(*MONITORING, switch, "nameOverride=other", "grafanaDashboards.enabled=true")
    )
    monitor = one(objects, kind)
    wanted = monitor["spec"]["selector"]["matchLabels"]
    bearer = "Service" if kind == "ServiceMonitor" else "Deployment"
    found = one(objects, bearer)
    labels: dict[str, Any] = (
        found["metadata"] if kind == "ServiceMonitor" else found["spec"]["template"]["metadata"]
    )["labels"]
    assert wanted.items() <= labels.items()
    job = labels[monitor["spec"]["jobLabel"]]
    rules = one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert rules
    assert all(f'job="{job}"' in rule["expr"] for rule in rules)
    assert all("runbook_url" not in rule["annotations"] for rule in rules)
    absent, *_ = (rule["expr"] for rule in rules if rule["alert"] == "ClickstreamOperatorDown")
    assert f'namespace="{monitor["metadata"]["namespace"]}"' in absent
    dashboards = [each for each in objects if each["metadata"]["name"].endswith("-dashboards")]
    queries = [
        target["expr"]
        for text in dashboards[0]["data"].values()
        for panel in json.loads(text)["panels"]
        for target in panel.get("targets", [])
    ]
    assert queries
    assert all(f'job="{job}"' in query for query in queries if "job=" in query)
    assert any("job=" in query for query in queries)
