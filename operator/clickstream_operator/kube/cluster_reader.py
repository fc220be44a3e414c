"""Client of people's commands that only look: no request that changes the cluster leaves it.

Every request passes one place, which refuses all but reads and dry runs (Kubernetes API Concepts,
"Dry-run"). It uses the rights of the user's kubeconfig.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from kubernetes import client
from kubernetes.client import rest
from kubernetes.client.exceptions import ApiException

from clickstream_operator.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION
from clickstream_operator.kube.connection import connect
from clickstream_operator.kube.errors import KubernetesError, refused
from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.kube.permissions import Permission

_TIMEOUT_SECONDS: Final = 15
_PAGE_SIZE: Final = 200
_ERROR: Final = 400
_NOT_FOUND: Final = 404
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FIELD_MANAGER: Final = "kubectl-clickstream"
_OPERATOR: Final = "app.kubernetes.io/name=clickstream-operator"


class WriteRefused(Exception):
    """A command that only looks was about to change the cluster: a defect of the command."""


class _ReadingRest(rest.RESTClientObject):
    """The place that every request passes."""

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        """Send a request that changes nothing.

        Raises:
            WriteRefused: it would change something.
        """
        asked = parse_qs(urlsplit(url).query).get("dryRun", [])
        if method.upper() not in _READS and asked != ["All"]:
            raise WriteRefused(f"{method} {url} would change the cluster")
        return super().request(method, url, *arguments, **options)  # type: ignore[no-untyped-call]


def reading(
    kubeconfig: Path | None = None, *, context: str | None = None, user: str | None = None
) -> client.ApiClient:
    """An API client that can't write; `user` is impersonated.

    Raises:
        KubernetesError: there is no such configuration.
    """
    api = connect(kubeconfig, context=context, agent=_FIELD_MANAGER)
    api.rest_client = _ReadingRest(api.configuration)
    if user:
        api.set_default_header("Impersonate-User", user)  # type: ignore[no-untyped-call]
    return api


class ClusterReader:
    """Reads pipelines and what is around them, with a client that can't write."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._objects = client.CustomObjectsApi(api)

    def get(self, key: ObjectKey) -> dict[str, Any] | None:
        """The live object; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}"
        return self._read(path, f"reading {key.namespace}/{key.name}")

    def pipelines(self, namespace: str = "", *, selector: str = "") -> list[dict[str, Any]]:
        """The pipelines of a namespace, or of the whole cluster, by namespace and name.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/apis/{GROUP}/{VERSION}/{f'namespaces/{namespace}/' if namespace else ''}{PLURAL}"
        return self._list(path, selector=selector, what=f"listing {PLURAL}")

    def events(self, namespace: str, *, name: str = "") -> list[dict[str, Any]]:
        """Events about pipelines of a namespace (all when empty), oldest first.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        inside = f"namespaces/{namespace}/" if namespace else ""
        fields = f"regarding.kind={KIND}{f',regarding.name={name}' if name else ''}"
        path = f"/apis/events.k8s.io/v1/{inside}events"
        return self._list(path, fields=fields, what="listing events")

    def operators(self) -> list[dict[str, Any]]:
        """Deployments of the operator that the user may see; empty where the user may see none.

        Raises:
            KubernetesError: the API server did not answer.
        """
        try:
            return self._list("/apis/apps/v1/deployments", selector=_OPERATOR, what="listing")
        except KubernetesError as error:
            if getattr(error, "forbidden", False):
                return []
            raise

    def operator_pods(self, namespace: str) -> list[str]:
        """Names of the operator's Pods in a namespace.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/api/v1/namespaces/{namespace}/pods"
        found = self._list(path, selector=_OPERATOR, what="listing the operator's Pods")
        return [one["metadata"]["name"] for one in found]

    def pod_log(self, namespace: str, name: str, *, lines: int) -> str:
        """The last lines that a Pod of the operator logged.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/log"
        query = [("container", "operator"), ("tailLines", str(lines))]
        request = self._api.param_serialize(
            "GET", path, query_params=query, auth_settings=["BearerToken"]
        )
        what = f"reading the log of {namespace}/{name}"
        found = _send(what, lambda **options: _text(self._api.call_api(*request, **options)))
        return str(found or "")

    def config_map(self, namespace: str, name: str) -> dict[str, str] | None:
        """Data of a ConfigMap; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        body = self._read(path, f"reading the ConfigMap {namespace}/{name}")
        return None if body is None else dict(body.get("data") or {})

    def cluster_uid(self) -> str:
        """The uid of the namespace kube-system, which identifies a cluster.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        body = self._read("/api/v1/namespaces/kube-system", "reading the namespace kube-system")
        return str(body["metadata"]["uid"]) if body else ""

    def crd(self) -> dict[str, Any] | None:
        """The CRD; None if it is not installed.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        name = f"{PLURAL}.{GROUP}"
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        return self._read(path, f"reading the CRD {name}")

    def version(self) -> str:
        """Version of the API server.

        Raises:
            KubernetesError: it did not answer.
        """
        body = self._read("/version", "reading the version of the API server")
        return str(body["gitVersion"]) if body else ""

    def may(self, permission: Permission, *, user: str = "") -> bool:
        """Whether the user may do something, or somebody else: a review, in a dry run.

        Raises:
            KubernetesRefusal: the user may not ask that about somebody else.
            KubernetesError: the API server did not answer.
        """
        spec: dict[str, Any] = {"resourceAttributes": permission.attributes()}
        kind = "SelfSubjectAccessReview"
        if user:
            kind, spec["user"] = "SubjectAccessReview", user
            spec["groups"] = _groups(user)
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
        query = (("dryRun", "All"),)
        answer = self._read(path, "reviewing permissions", query=query, method="POST", body=review)
        return bool((answer or {}).get("status", {}).get("allowed"))

    def service_account(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A ServiceAccount; None if it does not exist.

        Raises:
            KubernetesError: the API server refused or did not answer.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
        return self._read(path, f"reading the ServiceAccount {namespace}/{name}")

    def dry_run(
        self, key: ObjectKey, body: Mapping[str, Any], *, live: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The object as the API server would store it: created, or in place of the `live` one.

        Raises:
            KubernetesRefusal: the API server would refuse it, or the user may not try.
            KubernetesError: it did not answer.
        """
        where = (GROUP, VERSION, key.namespace, PLURAL)
        what = f"trying {key.namespace}/{key.name} (a dry run)"
        # Else an older CRD would drop the fields that it lacks, and say nothing of it.
        options = {
            "dry_run": "All", "field_manager": _FIELD_MANAGER, "field_validation": "Strict",
        }  # fmt: skip
        objects: Any = self._objects
        if live is None:
            create = objects.create_namespaced_custom_object
            answer = _send(what, create, *where, dict(body), **options)
        else:
            replace = objects.replace_namespaced_custom_object
            answer = _send(what, replace, *where, key.name, _in_place_of(live, body), **options)
        if answer is None:
            raise KubernetesError(
                f"the namespace {key.namespace} or the CRD is not there; create the namespace, or "
                "install the chart"
            )
        found: dict[str, Any] = answer
        return found

    def _list(
        self, path: str, *, what: str, selector: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        query = [("limit", str(_PAGE_SIZE))]
        query += [("labelSelector", selector)] if selector else []
        query += [("fieldSelector", fields)] if fields else []
        found: list[dict[str, Any]] = []
        following = ""
        while True:
            pages = [("continue", following)] if following else []
            page = self._read(path, what, query=[*query, *pages])
            if page is None:
                raise KubernetesError(
                    f"{what}: the API server does not know them; install the operator's chart, "
                    "which brings the CRD"
                )
            found += page.get("items", [])
            following = page.get("metadata", {}).get("continue", "")
            if not following:
                return found

    def _read(
        self,
        path: str,
        what: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        request = self._api.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params={"Accept": "application/json", "Content-Type": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer: dict[str, Any] | None = _send(
            what, lambda **options: _json(self._api.call_api(*request, **options))
        )
        return answer


def _groups(user: str) -> list[str]:
    """Groups of a ServiceAccount (Kubernetes, "Authenticating", service account tokens)."""
    stem = "system:serviceaccount"
    if not user.startswith(f"{stem}:"):
        return []
    namespace = user.split(":")[2]
    return [f"{stem}s", f"{stem}s:{namespace}", "system:authenticated"]


def _in_place_of(live: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The live object with the spec, labels and annotations of a manifest."""
    given = body.get("metadata") or {}
    chosen = {
        part: {**(live["metadata"].get(part) or {}), **(given.get(part) or {})}
        for part in ("labels", "annotations")
    }
    return {
        **live,
        "metadata": {**live["metadata"], **chosen},
        "spec": body.get("spec") or {},
    }


def _text(response: rest.RESTResponse) -> str:
    """The body of an answer.

    Raises:
        ApiException: it is a refusal.
    """
    body: str = response.read().decode(errors="replace")  # type: ignore[no-untyped-call]
    if response.status >= _ERROR:
        raise ApiException(status=response.status, reason=response.reason, body=body)
    return body


def _json(response: rest.RESTResponse) -> Any:
    """The document in an answer.

    Raises:
        ApiException: it is a refusal.
    """
    return json.loads(_text(response))


def _send(what: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Answer of one request; None where it asks for what is not there."""
    try:
        return function(*arguments, _request_timeout=_TIMEOUT_SECONDS, **options)
    except ApiException as error:
        if error.status == _NOT_FOUND:
            return None
        raise refused(what, error) from error
    except OSError as error:
        raise KubernetesError(f"the Kubernetes API does not answer: {error}") from error
    except Exception as error:
        # urllib3 raises classes of its own when the connection fails.
        if type(error).__module__.startswith("urllib3"):
            name = type(error).__name__
            raise KubernetesError(f"the Kubernetes API does not answer: {name}") from error
        raise
