"""Preflight: the checks that a pipeline passes before its credential is used. Pure.

Each check is a function of the object and the configuration; the first blocker is reported. A
deletion passes the checks without which AWS can't be reached at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import FORCE_DELETE
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import ZSTD_RUNTIME
from clickstream_operator.pipeline.detection_config import RuleError, compile_rule
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.location import forged, region_of
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


def record_is_own(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """What is on record is of this object, not forged and not restored from another one."""
    found = forged(obj, config)
    return _refusal(
        Reason.OWNERSHIP_CONFLICT,
        f"{found}: the status was restored from another object, or forged; nothing was touched. "
        f"Delete this object with the annotation {FORCE_DELETE}=true, which leaves AWS alone, and "
        "create it without a status. For one that moved from another cluster, the operator's "
        "administrator lists that cluster in formerClusters of the setting tenants"
        if found
        else "",
    )


def chosen_names_are_free(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """No chosen name may become the derived name of another pipeline.

    Asked after the live pipelines were: a conflict with one of them says more.
    """
    grants, recorded = config.grants(obj.key.namespace), obj.status.effective
    begun = {one.name for one in obj.status.resources if one.arn and one.applied_hash}
    base = names.base_name(
        cluster=recorded.cluster if recorded else config.cluster,
        namespace=obj.key.namespace,
        name=obj.key.name,
    )
    for name, (path, chosen) in names.chosen_fields(obj.spec).items():
        if name in begun or not names.looks_derived(chosen) or names.is_derived_from(chosen, base):
            continue
        if not grants.may_adopt(chosen):
            return Blocker(
                Reason.NOT_ALLOWED,
                f"{path} {chosen} has the form of a name that the operator derives, which belongs "
                "to the pipeline that it follows from; choose another name, or have it listed in "
                "tenants[].adopt for the namespace (the operator's administrator sets it)",
            )
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
    """Topics, keys, secrets, alarm actions and mail domains of others are allowed."""
    grants, spec = config.grants(obj.key.namespace), obj.spec
    refused = (
        grants.refused_topic(spec)
        or grants.refused_alarm_action(spec)
        or grants.refused_key(spec)
        or grants.refused_secret(spec)
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
    record_is_own,
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
    record_is_own,
    own_credential_allowed,
    assumed_role_allowed,
    region_known,
)


def _refusal(reason: Reason, message: str) -> Blocker | None:
    return Blocker(reason, message) if message else None
