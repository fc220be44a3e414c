"""What users of a cluster with rules of its own set: security, network, further parts, mirrors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, one, options
from tests.chart.test_hardening import pods


def rendered(offline: Helm, *pairs: str, flags: tuple[str, ...] = ()) -> list[Any]:
    """The objects with these values."""
    return offline.render(CHART, *options(REGION, *pairs), *flags)


@pytest.mark.parametrize(
    ("pairs", "flags", "ids"),
    [
        ([], (), {65532}),
        ([], ("--api-versions", "security.openshift.io/v1"), set()),
        (["openShift=never"], ("--api-versions", "security.openshift.io/v1"), {65532}),
        (["openShift=always"], (), set()),
        (["podSecurityContext.runAsUser=1000"], (), {1000, 65532}),
        (
            [f"podSecurityContext.{key}=null" for key in ("runAsUser", "runAsGroup", "fsGroup")],
            (),
            set(),
        ),
    ],
)
def test_user_and_groups_of_the_pods(
    offline: Helm, pairs: list[str], flags: tuple[str, ...], ids: set[int]
) -> None:
    """OpenShift's restricted-v2 assigns its own; the rest of the hardening stays."""
    for name, pod in pods(rendered(offline, *pairs, flags=flags)):
        context = pod["securityContext"]
        found = {context.get(key) for key in ("runAsUser", "runAsGroup", "fsGroup")}
        assert found - {None} == ids, name
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_network_of_the_pods(offline: Helm) -> None:
    """With the node's network the cluster's DNS is still asked, unless something else is set."""
    network = {"hostNetwork", "dnsPolicy", "dnsConfig"}
    for _, pod in pods(rendered(offline)):
        assert not network & pod.keys()
    for _, pod in pods(
        rendered(
            offline, "hostNetwork=true", "networkPolicy.enabled=false", "dnsConfig.searches={corp}"
        )
    ):
        assert pod["hostNetwork"] is True
        assert pod["dnsPolicy"] == "ClusterFirstWithHostNet"
        assert pod["dnsConfig"] == {"searches": ["corp"]}


def test_further_parts(offline: Helm) -> None:
    """Containers, environment and objects of the user's, beside the chart's own."""
    objects = rendered(
        offline,
        "extraContainers[0].name=proxy",
        "initContainers[0].name=ca",
        "extraEnvFrom[0].configMapRef.name=proxy",
        "extraObjects[0].apiVersion=v1",
        "extraObjects[0].kind=ConfigMap",
        "extraObjects[0].metadata.name=mine",
        "extraObjects[1]=kind: Secret\nmetadata: {name: '{{ .Release.Name }}-text'}",
    )
    pod = one(objects, "Deployment")["spec"]["template"]["spec"]
    assert [each["name"] for each in pod["containers"]] == ["operator", "proxy"]
    assert [each["name"] for each in pod["initContainers"]] == ["ca"]
    assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": "proxy"}}]
    assert one(objects, "ConfigMap")["metadata"]["name"] == "mine"
    assert one(objects, "Secret")["metadata"]["name"] == "clickstream-operator-text"


@pytest.mark.parametrize(
    ("pairs", "image", "secrets"),
    [
        (["global.imageRegistry=mirror.test"], "mirror.test/clickstream-operator:0.1.0", []),
        (
            ["global.imageRegistry=mirror.test", "image.registry=own.test"],
            "own.test/clickstream-operator:0.1.0",
            [],
        ),
        (
            ["global.imagePullSecrets={a,b}", "imagePullSecrets[0].name=b", "global.other=1"],
            "clickstream-operator:0.1.0",
            ["b", "a"],
        ),
        (["global.imagePullSecrets[0].name=a"], "clickstream-operator:0.1.0", ["a"]),
    ],
)
def test_what_a_parent_chart_shares(
    offline: Helm, pairs: list[str], image: str, secrets: list[str]
) -> None:
    """Registry and Secrets for it, in both Pods; what else is shared is of others."""
    for _, pod in pods(rendered(offline, *pairs)):
        assert pod["containers"][0]["image"] == image
        assert [each["name"] for each in pod.get("imagePullSecrets", [])] == secrets


@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_options_of_the_monitors(offline: Helm, monitor: str) -> None:
    """In another namespace it still finds the Pods of the release."""
    path = f"metrics.{monitor}"
    objects = rendered(
        offline,
        f"{path}.enabled=true",
        f"{path}.namespace=monitoring",
        f"{path}.scrapeTimeout=10s",
        f"{path}.relabelings[0].action=labelmap",
        f"{path}.metricRelabelings[0].action=drop",
        "prometheusRule.enabled=true",
        "prometheusRule.namespace=monitoring",
        "prometheusRule.additionalRules[0].alert=Mine",
        "prometheusRule.additionalRules[0].expr=up == 0",
        "grafanaDashboards.enabled=true",
        "grafanaDashboards.namespace=grafana",
    )
    found = one(objects, monitor[0].upper() + monitor[1:])
    assert found["metadata"]["namespace"] == "monitoring"
    assert found["spec"]["namespaceSelector"] == {"matchNames": ["default"]}
    endpoint = (found["spec"].get("endpoints") or found["spec"]["podMetricsEndpoints"])[0]
    assert endpoint["scrapeTimeout"] == "10s"
    assert endpoint["relabelings"] == [{"action": "labelmap"}]
    assert endpoint["metricRelabelings"] == [{"action": "drop"}]
    rule = one(objects, "PrometheusRule")
    assert rule["metadata"]["namespace"] == "monitoring"
    assert rule["spec"]["groups"][-1]["rules"] == [{"alert": "Mine", "expr": "up == 0"}]
    assert one(objects, "ConfigMap")["metadata"]["namespace"] == "grafana"


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["extraContainers[0].name=operator"], "give it another name"),
        (["initContainers[0].name=operator"], "give it another name"),
        (["dnsPolicy=None"], "dnsPolicy None needs dnsConfig.nameservers"),
        (["hostNetwork=true", "networkPolicy.enabled=true"], "set networkPolicy.enabled=false"),
    ],
)
def test_what_can_not_work_says_what_to_set(offline: Helm, pairs: list[str], message: str) -> None:
    """As every other combination."""
    done = offline.run("template", "x", str(CHART), *options(REGION, *pairs), check=False)
    assert done.returncode != 0
    assert message in done.stderr


def test_a_released_chart(offline: Helm, tmp_path: Path) -> None:
    """It pulls the released image by its digest, also by README's flag from another registry."""
    chart, digest = tmp_path / "clickstream-operator", f"sha256:{'a' * 64}"
    shutil.copytree(CHART, chart)
    script = str(CHART.parent / "release.py")
    words = ["--chart", str(chart), "--repository", "Acme/clickstream-operator"]
    subprocess.run(
        [sys.executable, script, *words, "--version", "0.1.0", "--digest", digest], check=True
    )
    name = f"acme/clickstream-operator:0.1.0@{digest}"
    for pairs, registry in (([], "ghcr.io"), (["image.registry=mirror.test"], "mirror.test")):
        objects = offline.render(chart, *options(REGION, *pairs))
        for _, pod in pods(objects):
            assert pod["containers"][0]["image"] == f"{registry}/{name}"
    about = offline.run("show", "chart", str(chart)).stdout
    for part in (
        "home: https://github.com/Acme",
        "icon.svg",
        "artifacthub.io/images",
        "name: Acme",
    ):
        assert part in about
    assert "WARNING" not in offline.run("lint", "--strict", *options(REGION), str(chart)).stdout
