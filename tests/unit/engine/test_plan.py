"""Decisions about one resource: whose it is, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.api.reasons import Reason
from clickstream_operator.engine import plan
from clickstream_operator.engine.desired import Desired
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.plan import (
    Action,
    AdoptionPolicy,
    Approval,
    Change,
    DriftPolicy,
    PlannedChange,
    Policy,
)
from clickstream_operator.engine.resource import (
    READY,
    DeletionPolicy,
    Diff,
    deleting,
    failed,
    progressing,
)
from tests.unit.engine.fake_resource import OTHER_TAGS, OWN_TAGS, FakeResource


def decide(
    resource: FakeResource,
    *,
    applied: bool = True,
    policy: Policy | None = None,
    corrections: int = 0,
) -> Change:
    """The decision; `applied`: the desired state was applied before, so a difference is drift."""
    entry = resource.entry() if applied else resource.entry(applied_hash="0" * 16)
    return plan.decide(
        resource,
        Desired.of(resource, resource.want),
        resource.there,
        entry,
        policy or Policy(),
        corrections=corrections,
    )


def drifting(**properties: Any) -> FakeResource:
    """A resource whose AWS side differs."""
    return FakeResource("a").exists(**(properties or {"size": 2}))


def test_nothing_to_do() -> None:
    """Equal states need no change."""
    assert decide(FakeResource("a").exists()) == Change(Action.NONE)


def test_missing_one_is_created() -> None:
    """What was never there is created, and is no drift."""
    change = decide(FakeResource("a"), applied=False)
    assert (change.action, change.is_drift) == (Action.CREATE, False)


def test_missing_one_without_entry_is_created() -> None:
    """An empty inventory means a first creation."""
    fake = FakeResource("a")
    assert (
        plan.decide(fake, Desired.of(fake, fake.want), None, None, Policy()).action is Action.CREATE
    )


@pytest.mark.parametrize(
    ("drift", "action", "reason"),
    [
        (DriftPolicy.CORRECT, Action.CREATE, None),
        (DriftPolicy.REPORT, Action.HOLD, Reason.RESOURCE_MISSING),
        (DriftPolicy.IGNORE, Action.HOLD, Reason.RESOURCE_MISSING),
    ],
)
def test_vanished_one_follows_the_drift_policy(
    drift: DriftPolicy, action: Action, reason: Reason | None
) -> None:
    """What was applied and is gone is drift: made again only under Correct."""
    change = decide(FakeResource("a"), policy=Policy(drift=drift))
    assert (change.action, change.reason, change.is_drift) == (action, reason, True)


@pytest.mark.parametrize("drift", DriftPolicy)
def test_change_of_spec_is_applied_under_every_drift_policy(drift: DriftPolicy) -> None:
    """A new desired state is a change, not drift."""
    change = decide(drifting(), applied=False, policy=Policy(drift=drift))
    assert (change.action, change.is_drift) == (Action.UPDATE, False)
    assert change.diff.fields == {"size": (2, 1)}


@pytest.mark.parametrize(
    ("drift", "action"),
    [
        (DriftPolicy.CORRECT, Action.UPDATE),
        (DriftPolicy.REPORT, Action.NONE),
        (DriftPolicy.IGNORE, Action.NONE),
    ],
)
def test_drift_policy_table(drift: DriftPolicy, action: Action) -> None:
    """The same desired state and another AWS: repaired under Correct, else left."""
    change = decide(drifting(), policy=Policy(drift=drift))
    assert (change.action, change.is_drift, change.diff.paths) == (action, True, ("size",))


@pytest.mark.parametrize("drift", [DriftPolicy.REPORT, DriftPolicy.IGNORE])
def test_drift_of_a_fixed_field_is_only_drift(drift: DriftPolicy) -> None:
    """Report and Ignore block nothing, also where AWS can't change the field in place."""
    fake = FakeResource("a", want={"keySchema": "y"}).exists(keySchema="x")
    change = decide(fake, policy=Policy(drift=drift))
    assert (change.action, change.is_drift) == (Action.NONE, True)


