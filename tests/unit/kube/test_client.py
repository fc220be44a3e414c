"""The client of the Kubernetes API: guarded writes, and errors that say what to do."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from clickstream_operator.api.v1alpha1 import FINALIZER
from clickstream_operator.kube.client import (
    KubeClient,
    KubernetesError,
    KubernetesRefusal,
    StaleObject,
)
from clickstream_operator.kube.connection import connect
from clickstream_operator.kube.fence import Fenced, WriteFence
from clickstream_operator.kube.objects import ObjectKey
from tests.unit.kube.wire import api

KEY = ObjectKey("shop", "web")
BODY = {
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "uid": "uid-1",
        "resourceVersion": "7",
        "finalizers": ["other/finalizer"],
    }
}
OBJECT = "/apis/clickstream.dev/v1alpha1/namespaces/shop/clickstreampipelines/web"
GUARD = [
    {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
    {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
]


def kube(answer: Any, pool: ThreadPoolExecutor, status: int = 200) -> KubeClient:
    """The operator's client with one answer."""
    return KubeClient(api(answer, status)[0], executor=pool)


def refusal(message: str = "because") -> dict[str, Any]:
    """The body of an error answer."""
    return {"kind": "Status", "message": message}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for the calls."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def test_object_is_read(pool: ThreadPoolExecutor) -> None:
    """The live object as plain data."""
    made, wire = api(BODY)
    assert await KubeClient(made, executor=pool).get(KEY) == BODY
    assert wire.requests[0][:2] == ("GET", OBJECT)


async def test_missing_object_is_none(pool: ThreadPoolExecutor) -> None:
    """404 is an answer."""
    assert await kube(refusal(), pool, 404).get(KEY) is None


@pytest.mark.parametrize(
    ("write", "path", "operation"),
    [
        (
            lambda kube: kube.write_status(BODY, {"a": 1}),
            f"{OBJECT}/status",
            {"op": "add", "path": "/status", "value": {"a": 1}},
        ),
        (
            lambda kube: kube.add_finalizer(BODY),
            OBJECT,
            {
                "op": "add",
                "path": "/metadata/finalizers",
                "value": ["other/finalizer", FINALIZER],
            },
        ),
        (
            lambda kube: kube.remove_finalizer(
                {"metadata": {**BODY["metadata"], "finalizers": [FINALIZER, "other/finalizer"]}}
            ),
            OBJECT,
            {"op": "replace", "path": "/metadata/finalizers", "value": ["other/finalizer"]},
        ),
    ],
    ids=["status", "add-finalizer", "remove-finalizer"],
)
async def test_writes_are_guarded(
    pool: ThreadPoolExecutor, write: Any, path: str, operation: dict[str, Any]
) -> None:
    """A JSON patch that tests uid and resourceVersion first, and counts as a write."""
    written: list[str] = []
    made, wire = api(BODY)
    assert await write(KubeClient(made, executor=pool, on_write=written.append)) == BODY
    assert wire.requests == [("PATCH", path, [*GUARD, operation], "application/json-patch+json")]
    assert len(written) == 1


@pytest.mark.parametrize("status", [404, 409, 422])
async def test_changed_object_is_stale(pool: ThreadPoolExecutor, status: int) -> None:
    """Gone, or changed since it was read: run again, nothing was written."""
    written: list[str] = []
    refused = KubeClient(api(refusal(), status)[0], executor=pool, on_write=written.append)
    with pytest.raises(StaleObject, match=rf"shop/web changed meanwhile: {status} because"):
        await refused.write_status(BODY, {})
    assert written == []


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_refusal_says_what_was_asked(pool: ThreadPoolExecutor, status: int) -> None:
    """Operation, object, code and the API server's words."""
    refused = kube(refusal(), pool, status)
    with pytest.raises(KubernetesError, match=rf"writing status of shop/web: .*{status} because"):
        await refused.write_status(BODY, {})
    with pytest.raises(KubernetesError, match=rf"reading shop/web: .*{status} because"):
        await refused.get(KEY)


@pytest.mark.parametrize("answer", ["<html>", '["a list"]', ""])
async def test_answer_that_is_no_status_is_still_told(
    pool: ThreadPoolExecutor, answer: str
) -> None:
    """A proxy answers with whatever it likes."""
    with pytest.raises(KubernetesError, match="502 Bad Gateway"):
        await kube(answer, pool, 502).get(KEY)


@pytest.mark.parametrize(
    "error",
    [
        urllib3.exceptions.ProtocolError("reset"),
        urllib3.exceptions.HTTPError("timeout"),
        urllib3.exceptions.SSLError("certificate"),
        ConnectionRefusedError("refused"),
    ],
)
async def test_unreachable_api_server(pool: ThreadPoolExecutor, error: Exception) -> None:
    """The network is named, on reads and on writes."""
    with pytest.raises(KubernetesError):
        await kube(error, pool).get(KEY)
    with pytest.raises(KubernetesError):
        await kube(error, pool).write_status(BODY, {})


async def test_defect_is_not_hidden(pool: ThreadPoolExecutor) -> None:
    """An error of our own is no network error."""
    with pytest.raises(KeyError):
        await kube(KeyError("x"), pool).get(KEY)


