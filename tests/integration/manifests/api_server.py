"""The API server, as an administrator in one namespace. Nearly all of it is a dry run."""

import functools
import json
from collections.abc import Callable
from typing import Any, cast

from kubernetes import client, config

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from sandbox import Sandbox
from sandbox.processes.process import wait_until
from tests.integration.manifests.objects import Json

TIMEOUT_SECONDS = 30.0
_INVALID = 422


class Api:
    """The API server, as an administrator in one namespace."""

    def __init__(self, sandbox: Sandbox, namespace: str, clients: client.ApiClient) -> None:
        self._sandbox = sandbox
        self.namespace = namespace
        self._objects = client.CustomObjectsApi(clients)
        self._place = (GROUP, VERSION, namespace, PLURAL)

    def refusal(self, body: Json) -> str:
        """Return why the object may not be created; empty when it may."""
        return self._refusal(
            functools.partial(
                self._objects.create_namespaced_custom_object, *self._place, body, dry_run="All"
            )
        )

    def refusal_of_change(self, name: str, body: Json) -> str:
        """Return why the live object may not become this one; empty when it may."""
        live = self.read(name)
        body = {**body, "metadata": {**body["metadata"], **live["metadata"]}}
        return self._refusal(
            functools.partial(
                self._objects.replace_namespaced_custom_object,
                *self._place,
                name,
                body,
                dry_run="All",
            )
        )

    def create(self, body: Json) -> Json:
        """Create an object and return it as stored."""
        return cast("Json", self._objects.create_namespaced_custom_object(*self._place, body))

    def read(self, name: str) -> Json:
        """Return a live object."""
        return cast("Json", self._objects.get_namespaced_custom_object(*self._place, name))

    def patch_status(self, name: str, status: Json) -> Json:
        """Merge into the status subresource."""
        body = {"status": status}
        patch = self._objects.patch_namespaced_custom_object_status
        return cast("Json", patch(*self._place, name, body))

    def delete_all(self) -> None:
        """Remove every object of the namespace."""
        self._objects.delete_collection_namespaced_custom_object(*self._place)

    def kubectl(self, *arguments: str, body: Json | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace and return its output; with its errors unless `check`."""
        done = self._sandbox.kubectl(
            "-n",
            self.namespace,
            *arguments,
            input=None if body is None else json.dumps(body),
            check=check,
        )
        return done.stdout if check else done.stdout + done.stderr

    @staticmethod
    def _refusal(call: Callable[[], Any]) -> str:
        try:
            call()
        except client.ApiException as error:
            if error.status != _INVALID:
                raise
            message: str = json.loads(error.body or "")["message"]
            return message
        return ""


def new_client(kubeconfig: str) -> client.ApiClient:
    """Return a client with the rights of a kubeconfig."""
    settings = client.Configuration()
    config.load_kube_config(kubeconfig, client_configuration=settings)  # type: ignore[no-untyped-call]
    return client.ApiClient(settings)


def eventually(condition: Callable[[], bool]) -> None:
    """Assert that it holds within `TIMEOUT_SECONDS`."""
    assert wait_until(condition, TIMEOUT_SECONDS)