@pytest.mark.parametrize("applied", [True, False])
def test_replacement_is_never_done(*, applied: bool) -> None:
    """A field that AWS can't change in place holds the resource and is named."""
    fake = FakeResource("a", want={"keySchema": "y"}).exists(keySchema="x")
    change = decide(fake, applied=applied)
    assert (change.action, change.reason) == (Action.HOLD, Reason.REPLACEMENT_NEEDED)
    assert "keySchema of base-a" in change.message


@pytest.mark.parametrize("policy", [Policy(), Policy(read_only=True)])
def test_one_that_is_being_deleted_is_waited_for(policy: Policy) -> None:
    """A name is free again only when AWS has let go of it."""
    fake = FakeResource("a").exists(readiness=deleting("going"), size=2)
    change = decide(fake, policy=policy)
    assert (change.action, change.reason) == (Action.HOLD, Reason.WAITING_FOR_AWS)


@pytest.mark.parametrize("applied", [True, False])
def test_suspended_creates_nothing(*, applied: bool) -> None:
    """A suspended pipeline says what it would create."""
    change = decide(FakeResource("a"), applied=applied, policy=Policy(read_only=True))
    assert (change.action, change.reason) == (Action.HOLD, Reason.SUSPENDED)


def test_suspended_changes_nothing() -> None:
    """A change waits for the end of the suspension and names its fields."""
    change = decide(drifting(), applied=False, policy=Policy(read_only=True))
    assert (change.action, change.reason) == (Action.HOLD, Reason.SUSPENDED)
    assert "size" in change.message


def test_suspended_reports_drift() -> None:
    """Drift of a suspended pipeline is reported and left."""
    change = decide(drifting(), policy=Policy(read_only=True))
    assert (change.action, change.is_drift) == (Action.NONE, True)


@pytest.mark.parametrize(
    ("corrections", "applied", "action"),
    [(2, True, Action.UPDATE), (3, True, Action.HOLD), (3, False, Action.UPDATE)],
)
def test_drift_that_comes_back_is_left_alone(
    *, corrections: int, applied: bool, action: Action
) -> None:
    """After three corrections in a row drift is left; a change of spec never is."""
    change = decide(drifting(), applied=applied, corrections=corrections)
    assert change.action is action
    if action is Action.HOLD:
        assert (change.reason, change.is_drift) == (Reason.DRIFT_LOOP, True)


POLICIES = st.builds(
    Policy,
    drift=st.sampled_from(DriftPolicy),
    adoption=st.sampled_from(AdoptionPolicy),
    adoptable=st.sampled_from([(), ("*",)]),
    read_only=st.booleans(),
)
PROPERTIES = st.dictionaries(st.sampled_from(["size", "keySchema", "mode"]), st.integers(0, 2))
READINESS = st.sampled_from([READY, progressing("Busy", "b"), failed("Bad", "b"), deleting("d")])


@st.composite
def situations(draw: st.DrawFn) -> tuple[FakeResource, Entry | None]:
    """A resource, what AWS has of it, and what is on record."""
    fake = FakeResource("a", want=draw(PROPERTIES))
    if draw(st.booleans()):
        fake.exists(
            readiness=draw(READINESS),
            tags=draw(st.sampled_from([OWN_TAGS, OTHER_TAGS, {}])),
            **dict[str, Any](draw(PROPERTIES)),
        )
    entry = draw(
        st.sampled_from(
            [None, fake.entry(), fake.entry(applied=False), fake.entry(applied_hash="0")]
        )
    )
    return fake, entry


