"""Preflight: the checks that a pipeline passes before its credential is used. Pure.

Each check is a function of the object and the configuration; the first blocker is reported. A
deletion passes the checks without which AWS can't be reached at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline.context import ZSTD_RUNTIME
from clickstream_operator.pipeline.detection_config import RuleError, compile_rule
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.location import region_of
from clickstream_operator.status.result import Blocker

Check = Callable[[PipelineObject, OperatorConfig], Blocker | None]


def first_blocker(
    checks: Iterable[Check], obj: PipelineObject, config: OperatorConfig
) -> Blocker | None:
    """The first blocker that a chain of checks finds; None when all of them pass."""
    for check in checks:
        blocker = check(obj, config)
        if blocker is not None:
            return blocker
    return None


def is_tenant(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The namespace may have pipelines."""
    return _refusal(Reason.NOT_ALLOWED, config.grants(obj.key.namespace).not_a_tenant())


def own_credential_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """A pipeline without a role may use the operator's own credential."""
    if obj.spec.credentials is not None:
        return None
    refused = config.grants(obj.key.namespace).refused_own_credential()
    return _refusal(Reason.ROLE_NOT_ALLOWED, refused)


def assumed_role_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The namespace may assume the role that the spec names."""
    refused = config.grants(obj.key.namespace).refused_operator_role(obj.spec)
    return _refusal(Reason.ROLE_NOT_ALLOWED, refused)


def function_roles_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The namespace may give its functions and schedule the roles that the spec names."""
    refused = config.grants(obj.key.namespace).refused_function_role(obj.spec)
    return _refusal(Reason.ROLE_NOT_ALLOWED, refused)


def foreign_resources_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """Topics, keys, alarm actions and mail domains that are not the pipeline's own are allowed."""
    grants, spec = config.grants(obj.key.namespace), obj.spec
    refused = (
        grants.refused_topic(spec)
        or grants.refused_alarm_action(spec)
        or grants.refused_key(spec)
        or grants.refused_mail_domain(spec)
    )
    return _refusal(Reason.NOT_ALLOWED, refused)


def below_ceilings(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """Region and sizes are within the ceilings of the namespace."""
    grants, region = config.grants(obj.key.namespace), region_of(obj, config)
    refused = (grants.refused_region(region) if region else "") or grants.above_a_ceiling(obj.spec)
    return _refusal(Reason.NOT_ALLOWED, refused)


def detection_rules_compile(obj: PipelineObject, _config: OperatorConfig) -> Blocker | None:
    """The detector can judge every rule, also of an object that an older CRD accepted."""
    for rule in obj.spec.anomaly_detection.rules:
        try:
            compile_rule(rule)
        except RuleError as error:
            return Blocker(Reason.INVALID, str(error))
    return None


def runtime_compresses(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The functions' runtime has the compression that the spec asks for."""
    if obj.spec.archive.compression != "Zstd" or config.function_runtime == ZSTD_RUNTIME:
        return None
    return Blocker(
        Reason.INVALID,
        f"spec.archive.compression Zstd needs the runtime {ZSTD_RUNTIME}, and the operator's "
        f"CLICKSTREAM_FUNCTION_RUNTIME is {config.function_runtime}; set Gzip, or that runtime",
    )


def region_known(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """Status, spec or operator say where the pipeline is."""
    if region_of(obj, config):
        return None
    return Blocker(
        Reason.INVALID,
        "spec.region is unset and the operator has no default; set AWS_REGION for the operator, or "
        "create this pipeline anew with spec.region, which is fixed at creation",
    )


APPLY_CHECKS: Final[tuple[Check, ...]] = (
    is_tenant,
    own_credential_allowed,
    assumed_role_allowed,
    function_roles_allowed,
    foreign_resources_allowed,
    below_ceilings,
    detection_rules_compile,
    runtime_compresses,
    region_known,
)
DELETION_CHECKS: Final[tuple[Check, ...]] = (
    own_credential_allowed,
    assumed_role_allowed,
    region_known,
)


def _refusal(reason: Reason, message: str) -> Blocker | None:
    return Blocker(reason, message) if message else None
