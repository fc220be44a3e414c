"""Configuration of the operator, as the reconciler needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clickstream_operator.pipeline.context import DEFAULT_RUNTIME
from clickstream_operator.pipeline.page_script import PageScript
from clickstream_operator.resources.lambda_function import FunctionPackage
from clickstream_operator.tenants import Grants, TenantsSource


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """Settings of the reconciler."""

    cluster: str
    """Recorded owner of new pipelines."""
    instance: str
    default_region: str
    account_regional_buckets: bool
    packages: Mapping[str, FunctionPackage]
    page_script: PageScript | None = None
    """Script that the collector serves; None: the outputs have no element for pages."""
    account: str = ""
    """Account that the operator's own credential must belong to; empty: any."""
    permissions_boundary: str | None = None
    tenants: TenantsSource = field(default_factory=TenantsSource)
    rollout_max_parallel: int = 5
    selected: Callable[[Mapping[str, str]], bool] = lambda _labels: True
    namespaces: tuple[str, ...] = ()
    outputs_config_map: bool = False
    function_runtime: str = DEFAULT_RUNTIME

    def grants(self, namespace: str) -> Grants:
        """Grants of a namespace, by the version of the tenants that is in force now."""
        return self.tenants.grants(namespace)