@given(situations(), POLICIES, st.integers(0, 5))
def test_laws_of_decisions(
    situation: tuple[FakeResource, Entry | None], policy: Policy, corrections: int
) -> None:
    """Read only never writes; a hold has reason and remedy; what is as desired needs nothing."""
    fake, entry = situation
    desired = Desired.of(fake, fake.want)
    change = plan.decide(fake, desired, fake.there, entry, policy, corrections=corrections)
    assert change == plan.decide(fake, desired, fake.there, entry, policy, corrections=corrections)
    if policy.read_only:
        assert change.action in {Action.NONE, Action.HOLD}
    if change.action is Action.HOLD:
        assert change.reason is not None
        assert change.message
    if change.action is Action.CREATE:
        assert fake.there is None
    if change.action is Action.UPDATE:
        assert change.diff
        assert not change.diff.replace
    if change.is_drift:
        assert entry is not None
        assert entry.applied_hash


# -- the rest --------------------------------------------------------------------------------------


SIZE = PlannedChange(Action.UPDATE, "a", "size", "2", "1")
CREATE = PlannedChange(Action.CREATE, "a")


@pytest.mark.parametrize(
    ("approved", "size", "applied", "expected"),
    [
        (None, 2, True, Action.UPDATE),
        (None, 2, False, Action.UPDATE),
        (None, None, False, Action.CREATE),
        ([], 1, True, Action.NONE),
        ([], 2, True, Action.HOLD),
        ([], 2, False, Action.HOLD),
        ([], None, False, Action.HOLD),
        ([], None, True, Action.HOLD),
        ([SIZE], 2, True, Action.UPDATE),
        ([replace(SIZE, old="9")], 2, True, Action.UPDATE),
        ([replace(SIZE, new="9")], 2, True, Action.HOLD),
        ([replace(SIZE, field="colour")], 2, True, Action.HOLD),
        ([replace(SIZE, resource="b")], 2, True, Action.HOLD),
        ([replace(SIZE, action=Action.DELETE)], 2, True, Action.HOLD),
        ([CREATE], None, False, Action.CREATE),
        ([CREATE], 2, False, Action.UPDATE),
        ([CREATE], 2, True, Action.HOLD),
        ([SIZE], None, False, Action.HOLD),
        ([replace(CREATE, resource="b")], None, False, Action.HOLD),
        ([replace(CREATE, resource="b")], 2, False, Action.HOLD),
    ],
)
def test_under_approval_only_what_was_approved_is_written(
    approved: list[PlannedChange] | None, size: int | None, expected: Action, *, applied: bool
) -> None:
    """Creations, changes and corrections; what is held back says which lines wait."""
    fake = FakeResource("a")
    entry = fake.entry(applied=applied)
    if size is not None:
        fake.exists(size=size)
        entry = replace(entry, arn=fake.arn)
    approval = None if approved is None else Approval(frozenset(approved))
    desired = Desired.of(fake, fake.want)
    change = plan.decide(fake, desired, fake.there, entry, Policy(approval=approval))
    assert change.action is expected
    if expected is Action.HOLD:
        assert change.reason is Reason.PLAN_PENDING
        assert change.withheld == ((CREATE,) if size is None else (SIZE,))
    else:
        assert change.withheld == ()


@pytest.mark.parametrize(
    ("deletion", "keeps"),
    [
        (DeletionPolicy.RETAIN, True),
        (DeletionPolicy.DELETE, False),
        (DeletionPolicy.EMPTY, False),
    ],
)
def test_only_retain_keeps(*, deletion: DeletionPolicy, keeps: bool) -> None:
    """Retain is the only policy that leaves a resource."""
    assert plan.is_retained(FakeResource("a", deletion=deletion)) is keeps


def test_drift_is_described_in_short() -> None:
    """Long documents show their beginning; paths come sorted."""
    drift = plan.describe_drift(Diff({"b": ("x" * 500, 1), "a": (True, False)}))
    assert [one.field for one in drift] == ["a", "b"]
    assert (drift[0].observed, drift[0].desired) == ("True", "False")
    assert len(drift[1].observed) == 120
    assert drift[1].observed.endswith("...")
