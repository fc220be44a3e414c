"""What is settled before a pass touches a pipeline's AWS resources: credential, account, names.

The right account, or nothing: with another account's credential every describe says NotFound, and
an operator that believes it builds a second pipeline or leaks the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from clickstream_operator.api.reasons import Reason
from clickstream_operator.api.v1alpha1 import Effective, Spec
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.errors import AwsError, Category
from clickstream_operator.aws.session import AwsSession, CallerIdentity
from clickstream_operator.kube.objects import InvalidSpec, ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.detection_config import RuleError, compile_rule
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.name_conflicts import Claim
from clickstream_operator.status.result import Blocker


def region_of(obj: PipelineObject, config: OperatorConfig) -> str:
    """Region of a pipeline: the recorded one, the spec's, the operator's; empty when none says."""
    recorded = obj.status.effective
    if recorded is not None and recorded.region:
        return recorded.region
    return obj.spec.region or config.default_region


def blocker_in_spec(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """What in the spec keeps the operator from writing anything."""
    refused = credentials_blocker(obj, config)
    if refused is not None:
        return refused
    for path, arn in _given_roles(obj.spec):
        if arn not in config.allowed_roles:
            return Blocker(
                Reason.ROLE_NOT_ALLOWED,
                f"{path} {arn} is not allowed; add it to the operator's "
                "CLICKSTREAM_ALLOWED_ROLE_ARNS, or remove it",
            )
    for rule in obj.spec.anomaly_detection.rules:
        try:
            compile_rule(rule)
        except RuleError as error:
            return Blocker(Reason.INVALID, str(error))
    return region_blocker(obj, config)


def region_blocker(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """That nobody says where the pipeline is."""
    if region_of(obj, config):
        return None
    return Blocker(
        Reason.INVALID,
        "spec.region is unset and the operator has no default; set AWS_REGION for the operator, or "
        "create this pipeline anew with spec.region, which is fixed at creation",
    )


def credentials_blocker(obj: PipelineObject, config: OperatorConfig) -> Blocker | None:
    """What keeps the pipeline from the credential that it asks for; a deletion needs one too."""
    namespace, chosen = obj.key.namespace, obj.spec.credentials
    if chosen is None:
        allowed = config.own_role_namespaces
        if not allowed or any(fnmatchcase(namespace, pattern) for pattern in allowed):
            return None
        return Blocker(
            Reason.ROLE_NOT_ALLOWED,
            f"pipelines of namespace {namespace} may not use the operator's own credential; set "
            "spec.credentials.roleArn, or list the namespace in the operator's "
            "CLICKSTREAM_OWN_ROLE_NAMESPACES",
        )
    for pattern, roles in config.roles_by_namespace.items():
        if fnmatchcase(namespace, pattern) and any(
            fnmatchcase(chosen.role_arn, role) for role in roles
        ):
            return None
    return Blocker(
        Reason.ROLE_NOT_ALLOWED,
        f"spec.credentials.roleArn {chosen.role_arn} is not allowed in namespace {namespace}; list "
        "it for this namespace in the operator's CLICKSTREAM_ROLES_BY_NAMESPACE, or use another",
    )


def role_of(obj: PipelineObject, config: OperatorConfig) -> Role | None:
    """The role to assume; None for the operator's own credential."""
    chosen, recorded = obj.spec.credentials, obj.status.effective
    if chosen is None:
        return None
    return Role(
        arn=chosen.role_arn,
        external_id=chosen.external_id or "",
        cluster=recorded.cluster if recorded else config.cluster,
        namespace=obj.key.namespace,
        pipeline=obj.key.name,
    )


async def identify(obj: PipelineObject, session: AwsSession) -> CallerIdentity | Blocker:
    """The account behind the credential, if it is the one that the pipeline was made in."""
    try:
        identity = await session.identity()
    except AwsError as error:
        return _credential_problem(error, obj.spec)
    recorded = obj.status.effective
    mismatch = _mismatch(recorded, identity, obj.spec) if recorded else ""
    return Blocker(Reason.ACCOUNT_MISMATCH, mismatch) if mismatch else identity


