"""Preflight: the checks that a pipeline passes before its credential is used. Pure.

Each check is a function of the object and the configuration; the first blocker is reported. A
deletion passes the checks without which AWS can't be reached at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
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


def own_credential_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """A pipeline without a role may use the operator's own credential."""
    namespace, allowed = obj.key.namespace, config.own_role_namespaces
    if obj.spec.credentials is not None or not allowed or _matches(namespace, allowed):
        return None
    return Blocker(
        Reason.ROLE_NOT_ALLOWED,
        f"pipelines of namespace {namespace} may not use the operator's own credential; set "
        "spec.credentials.roleArn, or list the namespace in the operator's "
        "CLICKSTREAM_OWN_ROLE_NAMESPACES",
    )


def assumed_role_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The namespace may assume the role that the spec names."""
    namespace, chosen = obj.key.namespace, obj.spec.credentials
    if chosen is None or any(
        fnmatchcase(namespace, pattern) and _matches(chosen.role_arn, roles)
        for pattern, roles in config.roles_by_namespace.items()
    ):
        return None
    return Blocker(
        Reason.ROLE_NOT_ALLOWED,
        f"spec.credentials.roleArn {chosen.role_arn} is not allowed in namespace {namespace}; list "
        "it for this namespace in the operator's CLICKSTREAM_ROLES_BY_NAMESPACE, or use another",
    )


def function_roles_allowed(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """The roles that the spec gives to functions and schedule are on the operator's list."""
    detection = obj.spec.anomaly_detection
    given = {
        "spec.processor.roleArn": obj.spec.processor.role_arn,
        "spec.anomalyDetection.roleArn": detection.role_arn,
        "spec.anomalyDetection.schedulerRoleArn": detection.scheduler_role_arn,
    }
    for path, arn in given.items():
        if arn and arn not in config.allowed_roles:
            return Blocker(
                Reason.ROLE_NOT_ALLOWED,
                f"{path} {arn} is not allowed; add it to the operator's "
                "CLICKSTREAM_ALLOWED_ROLE_ARNS, or remove it",
            )
    return None


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
    own_credential_allowed,
    assumed_role_allowed,
    function_roles_allowed,
    detection_rules_compile,
    runtime_compresses,
    region_known,
)
DELETION_CHECKS: Final[tuple[Check, ...]] = (
    own_credential_allowed,
    assumed_role_allowed,
    region_known,
)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
