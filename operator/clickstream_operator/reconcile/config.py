"""What the operator was configured with, as the reconciler needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clickstream_operator.pipeline.context import DEFAULT_RUNTIME
from clickstream_operator.resources.lambda_function import FunctionPackage


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """What the controller was started with. `cluster` is the recorded owner of new pipelines.

    `namespaces`: those whose pipelines the operator may see; empty for all.
    """

    cluster: str
    instance: str
    default_region: str
    account_regional_buckets: bool
    packages: Mapping[str, FunctionPackage]
    permissions_boundary: str | None = None
    adopt_without_owner: bool = False
    allowed_roles: frozenset[str] = frozenset()
    roles_by_namespace: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own_role_namespaces: tuple[str, ...] = ()
    rollout_max_parallel: int = 5
    selected: Callable[[Mapping[str, str]], bool] = lambda _labels: True
    namespaces: tuple[str, ...] = ()
    outputs_config_map: bool = False
    function_runtime: str = DEFAULT_RUNTIME
