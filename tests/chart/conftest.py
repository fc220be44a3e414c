"""Helm 3 and Helm 4, without a cluster and with one of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.programs import helm
from sandbox.programs.helm import Helm
from tests.whole_run import new_audit_log


@pytest.fixture(params=helm.MAJORS, ids=lambda major: f"helm{major}")
def helm_major(request: pytest.FixtureRequest) -> int:
    """Each major in use."""
    major: int = request.param
    return major


@pytest.fixture
def offline(helm_major: int, tmp_path: Path) -> Helm:
    """Helm that finds no cluster."""
    return Helm(helm_major, home=tmp_path)


@pytest.fixture(scope="session")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One JSON line for each request to the API server of `cluster`."""
    return new_audit_log(tmp_path_factory)


@pytest.fixture(scope="session")
def cluster(audit_log: Path) -> Iterator[Sandbox]:
    """An API server with an audit log and without our CRD, which other tests need in theirs."""
    with Sandbox.start(audit_log=audit_log) as started:
        yield started


@pytest.fixture
def helm_there(helm_major: int, cluster: Sandbox, tmp_path: Path) -> Iterator[Helm]:
    """Helm with that API server, which is clean again afterwards."""
    runner = Helm(helm_major, home=tmp_path, kubeconfig=cluster.kubeconfig)
    yield runner
    uninstall_all(runner)
    clean(cluster)


def uninstall_all(runner: Helm) -> None:
    """Forget the releases that a test left behind when it failed: their roles are cluster-wide."""
    for one in json.loads(runner.run("list", "--all-namespaces", "-o", "json").stdout):
        runner.run("uninstall", one["name"], "-n", one["namespace"])


def clean(cluster: Sandbox) -> None:
    """Forget the CRD and, whatever a test that failed left behind, all pipelines."""
    crd = "clickstreampipelines.clickstream.dev"
    there = cluster.kubectl("get", "crd", crd, "--ignore-not-found", "-o", "name").stdout
    if there:
        left = cluster.kubectl("get", "csp", "-A", "-o", "json").stdout
        for one in json.loads(left)["items"]:
            name, namespace = one["metadata"]["name"], one["metadata"]["namespace"]
            free = '--patch={"metadata":{"finalizers":null}}'
            cluster.kubectl("patch", "csp", name, "-n", namespace, "--type=merge", free)
        cluster.kubectl("delete", "crd", crd, "--timeout=30s")
    cluster.reset_aws()
