"""Configuration of the operator that will apply a plan, as far as people can see it.

Of a pipeline on record its status tells most. The rest comes from the environment of the operator's
Deployment, where the user may read it, and from CLICKSTREAM_* variables of the user's own, which
come first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.cli.errors import CliError
from clickstream_operator.kube.cluster_reader import ClusterReader
from clickstream_operator.kube.errors import KubernetesRefusal
from clickstream_operator.pipeline.context import DEFAULT_RUNTIME
from clickstream_operator.pipeline.packages import FUNCTIONS
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.resources.lambda_function import FunctionPackage
from clickstream_operator.settings import Settings
from clickstream_operator.tenants import TenantsError, TenantsSource, parse

_PREFIX: Final = "CLICKSTREAM_"
_TENANTS: Final = "CLICKSTREAM_TENANTS"
_FIELDS: Final = (
    "cluster_id",
    "region",
    "permissions_boundary",
    "function_runtime",
    "bucket_namespace",
)
"""Settings on which a pipeline's resources depend."""
_UNKNOWN: Final = "(the operator's)"


def read_config(reader: ClusterReader, recorded: Effective | None) -> OperatorConfig:
    """The configuration for planning one pipeline.

    Raises:
        KubernetesError: the API server did not answer.
    """
    settings = settings_of({**environment_of(reader.operators()), **os.environ})
    cluster = recorded.cluster if recorded else settings.cluster_id or reader.cluster_uid()
    packages = recorded.packages if recorded else {}
    return OperatorConfig(
        cluster=cluster,
        instance=recorded.instance if recorded else "",
        default_region=settings.default_region(),
        account_regional_buckets=settings.account_regional_buckets(),
        packages={name: FunctionPackage(packages.get(name, _UNKNOWN), bytes) for name in FUNCTIONS},
        permissions_boundary=settings.permissions_boundary or None,
        function_runtime=settings.function_runtime or DEFAULT_RUNTIME,
    )


def read_tenants(reader: ClusterReader) -> tuple[TenantsSource, str]:
    """The tenants of the operator, and why they could not be read; the reason is empty else.

    They are in the file of the user's CLICKSTREAM_TENANTS, else in the ConfigMap that the
    operator's Deployment mounts as that file.

    Raises:
        CliError: the user's own file, or the ConfigMap, is broken.
        KubernetesError: the API server did not answer.
    """
    own = os.environ.get(_TENANTS)
    if own:
        return _parsed(Path(own).read_text(encoding="utf-8"), own), ""
    deployments = reader.operators()
    if not deployments:
        return TenantsSource(), (
            "The operator's Deployment was not found: what its setting tenants allows was not "
            "looked at. Give its file with CLICKSTREAM_TENANTS."
        )
    file = environment_of(deployments).get(_TENANTS)
    if not file:
        return TenantsSource(), ""
    namespace = deployments[0]["metadata"]["namespace"]
    name = _config_map_of(deployments[0], file)
    try:
        data = reader.config_map(namespace, name) if name else None
    except KubernetesRefusal as refusal:
        if not refusal.forbidden:
            raise
        return TenantsSource(), (
            f"You may not read the ConfigMap {namespace}/{name}: what the operator's setting "
            "tenants allows was not looked at."
        )
    text = (data or {}).get(Path(file).name)
    if text is None:
        return TenantsSource(), (
            f"No ConfigMap holds the operator's {file}: what its setting tenants allows was not "
            "looked at. Give the file with CLICKSTREAM_TENANTS."
        )
    return _parsed(text, f"ConfigMap {namespace}/{name}"), ""


def _parsed(text: str, source: str) -> TenantsSource:
    try:
        return TenantsSource.fixed(parse(text))
    except TenantsError as error:
        raise CliError(f"{source}: {error}", "correct it: the operator refuses it too") from error


def _config_map_of(deployment: dict[str, Any], file: str) -> str:
    """Name of the ConfigMap whose volume has a file of the operator's container."""
    pod = deployment["spec"]["template"]["spec"]
    mounts = [one for container in pod["containers"] for one in container.get("volumeMounts") or ()]
    inside = {one["name"] for one in mounts if Path(file).is_relative_to(one["mountPath"])}
    names = [
        str(one["configMap"]["name"])
        for one in pod.get("volumes") or ()
        if one["name"] in inside and "configMap" in one
    ]
    return names[0] if names else ""


def environment_of(deployments: list[dict[str, Any]]) -> dict[str, str]:
    """Plain environment variables of the operator's container; empty without a Deployment."""
    found: dict[str, str] = {}
    for deployment in deployments[:1]:
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            variables = container.get("env") or ()
            found |= {one["name"]: one["value"] for one in variables if one.get("value")}
    return found


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings on which resources depend, from variables of an environment."""
    given = {
        name: environment[f"{_PREFIX}{name.upper()}"]
        for name in _FIELDS
        if environment.get(f"{_PREFIX}{name.upper()}")
    }
    regions = [environment.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")]
    if "region" not in given and any(regions):
        given["region"] = next(region for region in regions if region)
    return Settings(**given)  # type: ignore[arg-type]
