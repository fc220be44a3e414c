"""Inputs of a reconcile: what comes from the record, and what from the spec and the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from clickstream_operator.api.v1alpha1 import APPROVED_PLAN, RECONCILE_REQUESTED_AT
from clickstream_operator.aws import tags as ownership
from clickstream_operator.aws.calls import Calls
from clickstream_operator.engine.inventory import Entry, State
from clickstream_operator.engine.plan import AdoptionPolicy, Approval, DriftPolicy, Policy
from clickstream_operator.kube.objects import ObjectKey, PipelineObject, parse
from clickstream_operator.pipeline.context import BuildContext
from clickstream_operator.reconcile.config import OperatorConfig
from clickstream_operator.reconcile.inputs import (
    build_context,
    is_requested,
    never_tried,
    policy_of,
    unconfirmed_absence_of,
)
from clickstream_operator.reconcile.state import GenerationState, ObjectState, ReconcileState
from clickstream_operator.resources.kinesis_history import StreamHistory
from tests.tenant_grants import granted

RECORDED = {
    "cluster": "cluster-of-old",
    "instance": "i",
    "account": "123456789012",
    "partition": "aws-cn",
    "region": "cn-north-1",
    "base": "web-old",
    "names": {"archive": "old-archive"},
}


def pipeline_object(
    spec: dict[str, Any] | None = None,
    *,
    status: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
) -> PipelineObject:
    """A pipeline whose place and owner are on record."""
    metadata = {
        "uid": "uid-1",
        "generation": 3,
        "creationTimestamp": "2026-11-01T00:00:00Z",
        "annotations": annotations or {},
    }
    stored = {"effective": RECORDED, **(status or {})}
    return parse(
        ObjectKey("shop", "web"), {"metadata": metadata, "spec": spec or {}, "status": stored}
    )


def config(**values: Any) -> OperatorConfig:
    """Settings that differ from the record in everything."""
    settled: dict[str, Any] = {
        "cluster": "cluster-of-today",
        "instance": "other",
        "default_region": "eu-west-1",
        "account_regional_buckets": True,
        "packages": {},
    }
    return OperatorConfig(**(settled | values))


def context_of(obj: PipelineObject, **settings: Any) -> BuildContext:
    """The context of a pipeline on record."""
    assert obj.status.effective is not None
    history = StreamHistory(now=lambda: datetime(2026, 11, 1, tzinfo=UTC))
    return build_context(
        obj, obj.status.effective, cast("Calls", None), history, config(**settings)
    )


def test_owner_and_place_are_those_on_record() -> None:
    """An operator of another cluster or region goes on as the owner that the tags in AWS name."""
    context = context_of(pipeline_object({"environment": "prod", "tags": {"team": "web"}}))
    assert dict(context.tags) == {
        ownership.CLUSTER: "cluster-of-old",
        ownership.NAMESPACE: "shop",
        ownership.PIPELINE: "web",
        ownership.UID: "uid-1",
        "Environment": "prod",
        "ManagedBy": "clickstream-operator",
        "team": "web",
    }
    place = context.place
    assert (place.partition, place.region, place.account) == (
        "aws-cn",
        "cn-north-1",
        RECORDED["account"],
    )
    assert (context.base, context.physical) == ("web-old", RECORDED["names"])
    assert not context.account_regional_bucket
    assert context.created_at == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("boundary", [None, "arn:aws:iam::123456789012:policy/boundary"])
def test_the_boundary_of_the_settings_reaches_the_roles(boundary: str | None) -> None:
    """Every role that is made from this context carries it."""
    assert context_of(pipeline_object(), permissions_boundary=boundary).permissions_boundary == (
        boundary
    )


def test_what_is_on_record_of_the_resources_decides_with_the_spec() -> None:
    """Known, subscribed, adopted, and tags that left the spec."""
    lines = [
        {"name": "stream", "kind": "K", "arn": "arn:s", "appliedHash": "h", "origin": "Adopted"},
        {"name": "alerts", "kind": "T", "arn": "arn:t"},
        {"name": "alerts-email-0123", "kind": "S", "arn": "arn:sub", "appliedHash": "h"},
    ]
    effective = {**RECORDED, "tagKeys": ["team", "cost"]}
    status = {"resources": lines, "effective": effective}
    context = context_of(pipeline_object({"tags": {"team": "web"}}, status=status))
    assert context.known == {"stream", "alerts", "alerts-email-0123"}
    assert context.subscribed == {"stream", "alerts-email-0123"}
    assert context.subscriptions == {"alerts-email-0123": "arn:sub"}
    assert context.adopted == {"stream"}
    assert context.obsolete_tags == {"cost", "Environment", "ManagedBy"}


@pytest.mark.parametrize(
    ("spec", "settings", "expected"),
    [
        ({}, {}, Policy()),
        ({"suspend": True}, {}, Policy(read_only=True)),
        ({"driftPolicy": "Report"}, {}, Policy(drift=DriftPolicy.REPORT)),
        ({"driftPolicy": "Ignore"}, {}, Policy(drift=DriftPolicy.IGNORE)),
        ({"adoptionPolicy": "Never"}, {}, Policy(adoption=AdoptionPolicy.NEVER)),
        ({"adoptionPolicy": "Always"}, {}, Policy(adoption=AdoptionPolicy.ALWAYS)),
        (
            {"adoptionPolicy": "Always"},
            {"tenants": granted(adopt=("data-*",))},
            Policy(adoption=AdoptionPolicy.ALWAYS, adoptable=("data-*",)),
        ),
        ({"approval": "Manual"}, {}, Policy(approval=Approval())),
    ],
)
def test_spec_and_settings_decide_what_a_reconcile_may_do(
    spec: dict[str, Any], settings: dict[str, Any], expected: Policy
) -> None:
    """Each policy has its field, and nothing is approved that nobody approved."""
    obj = pipeline_object(spec, annotations={APPROVED_PLAN: "0" * 32})
    assert policy_of(obj, config(**settings)) == expected


NOW = datetime(2026, 11, 1, 1, tzinfo=UTC)
OLD = (NOW - timedelta(hours=1)).isoformat()
NEW = (NOW - timedelta(seconds=3)).isoformat()
#: One that was created long ago, one just now, one of which only the intent is on record.
KNOWN = {
    "old": Entry("old", "K", "p", arn="arn:old", state=State.READY, since=OLD),
    "new": Entry("new", "K", "p", arn="arn:new", state=State.READY, since=NEW),
    "intent": Entry("intent", "K", "p"),
}


def state_of_process(tried: dict[str, float], *, known_from_start: bool) -> ReconcileState:
    """What a process remembers of the creations that it asked for."""
    memory = ObjectState(tried=tried, known_from_start=known_from_start)
    return ReconcileState("uid-1", GenerationState(1), memory)


@pytest.mark.parametrize(
    ("tried", "known_from_start", "expected"),
    [
        ({}, False, {"new", "intent"}),
        ({}, True, set()),
        ({"new": 0.0}, True, {"new"}),
        ({"old": 91.0}, True, {"old"}),
        ({"old": 91.0}, False, {"old", "new", "intent"}),
        ({"old": 90.0}, False, {"new", "intent"}),
    ],
)
def test_absence_is_unconfirmed_of_what_may_be_too_new_to_be_shown(
    tried: dict[str, float], expected: set[str], *, known_from_start: bool
) -> None:
    """By what this process did in the last seconds, else by the record; `clock` is 100."""
    state = state_of_process(tried, known_from_start=known_from_start)
    state.generation.missing_since["old"] = 95.0
    unconfirmed = unconfirmed_absence_of(state, KNOWN, clock=100.0, now=NOW)
    assert set(unconfirmed.names) == expected
    assert unconfirmed.now == 100.0
    assert unconfirmed.missing_since is state.generation.missing_since


@pytest.mark.parametrize(
    ("tried", "known_from_start", "expected"),
    [
        ({}, True, {"intent"}),
        ({"intent": 1.0}, True, set()),
        ({}, False, set()),
    ],
)
def test_only_who_saw_it_all_knows_what_was_never_tried(
    tried: dict[str, float], expected: set[str], *, known_from_start: bool
) -> None:
    """Another process may have asked AWS for it and ended before the record said so."""
    state = state_of_process(tried, known_from_start=known_from_start)
    assert never_tried(state, KNOWN) == expected


@pytest.mark.parametrize(
    ("asked", "handled", "expected"),
    [("", "", False), ("t1", "", True), ("t1", "t0", True), ("t1", "t1", False), ("", "t1", False)],
)
def test_a_request_is_answered_once(asked: str, handled: str, *, expected: bool) -> None:
    """By the value of the annotation that the status repeats."""
    obj = pipeline_object(
        status={"lastHandledReconcileAt": handled}, annotations={RECONCILE_REQUESTED_AT: asked}
    )
    assert is_requested(obj) is expected