async def test_what_is_forbidden_says_so(pool: ThreadPoolExecutor) -> None:
    """A missing right is told from other refusals."""
    for status, forbidden in ((403, True), (500, False)):
        with pytest.raises(KubernetesRefusal) as caught:
            await kube(refusal(), pool, status).get(KEY)
        assert caught.value.forbidden is forbidden


async def test_cluster_is_named_by_kube_system(pool: ThreadPoolExecutor) -> None:
    """The uid of a namespace that lives as long as the cluster."""
    made, wire = api({"metadata": {"uid": "uid-of-kube-system"}})
    assert await KubeClient(made, executor=pool).cluster_uid() == "uid-of-kube-system"
    assert wire.requests[0][1] == "/api/v1/namespaces/kube-system"
    with pytest.raises(KubernetesError, match="reading the namespace kube-system"):
        await kube(refusal(), pool, 403).cluster_uid()


def test_missing_configuration_has_a_remedy(tmp_path: Path) -> None:
    """No pod, no kubeconfig."""
    with pytest.raises(KubernetesError, match="run in a pod or set KUBECONFIG"):
        connect(tmp_path / "none")


@pytest.mark.parametrize("agent", ["clickstream-operator", "kubectl-clickstream"])
def test_the_api_server_learns_who_writes(tmp_path: Path, agent: str) -> None:
    """By a name in its audit log and in managedFields, not that of any Python client."""
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]\n"
        "users: [{name: a, user: {token: t}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
    )
    assert connect(kubeconfig, agent=agent).user_agent.startswith(f"{agent}/")
    assert connect(kubeconfig).user_agent.startswith("clickstream-operator/")


CONFIG_MAP = {"metadata": {"name": "outputs", "namespace": "shop", "resourceVersion": "3"}}
EVENT = {
    "metadata": {"name": "web.1", "namespace": "shop"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
}
WRITES: dict[str, Callable[[KubeClient], Awaitable[Any]]] = {
    "status": lambda kube: kube.write_status(BODY, {"a": 1}),
    "add-finalizer": lambda kube: kube.add_finalizer(BODY),
    "remove-finalizer": lambda kube: kube.remove_finalizer(BODY),
    "create-config-map": lambda kube: kube.create_config_map("shop", CONFIG_MAP),
    "replace-config-map": lambda kube: kube.replace_config_map("shop", CONFIG_MAP),
    "event": lambda kube: kube.create_event("shop", EVENT),
}


def test_every_write_of_the_client_is_in_the_table() -> None:
    """A method that is neither a read nor in `WRITES` would escape the tests of the fence."""
    reads = {
        "get",
        "list_pipelines",
        "cluster_uid",
        "namespace_created",
        "lease",
        "get_config_map",
        "run",
    }
    writes = {
        "write_status",
        "add_finalizer",
        "remove_finalizer",
        "create_config_map",
        "replace_config_map",
        "create_event",
    }
    assert len(writes) == len(WRITES)
    methods = {
        name
        for name, one in vars(KubeClient).items()
        if inspect.iscoroutinefunction(one) and not name.startswith("_")
    }
    assert methods == reads | writes


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_no_write_leaves_behind_a_closed_fence(
    pool: ThreadPoolExecutor, write: Callable[[KubeClient], Awaitable[Any]]
) -> None:
    """Nothing goes out and nothing is counted; with an open fence one request does."""
    written: list[str] = []
    fence = WriteFence(10.0, clock=lambda: 0.0)
    made, wire = api({**EVENT, **BODY})
    kube = KubeClient(made, executor=pool, ensure_leader=fence.check, on_write=written.append)
    with pytest.raises(Fenced):
        await write(kube)
    assert (wire.requests, written) == ([], [])
    fence.renewed(0.0)
    await write(kube)
    assert (len(wire.requests), len(written)) == (1, 1)


class LateThreads(ThreadPoolExecutor):
    """Threads that are so late that the lease is lost meanwhile."""

    def __init__(self, fence: WriteFence) -> None:
        super().__init__(1)
        self._fence = fence

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Close the fence between the request and its turn."""
        self._fence.close()
        return super().submit(fn, *args, **kwargs)


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_is_checked_when_it_is_sent(
    write: Callable[[KubeClient], Awaitable[Any]],
) -> None:
    """The thread that sends it finds the fence closed, however open it was before."""
    fence = WriteFence(10.0, clock=lambda: 0.0)
    fence.renewed(0.0)
    made, wire = api(BODY)
    with LateThreads(fence) as late, pytest.raises(Fenced):
        await write(KubeClient(made, executor=late, ensure_leader=fence.check))
    assert wire.requests == []


async def test_reads_pass_a_closed_fence(pool: ThreadPoolExecutor) -> None:
    """A standby follows what the leader does."""
    fence = WriteFence(10.0, clock=lambda: 0.0)
    made, wire = api({**BODY, "items": []})
    kube = KubeClient(made, executor=pool, ensure_leader=fence.check)
    assert await kube.get(KEY) is not None
    assert await kube.list_pipelines(()) == []
    assert await kube.lease("system", "operator") is not None
    assert len(wire.requests) == 3
