"""Security of what the chart renders: Pods, tokens, network, roles for people, the delete guard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.programs.helm import Helm
from tests.chart.chart_values import CHART, REGION, ROLE, environment, one, options

POLICY = "networkPolicy.enabled=true"
MODES: dict[str, list[str]] = {
    "ambient": ["aws.auth.mode=ambient"],
    "podIdentity": [],
    "irsa": ["aws.auth.mode=irsa", f"aws.auth.roleArn={ROLE}"],
    "projected": [
        "aws.auth.mode=irsa",
        f"aws.auth.roleArn={ROLE}",
        "aws.auth.projectToken=true",
    ],
    "secret": ["aws.auth.mode=secret", "aws.auth.secretName=aws"],
}
#: Link-local addresses: the agent of EKS Pod Identity, and the metadata service of the node (EKS
#: user guide, "EKS Pod Identity considerations"; EC2 user guide, "Instance metadata").
AGENT = {"169.254.170.23/32", "fd00:ec2::23/128"}
METADATA = {"169.254.169.254/32", "fd00:ec2::254/128"}
DNS = {(53, "UDP"), (53, "TCP")}
API_AND_AWS = {(443, "TCP"), (6443, "TCP")}


def pods(objects: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and spec of every Pod that the chart makes, hooks included."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["metadata"]["name"], each["spec"]
        elif "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


@pytest.mark.parametrize("mode", MODES)
def test_every_pod_is_restricted(offline: Helm, mode: str) -> None:
    """As the Pod Security Standard "restricted" asks, with a root file system that is read only.

    The group of the files is needed: a projected token is readable for it alone.
    """
    found = dict(pods(offline.render(CHART, *options(REGION, *MODES[mode]))))
    assert len(found) == 2, "the operator, and helm test"
    for name, pod in found.items():
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        }, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        for container in pod["containers"] + pod.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
        assert not [one for one in pod["volumes"] if "hostPath" in one]


def test_only_the_pods_of_the_chart_mount_the_token(offline: Helm) -> None:
    """Whatever else runs as the ServiceAccount gets no token of it unasked."""
    objects = offline.render(CHART, *options(REGION))
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    for name, pod in pods(objects):
        assert pod["automountServiceAccountToken"] is True, name


def egress_of(objects: list[Any]) -> tuple[set[tuple[int, str]], dict[str, set[tuple[int, str]]]]:
    """Ports that are open to everywhere, and those of each address; no rule may be without both."""
    everywhere: set[tuple[int, str]] = set()
    addresses: dict[str, set[tuple[int, str]]] = {}
    for rule in one(objects, "NetworkPolicy")["spec"]["egress"]:
        ports = [(port["port"], port["protocol"]) for port in rule["ports"]]
        assert len(ports) == len(set(ports)), "a port is there twice"
        if "to" not in rule:
            everywhere |= set(ports)
        for peer in rule.get("to", ()):
            addresses.setdefault(peer["ipBlock"]["cidr"], set()).update(ports)
    return everywhere, addresses


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ambient", AGENT | METADATA),
        ("podIdentity", AGENT),
        ("irsa", set()),
        ("projected", set()),
        ("secret", set()),
    ],
)
def test_only_the_way_to_the_credential_is_open(
    offline: Helm, mode: str, expected: set[str]
) -> None:
    """Names, the API server and AWS; the node's credential only where it is the operator's."""
    objects = offline.render(CHART, *options(REGION, POLICY, *MODES[mode]))
    spec = one(objects, "NetworkPolicy")["spec"]
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    everywhere, addresses = egress_of(objects)
    assert everywhere == DNS | API_AND_AWS
    assert addresses == {cidr: {(80, "TCP")} for cidr in expected}
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    # Where the chosen way fails, the role of the node is not used in its place.
    off = environment(objects).get("AWS_EC2_METADATA_DISABLED") == "true"
    assert off is (mode != "ambient")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(
    ("pairs", "more"),
    [
        (["networkPolicy.apiServerPorts={8443}"], {(443, "TCP"), (8443, "TCP")}),
        (
            ["aws.endpointUrl=http://aws.test:4566", "aws.allowInsecureEndpoint=true"],
            {*API_AND_AWS, (4566, "TCP")},
        ),
        (
            ["aws.endpointUrl=http://aws.test", "aws.allowInsecureEndpoint=true"],
            {*API_AND_AWS, (80, "TCP")},
        ),
        (["aws.endpointUrl=https://aws.test"], API_AND_AWS),
        (
            [
                "networkPolicy.extraEgress[0].ports[0].port=3128",
                "networkPolicy.extraEgress[0].ports[0].protocol=TCP",
            ],
            {*API_AND_AWS, (3128, "TCP")},
        ),
    ],
)
def test_no_more_ports_are_open_than_are_asked_for(
    offline: Helm, pairs: list[str], more: set[tuple[int, str]]
) -> None:
    """The API server's, the endpoint's, and what the values add."""
    objects = offline.render(CHART, *options(REGION, POLICY, *MODES["irsa"], *pairs))
    assert egress_of(objects) == (DNS | more, {})


@pytest.mark.parametrize("tests", [True, False])
def test_metrics_are_read_by_whom_the_values_name(offline: Helm, *, tests: bool) -> None:
    """And by helm test; where nobody is named by the Pods of the release's own namespace.

    Everybody is a value that says so: metrics name the pipelines of all tenants.
    """
    switch = f"tests.enabled={str(tests).lower()}"
    name = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring"
    objects = offline.render(CHART, *options(REGION, POLICY, switch, name))
    (rule,) = one(objects, "NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": "http"}]
    named, *others = rule["from"]
    assert named == {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
    test_pod = {
        "app.kubernetes.io/instance": "clickstream-operator",
        "app.kubernetes.io/component": "test",
    }
    assert others == ([{"podSelector": {"matchLabels": test_pod}}] if tests else [])
    if tests:
        assert test_pod.items() <= one(objects, "Pod")["metadata"]["labels"].items()
    plain = offline.render(CHART, *options(REGION, switch))
    (rule,) = one(plain, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {}}]
    everybody = ("--set-json", 'networkPolicy.metricsFrom=[{"namespaceSelector":{}}]')
    opened = offline.render(CHART, *options(REGION, switch), *everybody)
    (rule,) = one(opened, "NetworkPolicy")["spec"]["ingress"]
    assert {"namespaceSelector": {}} in rule["from"]


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1), (3, 1)])
def test_a_single_replica_has_no_disruption_budget(
    offline: Helm, replicas: int, budgets: int
) -> None:
    """With one, nothing might be evicted, and the drain of a node would wait for ever."""
    pairs = [f"replicaCount={replicas}", f"leaderElection.enabled={str(replicas > 1).lower()}"]
    objects = offline.render(CHART, *options(REGION, *pairs))
    found = [each for each in objects if each["kind"] == "PodDisruptionBudget"]
    assert len(found) == budgets
    assert all(each["spec"]["maxUnavailable"] == 1 for each in found)
    off = offline.render(CHART, *options(REGION, *pairs, "podDisruptionBudget.enabled=false"))
    assert not [each for each in off if each["kind"] == "PodDisruptionBudget"]


def test_people_write_specs_and_read_the_rest(offline: Helm) -> None:
    """Names and account are on record in the status: who may write it could redirect a deletion."""
    objects = offline.render(CHART, *options(REGION))
    roles = {
        each["metadata"]["name"].rpartition("-")[2]: each["rules"]
        for each in objects
        if each["kind"] == "ClusterRole"
    }
    assert roles["editor"] == [
        {
            "apiGroups": ["clickstream.dev"],
            "resources": ["clickstreampipelines"],
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
        }
    ]
    assert roles["viewer"] == [
        {
            "apiGroups": ["clickstream.dev"],
            "resources": ["clickstreampipelines", "clickstreampipelines/status"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    off = offline.render(CHART, *options(REGION, "rbac.userRoles=false"))
    names = [each["metadata"]["name"] for each in off if each["kind"] == "ClusterRole"]
    assert names == ["default-clickstream-operator"]


def test_the_delete_guard_asks_for_the_name(offline: Helm) -> None:
    """Not for any value: an annotation that a template sets on all pipelines opens none.

    That the API server takes the expression so is a test of its own, with a cluster.
    """
    pairs = ["admissionPolicy.enabled=true", "admissionPolicy.deleteGuard=true"]
    objects = offline.render(CHART, *options(REGION, *pairs))
    policies = [each for each in objects if each["kind"] == "ValidatingAdmissionPolicy"]
    (guard,) = (one for one in policies if one["metadata"]["name"].endswith("-delete-guard"))
    assert guard["spec"]["failurePolicy"] == "Fail"
    (rule,) = guard["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["DELETE"], ["clickstreampipelines"])
    (validation,) = guard["spec"]["validations"]
    assert validation["expression"].split(" && ") == [
        "has(oldObject.metadata.annotations)",
        "'clickstream.dev/allow-delete' in oldObject.metadata.annotations",
        "oldObject.metadata.annotations['clickstream.dev/allow-delete'] == oldObject.metadata.name",
    ]
    bindings = [each for each in objects if each["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert {one["spec"]["policyName"] for one in bindings} == {
        one["metadata"]["name"] for one in policies
    }
    assert all(one["spec"]["validationActions"] == ["Deny"] for one in bindings)


def test_the_guard_of_approvals_is_a_rule_of_its_own(offline: Helm) -> None:
    """Alone it is enough for admissionPolicy, and only with it there is a role to approve."""
    pairs = ["admissionPolicy.enabled=true", "admissionPolicy.approvalGuard=true"]
    objects = offline.render(CHART, *options(REGION, *pairs))
    policy = one(objects, "ValidatingAdmissionPolicy")
    assert policy["metadata"]["name"].endswith("-approval-guard")
    (role,) = approvers(objects)
    assert "approve" in role["rules"][0]["verbs"]
    assert approvers(offline.render(CHART, *options(REGION))) == []
    others = [each for each in objects if each["kind"] == "ClusterRole" and each is not role]
    assert not any("approve" in rule["verbs"] for each in others for rule in each["rules"])


def approvers(objects: list[Any]) -> list[dict[str, Any]]:
    """The roles of those who approve."""
    roles = (each for each in objects if each["kind"] == "ClusterRole")
    return [each for each in roles if each["metadata"]["name"].endswith("-approver")]
