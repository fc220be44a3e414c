"""CRD version check: whether the installed CRD has all fields of this version of the operator.

With an older CRD the API server drops unknown fields: of a spec, which then has no effect, and of a
status, which holds the inventory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from clickstream_operator.api.crd import custom_resource_definition
from clickstream_operator.api.v1alpha1 import GROUP, KIND, PLURAL, VERSION
from clickstream_operator.kube.client import KubeClient, refused
from clickstream_operator.kube.crd_fields import fields_lacking

_PATH: Final = f"/openapi/v3/apis/{GROUP}/{VERSION}"
_NAMED: Final = 4
_ERROR: Final = 400
_NOT_FOUND: Final = 404


async def problem(kube: KubeClient) -> str:
    """The fault of the installed CRD and its remedy; empty if it has every field.

    Raises:
        KubernetesError: the API server refused or did not answer.
    """
    served = await _schema(kube)
    if served is None:
        return (
            f"the CRD {PLURAL}.{GROUP} is not installed; install the chart with crds.install=true, "
            "or apply crds/clickstreampipelines.yaml"
        )
    version = custom_resource_definition()["spec"]["versions"][0]
    lacking = list(fields_lacking(version["schema"]["openAPIV3Schema"], served))
    if not lacking:
        return ""
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    return (
        f"the CRD {PLURAL}.{GROUP} is older than the operator: it lacks "
        f"{', '.join(lacking[:_NAMED])}{more}; upgrade it with the chart (crds.install=true), or "
        "apply crds/clickstreampipelines.yaml of this version"
    )


async def _schema(kube: KubeClient) -> Mapping[str, Any] | None:
    """The schema of pipelines as the API server publishes it; None without the CRD."""
    try:
        text = await kube.run(_fetch, kube.api)
    except ApiException as error:
        if error.status == _NOT_FOUND:
            return None
        raise refused("reading the schema of the API", error) from error
    schemas = json.loads(text).get("components", {}).get("schemas", {})
    for schema in schemas.values():
        kinds = schema.get("x-kubernetes-group-version-kind") or ()
        if any(one.get("kind") == KIND for one in kinds):
            found: Mapping[str, Any] = schema
            return found
    return None


def _fetch(api: client.ApiClient, *, _request_timeout: float) -> str:
    request = api.param_serialize(
        "GET", _PATH, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
    )
    response = api.call_api(*request, _request_timeout=_request_timeout)
    body: str = response.read().decode()  # type: ignore[no-untyped-call]
    if response.status >= _ERROR:
        raise ApiException(status=response.status, reason=response.reason, body=body)
    return body
