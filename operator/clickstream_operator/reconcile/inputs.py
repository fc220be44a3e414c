"""What a pass over a pipeline starts from: its blueprint, its policy, its doubts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from clickstream_operator.api import components
from clickstream_operator.api.v1alpha1 import APPROVED_PLAN, RECONCILE_REQUESTED_AT, Effective
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.arns import Place
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.delete import PROPAGATION_SECONDS, Doubt, in_doubt
from clickstream_operator.engine.inventory import Entry, Origin
from clickstream_operator.engine.plan import AdoptionPolicy, DriftPolicy, Policy
from clickstream_operator.kube.objects import Subject
from clickstream_operator.pipeline import names
from clickstream_operator.pipeline.context import Blueprint
from clickstream_operator.reconcile.approval import approval_of
from clickstream_operator.reconcile.config import Surroundings
from clickstream_operator.reconcile.state import Memory
from clickstream_operator.resources.kinesis_history import StreamHistory
from clickstream_operator.status.compose import inventory


def blueprint_of(
    subject: Subject,
    effective: Effective,
    calls: Calls,
    history: StreamHistory,
    around: Surroundings,
) -> Blueprint:
    """What decides the pipeline's resources: its spec and what is on record of it."""
    known = inventory(subject.status)
    return Blueprint(
        spec=subject.spec,
        base=effective.base,
        physical=effective.names,
        place=Place(effective.partition, effective.region, effective.account),
        tags=ownership.pipeline_tags(
            cluster=effective.cluster,
            namespace=subject.key.namespace,
            pipeline=subject.key.name,
            uid=subject.metadata["uid"],
            environment=subject.spec.environment,
            user_tags=subject.spec.tags,
        ),
        packages=around.packages,
        calls=calls,
        account_regional_bucket=names.is_account_regional(
            effective.names[components.ARCHIVE], subject.spec
        ),
        permissions_boundary=around.permissions_boundary,
        known=frozenset(known),
        subscribed=frozenset(entry.name for entry in known.values() if entry.applied_hash),
        subscriptions={
            entry.name: entry.arn
            for entry in known.values()
            if components.subscription_digest(entry.name)
        },
        adopted=frozenset(entry.name for entry in known.values() if entry.origin is Origin.ADOPTED),
        history=history,
        created_at=subject.created_at,
        obsolete_tags=frozenset(effective.tag_keys) - subject.spec.tags.keys(),
        queue_url=str(subject.status.outputs.get("dlqUrl", "")),
    )


def policy_of(subject: Subject, around: Surroundings) -> Policy:
    """What the pass may do, as spec, approval and settings say."""
    spec = subject.spec
    approval = None
    if spec.approval == "Manual":
        approval = approval_of(
            subject.status.plan,
            uid=subject.metadata["uid"],
            generation=subject.generation,
            annotation=subject.annotations.get(APPROVED_PLAN, ""),
        )
    return Policy(
        drift=DriftPolicy(spec.drift_policy),
        adoption=AdoptionPolicy(spec.adoption_policy),
        adopt_without_owner=around.adopt_without_owner,
        read_only=spec.suspend,
        approval=approval,
    )


def doubt_of(memory: Memory, known: Mapping[str, Entry], *, clock: float, now: datetime) -> Doubt:
    """What a removal can't take AWS's first NotFound for.

    `clock`: monotonic seconds, as in the memory.
    """
    recent = {name for name, at in memory.tried.items() if clock - at < PROPAGATION_SECONDS}
    unsure = {name for name, one in known.items() if in_doubt(one, now=now)}
    if memory.saw_all:
        unsure &= memory.tried.keys()
    return Doubt(recent | unsure, clock, memory.missing_since)


def is_requested(subject: Subject) -> bool:
    """Whether a person asked for this pass with the annotation, and has no answer yet."""
    asked = subject.annotations.get(RECONCILE_REQUESTED_AT, "")
    return bool(asked) and asked != subject.status.last_handled_reconcile_at
