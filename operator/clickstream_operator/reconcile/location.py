"""Location of a pipeline: region, role, account, names. Decided once, then on record. Pure."""

from __future__ import annotations

from clickstream_operator.api.v1alpha1 import Effective
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.assume_role import Role
from clickstream_operator.aws.session import CallerIdentity
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline import names
from clickstream_operator.reconcile.config import OperatorConfig


def region_of(obj: PipelineObject, config: OperatorConfig) -> str:
    """Region of a pipeline: the recorded one, the spec's, the operator's; empty when none says."""
    recorded = obj.status.effective
    if recorded is not None and recorded.region:
        return recorded.region
    return obj.spec.region or config.default_region


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


def effective_of(
    obj: PipelineObject, identity: CallerIdentity, config: OperatorConfig
) -> Effective:
    """Location and names of a pipeline: those on record, else newly decided.

    A component that is new in this version has no name on record in a pipeline of the version
    before: it gets the derived one, and what is on record stays.
    """
    recorded = obj.status.effective
    if recorded is None:
        return decide_effective(obj, identity, config)
    derived = names.physical_names(
        base=recorded.base,
        place=AwsLocation(recorded.partition, recorded.region, recorded.account),
        spec=obj.spec,
        account_regional=config.account_regional_buckets,
    )
    return recorded.model_copy(update={"names": {**derived, **recorded.names}})


def forged(obj: PipelineObject, config: OperatorConfig) -> str:
    """Why names on record are not this object's; empty when they are.

    A status is input: somebody may have forged it, or restored it with an object of another
    namespace. A name on record must follow from cluster, namespace and name, or from the spec.
    """
    recorded = obj.status.effective
    if recorded is None:
        return ""
    if recorded.cluster not in {config.cluster, *config.tenants.former_clusters}:
        return (
            f"status.effective.cluster is {recorded.cluster}, and this cluster is {config.cluster}"
        )
    base = names.base_name(cluster=recorded.cluster, namespace=obj.key.namespace, name=obj.key.name)
    if recorded.base != base:
        return f"status.effective.base is {recorded.base}, and this pipeline's is {base}"
    place = AwsLocation(recorded.partition, recorded.region, recorded.account)
    own = [
        names.physical_names(base=base, place=place, spec=obj.spec, account_regional=regional)
        for regional in (True, False)
    ]
    for name in own[0].keys() & recorded.names.keys():
        if recorded.names[name] not in {one[name] for one in own}:
            return (
                f"status.effective.names.{name} is {recorded.names[name]}, which neither follows "
                "from the pipeline's name nor stands in spec.names"
            )
    return ""


def decide_effective(
    obj: PipelineObject, identity: CallerIdentity, config: OperatorConfig
) -> Effective:
    """Names and location of a new pipeline, to be recorded before the first write."""
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
