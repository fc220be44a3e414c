"""Configuration of the operator that will apply a plan, as far as people can see it.

Of a pipeline on record its status tells most. The rest comes from the environment of the operator's
Deployment, where the user may read it, and from CLICKSTREAM_* variables of the user's own, which
come first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.kube.cluster_reader import ClusterReader
from clickstream_operator.pipeline.context import DEFAULT_RUNTIME
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.resources.lambda_function import FunctionPackage
from clickstream_operator.settings import Settings

_PREFIX: Final = "CLICKSTREAM_"
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
        packages={
            name: FunctionPackage(packages.get(name, _UNKNOWN), bytes)
            for name in (components.PROCESSOR, components.DETECTOR)
        },
        permissions_boundary=settings.permissions_boundary or None,
        function_runtime=settings.function_runtime or DEFAULT_RUNTIME,
    )


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
