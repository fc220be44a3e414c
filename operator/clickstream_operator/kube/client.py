"""Client of the Kubernetes API with exactly the calls that the operator's RBAC allows.

Status and finalizers are written as JSON patches with a ``test`` on uid and resourceVersion. The
API server accepts a merge patch with a wrong uid, and refuses a patch whose ``test`` fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.api.v1alpha1 import FINALIZER, GROUP, PLURAL, VERSION
from clickstream_operator.kube import lease as leases
from clickstream_operator.kube.errors import (
    KubernetesError,
    KubernetesRefusal,
    StaleObject,
    refused,
    words,
)
from clickstream_operator.kube.fence import no_fence
from clickstream_operator.kube.lease import Lease
from clickstream_operator.kube.objects import ObjectKey

_TIMEOUT_SECONDS: Final = 15
_PAGE_SIZE: Final = 200
_NOT_FOUND: Final = 404
_STALE: Final = frozenset({404, 409, 422})


class KubeClient:
    """Kubernetes calls as coroutines; they block, so they run in `executor`.

    `ensure_leader` runs right before each write is sent; it raises where the write must not be
    sent. `on_write` observes each write, by what was written.
    """

    def __init__(
        self,
        api: client.ApiClient,
        *,
        executor: Executor,
        on_write: Callable[[str], None] = lambda _target: None,
        ensure_leader: Callable[[], None] = no_fence,
    ) -> None:
        self.api = api
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self._events = client.EventsV1Api(api)
        self._executor = executor
        self.on_write = on_write
        self._ensure_leader = ensure_leader

    async def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The live object; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        try:
            body: dict[str, Any] = await self.run(
                self._objects.get_namespaced_custom_object,
                GROUP,
                VERSION,
                key.namespace,
                PLURAL,
                key.name,
            )
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise refused(f"reading {key.namespace}/{key.name}", error) from error
        return body

    async def list_pipelines(self, namespaces: Sequence[str] = ()) -> list[dict[str, Any]]:
        """All live pipelines of some namespaces, or of the whole cluster.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        found: list[dict[str, Any]] = []
        for namespace in namespaces or ("",):
            following = ""
            while True:
                page = await self._page(namespace, following)
                found += page["items"]
                following = page["metadata"].get("continue", "")
                if not following:
                    break
        return found

    async def _page(self, namespace: str, following: str) -> dict[str, Any]:
        where = (GROUP, VERSION, namespace, PLURAL) if namespace else (GROUP, VERSION, PLURAL)
        send = (
            self._objects.list_namespaced_custom_object
            if namespace
            else self._objects.list_cluster_custom_object
        )
        options = {"limit": _PAGE_SIZE, **({"_continue": following} if following else {})}
        try:
            page: dict[str, Any] = await self.run(send, *where, **options)
        except ApiException as error:
            raise refused(f"listing {PLURAL}", error) from error
        return page

    async def add_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add the operator's finalizer; returns the changed object.

        Raises:
            StaleObject: the object changed since `body` was read.
        """
        have = list(body["metadata"].get("finalizers") or [])
        return await self._patch(
            body,
            [{"op": "add", "path": "/metadata/finalizers", "value": [*have, FINALIZER]}],
            target="finalizer",
        )

    async def remove_finalizer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the operator's finalizer, so that the API server may delete the object.

        Raises:
            StaleObject: the object changed since `body` was read.
        """
        left = [name for name in body["metadata"].get("finalizers") or [] if name != FINALIZER]
        return await self._patch(
            body,
            [{"op": "replace", "path": "/metadata/finalizers", "value": left}],
            target="finalizer",
        )

    async def write_status(
        self, body: Mapping[str, Any], status: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Replace the whole status; returns the changed object.

        Raises:
            StaleObject: the object changed since `body` was read.
        """
        return await self._patch(
            body, [{"op": "add", "path": "/status", "value": status}], target="status"
        )

    async def cluster_uid(self) -> str:
        """The uid of the kube-system namespace, which identifies a cluster.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        try:
            namespace = await self.run(self._core.read_namespace, "kube-system")
        except ApiException as error:
            raise refused("reading the namespace kube-system", error) from error
        return str(namespace.metadata.uid)

    async def namespace_created(self, name: str) -> datetime:
        """When a namespace was created: one of an earlier namespace of the name is older.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        try:
            namespace = await self.run(self._core.read_namespace, name)
        except ApiException as error:
            raise refused(f"reading the namespace {name}", error) from error
        created: datetime = namespace.metadata.creation_timestamp
        return created

    async def lease(self, namespace: str, name: str) -> Lease | None:
        """The Lease of another installation; None if it does not exist.

        Raises:
            KubernetesRefusal: the operator may not read it.
            KubernetesError: the API server did not answer.
        """
        try:
            body = await self.run(
                self._objects.get_namespaced_custom_object,
                leases.GROUP,
                leases.VERSION,
                namespace,
                leases.PLURAL,
                name,
            )
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise refused(f"reading the lease {namespace}/{name}", error) from error
        return Lease.parse(body)

    async def get_config_map(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A ConfigMap; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        try:
            found = await self.run(self._core.read_namespaced_config_map, name, namespace)
        except ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise refused(f"reading ConfigMap {namespace}/{name}", error) from error
        body: dict[str, Any] = self._core.api_client.sanitize_for_serialization(found)
        return body

    async def create_config_map(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Create a ConfigMap.

        Raises:
            KubernetesError: the API server refused, as it does in a namespace that terminates.
        """
        try:
            await self.run(self.fenced(self._core.create_namespaced_config_map), namespace, body)
        except ApiException as error:
            name = body["metadata"]["name"]
            raise refused(f"creating ConfigMap {namespace}/{name}", error) from error
        self.on_write("configmap")

    async def replace_config_map(self, namespace: str, body: Mapping[str, Any]) -> None:
        """Replace a ConfigMap by a changed answer of `get_config_map`.

        Raises:
            StaleObject: it changed since it was read.
            KubernetesError: the API server refused or did not answer.
        """
        name = body["metadata"]["name"]
        try:
            await self.run(
                self.fenced(self._core.replace_namespaced_config_map), name, namespace, body
            )
        except ApiException as error:
            if error.status in _STALE:
                raise StaleObject(f"{namespace}/{name} changed meanwhile") from error
            raise refused(f"writing ConfigMap {namespace}/{name}", error) from error
        self.on_write("configmap")

    async def create_event(self, namespace: str, event: Mapping[str, Any]) -> None:
        """Post an ``events.k8s.io/v1`` Event; one of its name that is there counts as posted.

        Raises:
            KubernetesError: the API server refused, as it does in a namespace that terminates.
        """
        try:
            await self.run(self.fenced(self._events.create_namespaced_event), namespace, event)
        except ApiException as error:
            if error.status == HTTPStatus.CONFLICT:
                return
            raise refused(f"posting an Event in {namespace}", error) from error
        self.on_write("event")

    async def _patch(
        self, body: Mapping[str, Any], operations: list[dict[str, Any]], *, target: str
    ) -> dict[str, Any]:
        metadata = body["metadata"]
        guarded = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": metadata["resourceVersion"],
            },
            *operations,
        ]
        send = (
            self._objects.patch_namespaced_custom_object_status
            if target == "status"
            else self._objects.patch_namespaced_custom_object
        )
        where = f"{metadata['namespace']}/{metadata['name']}"
        try:
            patched: dict[str, Any] = await self.run(
                self.fenced(send),
                GROUP,
                VERSION,
                metadata["namespace"],
                PLURAL,
                metadata["name"],
                guarded,
                _content_type="application/json-patch+json",
            )
        except ApiException as error:
            if error.status in _STALE:
                raise StaleObject(f"{where} changed meanwhile: {words(error)}") from error
            raise refused(f"writing {target} of {where}", error) from error
        self.on_write(target)
        return patched

    def fenced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with the write fence before it, checked in the thread that sends."""

        def send(*args: Any, **options: Any) -> Any:
            self._ensure_leader()
            return function(*args, **options)

        return send

    async def run(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        """Call a function of the client library in a thread.

        Raises:
            ApiException: the API server answered with an error; see `refused`.
            KubernetesError: it did not answer.
        """

        def send() -> Any:
            return function(*args, _request_timeout=_TIMEOUT_SECONDS, **options)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, send)
        except ApiException:
            raise
        except OSError as error:
            raise KubernetesError(f"the Kubernetes API does not answer: {error}") from error
        except Exception as error:
            # urllib3 raises classes of its own when the connection fails.
            if type(error).__module__.startswith("urllib3"):
                raise KubernetesError(
                    f"the Kubernetes API does not answer: {type(error).__name__}"
                ) from error
            raise


__all__ = [
    "KubeClient",
    "KubernetesError",
    "KubernetesRefusal",
    "StaleObject",
    "refused",
]