def decide_effective(
    obj: PipelineObject, identity: CallerIdentity, config: OperatorConfig
) -> Effective:
    """Names and place, decided once and recorded before the first write."""
    region = region_of(obj, config)
    base = names.base_name(cluster=config.cluster, namespace=obj.key.namespace, name=obj.key.name)
    physical = names.physical_names(
        base=base,
        place=AwsLocation(identity.partition, region, identity.account),
        spec=obj.spec,
        account_regional=config.account_regional_buckets,
    )
    return Effective(
        cluster=config.cluster,
        instance=config.instance,
        account=identity.account,
        partition=identity.partition,
        region=region,
        base=base,
        names=dict(physical),
    )


def claim_of(obj: PipelineObject, identity: CallerIdentity, config: OperatorConfig) -> Claim:
    """The names that a pipeline has, or would have in this account."""
    recorded = obj.status.effective
    effective = recorded or decide_effective(obj, identity, config)
    return Claim(obj.key, obj.created_at, effective, recorded=recorded is not None)


def competing_claims(
    obj: PipelineObject,
    bodies: Iterable[Mapping[str, Any]],
    identity: CallerIdentity,
    config: OperatorConfig,
) -> list[Claim]:
    """The claims of the other pipelines; one that this version can't read claims nothing."""
    claims = []
    for body in bodies:
        key = ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"])
        if key == obj.key:
            continue
        try:
            other = parse(key, body)
        except InvalidSpec:
            continue
        claims.append(claim_of(other, identity, config))
    return claims


def _given_roles(spec: Spec) -> list[tuple[str, str]]:
    pairs = (
        ("spec.processor.roleArn", spec.processor.role_arn),
        ("spec.anomalyDetection.roleArn", spec.anomaly_detection.role_arn),
        ("spec.anomalyDetection.schedulerRoleArn", spec.anomaly_detection.scheduler_role_arn),
    )
    return [(path, arn) for path, arn in pairs if arn]


def _mismatch(recorded: Effective, identity: CallerIdentity, spec: Spec) -> str:
    """Why the credential or the region is not the recorded one; empty when it is."""
    found = []
    if identity.account != recorded.account:
        found.append(
            f"the credential belongs to account {identity.account}, the pipeline to "
            f"{recorded.account}"
        )
    if identity.partition != recorded.partition:
        found.append(
            f"the credential is of partition {identity.partition}, the pipeline of "
            f"{recorded.partition}"
        )
    if spec.region and spec.region != recorded.region:
        found.append(f"spec.region is {spec.region}, the pipeline is in {recorded.region}")
    if not found:
        return ""
    return (
        f"{'; '.join(found)}. Nothing was read or written; give the operator a credential of "
        f"account {recorded.account} and keep region {recorded.region}"
    )


def _credential_problem(error: AwsError, spec: Spec) -> Blocker:
    role = spec.credentials
    if (
        role is not None
        and error.operation == "assume_role"
        and error.category is Category.ACCESS_DENIED
        and not error.credentials_are_bad
    ):
        condition = " with this external id" if role.external_id else ""
        return Blocker(
            Reason.CREDENTIALS_INVALID,
            f"spec.credentials.roleArn {role.role_arn} can't be assumed: {error.text}. Its trust "
            f"policy must allow the operator sts:AssumeRole and sts:TagSession{condition}, and the "
            "operator's own policy must allow both on it",
        )
    if error.credentials_are_bad:
        # Without any credential the error says itself what to give.
        remedy = "" if error.code == "NoCredentials" else "; renew the operator's AWS credential"
        return Blocker(Reason.CREDENTIALS_INVALID, f"{error.code}: {error.text}{remedy}")
    reason = {
        Category.ACCESS_DENIED: Reason.ACCESS_DENIED,
        Category.THROTTLED: Reason.THROTTLED,
        Category.INVALID: Reason.INVALID,
    }.get(error.category, Reason.TRANSIENT)
    return Blocker(reason, str(error))
