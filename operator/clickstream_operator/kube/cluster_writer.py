"""Client of people's commands that change a pipeline: annotations, `spec.suspend`, deletion.

It uses the rights of the user's kubeconfig.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.api.v1alpha1 import GROUP, PLURAL, VERSION
from clickstream_operator.kube.connection import connect
from clickstream_operator.kube.errors import refused
from clickstream_operator.kube.objects import ObjectKey

_TIMEOUT_SECONDS: Final = 15
_NOT_FOUND: Final = 404
_FIELD_MANAGER: Final = "kubectl-clickstream"


class ClusterWriter:
    """Changes one pipeline at a time."""

    def __init__(
        self,
        kubeconfig: Path | None = None,
        *,
        context: str | None = None,
        user: str | None = None,
    ) -> None:
        """Connect; `user` is impersonated.

        Raises:
            KubernetesError: there is no such configuration.
        """
        api = connect(kubeconfig, context=context, agent=_FIELD_MANAGER)
        if user:
            api.set_default_header("Impersonate-User", user)  # type: ignore[no-untyped-call]
        self._objects = client.CustomObjectsApi(api)

    def annotate(self, key: ObjectKey, name: str, value: str) -> None:
        """Set an annotation.

        Raises:
            KubernetesError: the API server refused.
        """
        self._patch(key, {"metadata": {"annotations": {name: value}}}, what="annotating")

    def suspend(self, key: ObjectKey, *, suspended: bool) -> None:
        """Set `spec.suspend`.

        Raises:
            KubernetesError: the API server refused.
        """
        self._patch(key, {"spec": {"suspend": suspended}}, what="changing")

    def keep_data(self, key: ObjectKey) -> None:
        """Set the deletion policy of tables and bucket to Retain.

        Raises:
            KubernetesError: the API server refused.
        """
        policy = {"archive": "Retain", "tables": "Retain"}
        self._patch(key, {"spec": {"deletionPolicy": policy}}, what="changing")

    def delete(self, key: ObjectKey, *, uid: str) -> None:
        """Request the deletion of the object with this uid.

        Raises:
            KubernetesError: the API server refused, or the object is another one by now.
        """
        try:
            self._objects.delete_namespaced_custom_object(
                GROUP,
                VERSION,
                key.namespace,
                PLURAL,
                key.name,
                body=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid)),
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            if error.status != _NOT_FOUND:
                raise refused(f"deleting {key.namespace}/{key.name}", error) from error

    def _patch(self, key: ObjectKey, body: dict[str, Any], *, what: str) -> None:
        try:
            self._objects.patch_namespaced_custom_object(
                GROUP,
                VERSION,
                key.namespace,
                PLURAL,
                key.name,
                body,
                field_manager=_FIELD_MANAGER,
                _content_type="application/merge-patch+json",
                _request_timeout=_TIMEOUT_SECONDS,
            )
        except ApiException as error:
            raise refused(f"{what} {key.namespace}/{key.name}", error) from error
