"""Values: every setting can be reached, a typo is an error, what can't work says what to set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clickstream_operator import settings
from clickstream_operator.settings import Settings
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.chart.chart_values import (
    BOUNDARY,
    CHART,
    REGION,
    ROLE,
    environment,
    one,
    options,
)

#: Variables that every AWS SDK knows; AWS, "AWS SDKs and Tools Reference Guide".
OF_THE_SDK = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
}

#: Every setting by a value that is not its default: what to set, and what the operator then has.
EVERY_SETTING: Mapping[str, tuple[str, Any]] = {
    "cluster_id": ("operator.clusterId=prod", "prod"),
    "instance": ("operator.instance=blue", "blue"),
    "leader_election": ("leaderElection.enabled=false,replicaCount=1", False),
    "lease_namespace": ("leaderElection.namespace=locks", "locks"),
    "lease_seconds": ("leaderElection.seconds=30", 30),
    "region": (REGION, "eu-west-1"),
    "watch_namespaces": ("watch.namespaces={shop,web}", ("shop", "web")),
    "watch_label_selector": (
        "watch.labelSelector=tier in (web\\, app)\\,!old",
        "tier in (web, app),!old",
    ),
    "workers": ("operator.workers=3", 3),
    "rollout_max_parallel": ("operator.rolloutMaxParallel=2", 2),
    "aws_threads": ("aws.threads=7", 7),
    "rate_limits": ("aws.rateLimits=false", False),
    "packages": ("operator.packages={packages}", "{packages}"),
    "account": ("aws.account=012345678901", "012345678901"),
    "permissions_boundary": (f"aws.permissionsBoundaryArn={BOUNDARY}", BOUNDARY),
    "tenants": (
        "tenants[0].namespaces={team-*}",
        "/etc/clickstream/tenants/tenants.yaml",
    ),
    "outputs_config_map": ("operator.outputsConfigMap=true", True),
    "function_runtime": ("operator.functionRuntime=python3.13", "python3.13"),
    "bucket_namespace": ("aws.bucketNamespace=global", "global"),
    "listen_host": ("operator.listenHost=::", "::"),
    "listen_port": ("metrics.port=9090", 9090),
    "log_level": ("operator.logLevel=DEBUG", "DEBUG"),
}


def test_every_setting_is_reached(
    offline: Helm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value arrives in the setting that it is for, and none is left out."""
    assert set(EVERY_SETTING) == set(Settings.model_fields)
    for name in ("processor", "detector", "collector"):
        (tmp_path / f"{name}.zip").touch()
    filled = {
        name: (pair.replace("{packages}", str(tmp_path)), expected)
        for name, (pair, expected) in EVERY_SETTING.items()
    }
    objects = offline.render(CHART, *options(*(pair for pair, _ in filled.values())))
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CLICKSTREAM_{name.upper()}", raising=False)
    for name, value in environment(objects).items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    for name, (_, expected) in filled.items():
        if name == "packages":
            assert found.packages == tmp_path
            continue
        assert getattr(found, name) == expected, name
        assert expected != Settings.model_fields[name].default, name


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["aws.auth.mode=irsa", f"aws.auth.roleArn={ROLE}", "aws.auth.projectToken=true"],
        ["aws.auth.mode=secret", "aws.auth.secretName=aws"],
        ["aws.endpointUrl=https://gateway.example.com"],
    ],
)
def test_every_variable_exists(offline: Helm, extra: list[str]) -> None:
    """The chart sets nothing that neither the operator nor an SDK reads."""
    pairs = [pair for name, (pair, _) in EVERY_SETTING.items() if name != "packages"]
    objects = offline.render(CHART, *options(*pairs, *extra))
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    names = [each["name"] for each in container["env"]]
    known = {f"CLICKSTREAM_{name.upper()}" for name in Settings.model_fields}
    assert set(names) <= known | OF_THE_SDK
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("aws.regoin=eu-west-1", "regoin"),
        ("replicas=1", "replicas"),
        ("networkPolicy.enabled=yes", "networkPolicy"),
        ("aws.region=Frankfurt", "region"),
        ("aws.auth.mode=keys", "mode"),
        ("operator.logLevel=LOUD", "logLevel"),
        ("operator.workers=0", "workers"),
        ("operator.workers=many", "workers"),
        ("image.digest=sha256:abc", "digest"),
        ("watch.namespaces={Shop}", "namespaces"),
        ("watch.namespaces={shop,shop}", "namespaces"),
        ("watch.namespaces=shop", "namespaces"),
        ("tenants[0].topics={}", "namespaces"),
        ("tenants[0].namespaces={Platform}", "namespaces"),
        ("tenants[0].namespaces={a},tenants[0].functionRoles={functions}", "functionRoles"),
        ("tenants[0].namespaces={a},tenants[0].topic=x", "topic"),
        ("tenants[0].namespaces={a},tenants[0].limits.shard=1", "shard"),
        ("tenants[0].namespaces={a},tenants[0].limits.memoryMiB=1", "memoryMiB"),
        ("aws.adoptWithoutOwner=true", "adoptWithoutOwner"),
        ("admissionPolicy.actions={Refuse}", "actions"),
    ],
)
def test_a_wrong_value_is_named(offline: Helm, pair: str, words: str) -> None:
    """The schema refuses typos, wrong types and values out of bounds, by name."""
    done = offline.run("template", "x", str(CHART), *options(REGION, pair), check=False)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert words in done.stderr


