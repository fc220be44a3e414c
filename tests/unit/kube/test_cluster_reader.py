"""The client of commands that only look: no request that changes the cluster leaves it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import Configuration, CoreV1Api, CustomObjectsApi, rest

from clickstream_operator.kube.cluster_reader import (
    ClusterReader,
    WriteRefused,
    _ReadingRest,
    reading,
)
from clickstream_operator.kube.objects import ObjectKey

URL = "https://cluster/apis/clickstream.dev/v1alpha1/namespaces/a/clickstreampipelines/shop"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The requests that left, by method and address."""
    found: list[tuple[str, str]] = []

    def send(_self: Any, method: str, url: str, *_arguments: Any, **_options: Any) -> None:
        found.append((method, url))

    monkeypatch.setattr(rest.RESTClientObject, "request", send)
    return found


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "patch", "CONNECT"])
@pytest.mark.parametrize(
    "query",
    ["", "?fieldManager=x", "?dryRun=", "?dryRun=all", "?dryRun=All&dryRun=None", "?dryrun=All"],
)
def test_a_write_does_not_leave(sent: list[tuple[str, str]], method: str, query: str) -> None:
    """Only exactly `dryRun=All` makes one harmless."""
    with pytest.raises(WriteRefused, match="would change the cluster"):
        _ReadingRest(Configuration()).request(method, URL + query)
    assert sent == []


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", ""),
        ("HEAD", ""),
        ("OPTIONS", ""),
        ("PATCH", "?dryRun=All"),
        ("POST", "?a=b&dryRun=All"),
    ],
)
def test_reads_and_dry_runs_leave(sent: list[tuple[str, str]], method: str, query: str) -> None:
    """As they are."""
    _ReadingRest(Configuration()).request(method, URL + query)
    assert sent == [(method, URL + query)]


def kubeconfig_in(folder: Path) -> Path:
    """A kubeconfig of a cluster that is not there."""
    kubeconfig = folder / "config"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: a, user: {token: t}}]\n"
    )
    return kubeconfig


def test_every_write_of_the_client_library_is_refused(tmp_path: Any) -> None:
    """However a command would come by it: the connection that `reading` makes is the place."""
    api = reading(kubeconfig_in(tmp_path), user="someone")
    where = ("clickstream.dev", "v1alpha1", "a", "clickstreampipelines")
    objects: Any = CustomObjectsApi(api)
    core: Any = CoreV1Api(api)
    writes: tuple[Any, ...] = (
        lambda: objects.create_namespaced_custom_object(*where, {}),
        lambda: objects.patch_namespaced_custom_object(*where, "shop", {}),
        lambda: objects.replace_namespaced_custom_object_status(*where, "shop", {}),
        lambda: objects.delete_namespaced_custom_object(*where, "shop"),
        lambda: core.create_namespaced_config_map("a", {}),
        lambda: core.delete_namespace("a"),
    )
    for write in writes:
        with pytest.raises(WriteRefused):
            write()


def test_a_dry_run_refuses_what_the_crd_does_not_know(tmp_path: Path) -> None:
    """An older CRD would drop it in silence, and the plan would be of something else."""
    reader = ClusterReader(reading(kubeconfig_in(tmp_path)))
    asked: list[dict[str, Any]] = []

    def create(*_where: Any, **options: Any) -> dict[str, Any]:
        asked.append(options)
        return {"spec": {}}

    reader._objects = SimpleNamespace(create_namespaced_custom_object=create)  # type: ignore[assignment]
    assert reader.dry_run(ObjectKey("a", "shop"), {"spec": {}}, live=None) == {"spec": {}}
    assert (asked[0]["dry_run"], asked[0]["field_validation"]) == ("All", "Strict")
