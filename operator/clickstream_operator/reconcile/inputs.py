"""Inputs of a reconcile: resources, policy, unconfirmed absences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import APPROVED_PLAN, RECONCILE_REQUESTED_AT, Effective
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import AwsLocation
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.delete import (
    PROPAGATION_SECONDS,
    UnconfirmedAbsence,
    is_unconfirmed,
)
from clickstream_operator.engine.inventory import Entry, Origin
from clickstream_operator.engine.plan import AdoptionPolicy, DriftPolicy, Policy
from clickstream_operator.kube.objects import PipelineObject
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.reconcile.approval import approval_of
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.state import ReconcileState
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.compose import inventory


def build_context(
    obj: PipelineObject,
    effective: Effective,
    calls: Calls,
    history: StreamHistory,
    config: OperatorConfig,
) -> BuildContext:
    """Build context of the pipeline's resources: its spec and its recorded names and places."""
    known = inventory(obj.status)
    return BuildContext(
        spec=obj.spec,
        base=effective.base,
        physical=effective.names,
        place=AwsLocation(effective.partition, effective.region, effective.account),
        tags=ownership.pipeline_tags(
            cluster=effective.cluster,
            namespace=obj.key.namespace,
            pipeline=obj.key.name,
            uid=obj.metadata["uid"],
            environment=obj.spec.environment,
            user_tags=obj.spec.tags,
        ),
        packages=config.packages,
        function_runtime=config.function_runtime,
        calls=calls,
        account_regional_bucket=names.is_account_regional(
            effective.names[components.ARCHIVE], effective.account, effective.region
        ),
        permissions_boundary=config.permissions_boundary,
        known=frozenset(known),
        subscribed=frozenset(entry.name for entry in known.values() if entry.applied_hash),
        subscriptions={
            entry.name: entry.arn
            for entry in known.values()
            if components.subscription_digest(entry.name)
        },
        adopted=frozenset(entry.name for entry in known.values() if entry.origin is Origin.ADOPTED),
        history=history,
        created_at=obj.created_at,
        obsolete_tags=(frozenset(effective.tag_keys) | ownership.DEFAULTS) - obj.spec.tags.keys(),
        may_use_topic=config.grants(obj.key.namespace).allows_topic,
        may_tag_roles=config.grants(obj.key.namespace).may_tag_roles,
        queue_url=str(obj.status.outputs.get("dlqUrl", "")),
    )


def policy_of(
    obj: PipelineObject, config: OperatorConfig, namespace_since: datetime | None = None
) -> Policy:
    """Permissions of the reconcile by spec, approval and settings."""
    spec, tenant = obj.spec, config.grants(obj.key.namespace).tenant
    approval = None
    if spec.approval == "Manual":
        approval = approval_of(
            obj.status.plan,
            uid=obj.metadata["uid"],
            generation=obj.generation,
            annotation=obj.annotations.get(APPROVED_PLAN, ""),
        )
    return Policy(
        drift=DriftPolicy(spec.drift_policy),
        adoption=AdoptionPolicy(spec.adoption_policy),
        adoptable=tenant.adopt if tenant else (),
        namespace_since=None if tenant and tenant.inherit_data else namespace_since,
        read_only=spec.suspend,
        approval=approval,
    )


def unconfirmed_absence_of(
    state: ReconcileState, known: Mapping[str, Entry], *, clock: float, now: datetime
) -> UnconfirmedAbsence:
    """Resources whose first NotFound does not prove to a deletion that they are gone.

    `clock`: monotonic seconds, as in the state.
    """
    recent = {name for name, at in state.object.tried.items() if clock - at < PROPAGATION_SECONDS}
    unsure = {name for name, one in known.items() if is_unconfirmed(one, now=now)}
    if state.object.known_from_start:
        unsure &= state.object.tried.keys()
    return UnconfirmedAbsence(recent | unsure, clock, state.generation.missing_since)


def never_tried(state: ReconcileState, known: Mapping[str, Entry]) -> frozenset[str]:
    """Intents that this process would know to have acted on, and has not."""
    if not state.object.known_from_start:
        return frozenset()
    intents = {name for name, one in known.items() if one.never_written}
    return frozenset(intents - state.object.tried.keys())


def is_requested(obj: PipelineObject) -> bool:
    """Whether a person asked for this reconcile with the annotation, and has no answer yet."""
    asked = obj.annotations.get(RECONCILE_REQUESTED_AT, "")
    return bool(asked) and asked != obj.status.last_handled_reconcile_at