#: Values that can't work together, and the remedy that is told.
IMPOSSIBLE: list[tuple[list[str], str]] = [
    ([REGION, "extraContainers[0].name=operator"], "give it another name"),
    ([REGION, "dnsPolicy=None"], "dnsPolicy None needs dnsConfig.nameservers"),
    ([REGION, "hostNetwork=true", "networkPolicy.enabled=true"], "set networkPolicy.enabled=false"),
    ([], "aws.region is empty: set it to the region"),
    ([REGION, "aws.endpointUrl=http://aws.test"], "set aws.allowInsecureEndpoint=true"),
    ([REGION, "aws.auth.mode=irsa"], "aws.auth.roleArn is empty: set it"),
    (
        [REGION, "aws.auth.mode=podIdentity", f"aws.auth.roleArn={ROLE}"],
        "with podIdentity the association names the role",
    ),
    (
        [
            REGION,
            "aws.auth.mode=irsa",
            f"aws.auth.roleArn={ROLE}",
            "serviceAccount.create=false",
            "serviceAccount.name=mine",
        ],
        "set aws.auth.projectToken=true",
    ),
    ([REGION, "aws.auth.projectToken=true"], "aws.auth.projectToken needs aws.auth.mode=irsa"),
    ([REGION, "aws.auth.mode=secret"], "aws.auth.secretName is empty: set it"),
    ([REGION, "aws.auth.secretName=aws"], "set aws.auth.mode=secret, or remove it"),
    (
        [
            REGION,
            "aws.auth.mode=irsa",
            f"aws.auth.roleArn={ROLE}",
            "tenants[0].namespaces={a}",
            f"tenants[0].functionRoles={{{ROLE[:-1]}*}}",
        ],
        "narrow tenants[].functionRoles",
    ),
    ([REGION, "serviceAccount.create=false"], "name the ServiceAccount to use"),
    ([REGION, "watch.labelSelector=team=shop\\,"], "has an empty part"),
    ([REGION, "operator.outputsConfigMap=true"], "set watch.namespaces"),
    (
        [REGION, "metrics.serviceMonitor.enabled=true", "metrics.podMonitor.enabled=true"],
        "enable one",
    ),
    (
        [
            REGION,
            "metrics.serviceMonitor.enabled=true",
            "metrics.service.create=false",
            "tests.enabled=false",
        ],
        "set metrics.service.create=true",
    ),
    ([REGION, "metrics.service.create=false"], "or tests.enabled=false"),
    ([REGION, "podDisruptionBudget.maxUnavailable=0"], "set it to 1"),
    ([REGION, "podDisruptionBudget.minAvailable=2"], "set it below replicaCount"),
    ([REGION, "podDisruptionBudget.minAvailable=51%"], "set it lower, or use maxUnavailable"),
    ([REGION, "fullnameOverride=9-lives"], "9-lives can't name a Service"),
    ([REGION, "extraVolumes[0].name=tmp"], "extraVolumes has tmp, which the chart has itself"),
    ([REGION, "leaderElection.enabled=false"], "set leaderElection.enabled=true, or replica"),
    ([REGION, "admissionPolicy.enabled=true"], "set allowedRegions, maxShards"),
    ([REGION, "admissionPolicy.maxShards=4"], "set admissionPolicy.enabled=true"),
    (
        [
            REGION,
            "admissionPolicy.enabled=true",
            "admissionPolicy.allowedRegions={us-east-1}",
        ],
        "admissionPolicy.allowedRegions lacks aws.region eu-west-1",
    ),
    (
        [
            REGION,
            "admissionPolicy.enabled=true",
            "admissionPolicy.maxShards=4",
            "admissionPolicy.actions={Deny,Warn}",
        ],
        "remove one",
    ),
    (
        [REGION, "extraEnv[0].name=CLICKSTREAM_WORKERS", "extraEnv[0].value=9"],
        "extraEnv sets CLICKSTREAM_WORKERS, which the chart sets",
    ),
    ([REGION, "commonLabels.app\\.kubernetes\\.io/name=x"], "commonLabels"),
    ([REGION, "podLabels.app\\.kubernetes\\.io/component=x"], "podLabels"),
]


def test_half_of_the_pods_may_be_asked_for(offline: Helm) -> None:
    """A percentage that leaves one free is no block."""
    pair = "podDisruptionBudget.minAvailable=50%"
    budget = one(offline.render(CHART, *options(REGION, pair)), "PodDisruptionBudget")
    assert budget["spec"]["minAvailable"] == "50%"


def test_a_label_that_is_given_twice_is_there_once(offline: Helm) -> None:
    """The one nearer to the object wins; a parser that refuses duplicate keys reads it."""
    values = options(
        REGION,
        "commonLabels.team=data",
        "podLabels.team=pods",
        "podAnnotations.kubectl\\.kubernetes\\.io/default-container=mine",
        "metrics.serviceMonitor.enabled=true",
        "metrics.serviceMonitor.labels.team=monitors",
        "prometheusRule.enabled=true",
        "prometheusRule.labels.team=rules",
        "grafanaDashboards.enabled=true",
        "grafanaDashboards.labels.team=dashboards",
        "crds.annotations.helm\\.sh/resource-policy=drop",
    )
    objects = offline.render(CHART, *values)
    pod = one(objects, "Deployment")["spec"]["template"]["metadata"]
    assert pod["labels"]["team"] == "pods"
    assert pod["labels"]["app.kubernetes.io/component"] == "operator"
    assert pod["annotations"] == {"kubectl.kubernetes.io/default-container": "mine"}
    for kind, team in (
        ("Deployment", "data"),
        ("ServiceMonitor", "monitors"),
        ("PrometheusRule", "rules"),
        ("ConfigMap", "dashboards"),
    ):
        assert one(objects, kind)["metadata"]["labels"]["team"] == team
    kept = one(objects, "CustomResourceDefinition")["metadata"]["annotations"]
    assert kept == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize(("pairs", "words"), IMPOSSIBLE)
def test_what_can_not_work_says_what_to_set(offline: Helm, pairs: list[str], words: str) -> None:
    """Combinations that the schema can't judge end the rendering, with the remedy."""
    done = offline.run("template", "x", str(CHART), *options(*pairs), check=False)
    assert done.returncode != 0
    assert words in done.stderr


def test_every_refusal_of_a_template_was_seen(tmp_path: Path) -> None:
    """A `fail` that no values reach is no check; nor is one that an earlier one hides."""
    messages = {
        text: re.compile(".*".join(map(re.escape, re.split(r"%[sdq]", text.replace('\\"', '"')))))
        for path in (CHART / "templates").rglob("*")
        if path.is_file()
        for text in re.findall(r'fail \(?(?:printf )?"((?:[^"\\]|\\.)*)"', path.read_text())
    }
    assert len(messages) > 20
    runner = Helm(helm.MAJORS[-1], home=tmp_path)
    seen = [
        runner.run("template", "x", str(CHART), *options(*pairs), check=False).stderr
        for pairs, _ in IMPOSSIBLE
    ]
    assert [
        text for text, words in messages.items() if not any(words.search(one) for one in seen)
    ] == []


def test_no_editor_of_a_namespace_gets_pipelines_unasked(offline: Helm) -> None:
    """Roles for people are bound by hand; adding them to the cluster's own is a value."""
    word = "rbac.authorization.k8s.io/aggregate-to-"
    for pairs, aggregated in (([], False), (["rbac.aggregateUserRoles=true"], True)):
        roles = [
            each
            for each in offline.render(CHART, *options(REGION, *pairs))
            if each["kind"] == "ClusterRole" and each["metadata"]["name"].endswith(("er", "or"))
        ]
        people = [one for one in roles if one["metadata"]["name"].endswith(("-viewer", "-editor"))]
        assert len(people) == 2
        for role in people:
            labels = role["metadata"]["labels"]
            assert any(key.startswith(word) for key in labels) is aggregated
