"""Decisions about one resource: whose it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Entry
from clickstream_operator.engine.ownership import Ownership, ownership_of
from clickstream_operator.engine.plan import (
    AdoptionPolicy,
    Policy,
)
from clickstream_operator.engine.resource import (
    Observed,
)
from tests.unit.engine.fake_resource import OTHER_TAGS, OWN_TAGS, FakeResource, Untagged

INTENT = datetime(2026, 11, 1, tzinfo=UTC)
BEFORE, AFTER = INTENT - timedelta(seconds=1), INTENT + timedelta(seconds=1)
ALWAYS = Policy(adoption=AdoptionPolicy.ALWAYS, adoptable=("*",))
NEVER = Policy(adoption=AdoptionPolicy.NEVER)
EARLIER_LIFE = {**OWN_TAGS, ownership.UID: "uid-0"}


def owner(
    tags: dict[str, str] | None,
    *,
    entry: Entry | None = None,
    created_at: datetime | None = None,
    intended_since: datetime | None = None,
    policy: Policy | None = None,
    resource: FakeResource | None = None,
) -> Ownership:
    """Whose a thing with these tags is; by default only intended, under the default policy."""
    fake = resource or FakeResource("a")
    observed = Observed(arn=fake.arn, properties={}, created_at=created_at)
    return ownership_of(
        fake,
        observed,
        entry or fake.entry(applied=False),
        tags,
        policy=policy or Policy(),
        intended_since=intended_since,
    )


def test_recorded_arn_is_ours() -> None:
    """Without tags the inventory decides; tags that name somebody else beat it."""
    fake = FakeResource("a")
    assert owner(None, entry=fake.entry(), policy=NEVER) is Ownership.OURS
    assert owner({}, entry=fake.entry(), policy=NEVER) is Ownership.OURS
    assert owner(dict(OTHER_TAGS), entry=fake.entry(), policy=NEVER) is Ownership.FOREIGN


def test_another_arn_than_recorded_proves_nothing() -> None:
    """A recorded ARN of another thing does not make this one ours."""
    other = FakeResource("a").entry(arn="arn:fake:another")
    assert owner({}, entry=other) is Ownership.FOREIGN


def test_kind_without_tags_is_owned_through_its_parent() -> None:
    """What carries no tags was found below something that is ours."""
    assert owner(None, resource=Untagged("a"), policy=NEVER) is Ownership.OURS


def test_our_tags_are_ours() -> None:
    """Cluster, namespace and pipeline decide; the uid does not (a restored object has another)."""
    assert owner(EARLIER_LIFE) is Ownership.OURS


@pytest.mark.parametrize("key", [ownership.CLUSTER, ownership.NAMESPACE, ownership.PIPELINE])
@pytest.mark.parametrize("policy", [Policy(), ALWAYS, NEVER])
def test_tags_of_another_pipeline_are_foreign(key: str, policy: Policy) -> None:
    """One different owner tag makes it somebody else's under every policy, intent or not."""
    tags = {**OWN_TAGS, key: "other"}
    found = owner(tags, policy=policy, created_at=AFTER, intended_since=INTENT)
    assert found is Ownership.FOREIGN


def test_incomplete_owner_tags_are_foreign() -> None:
    """Half an owner is an owner that we are not."""
    assert owner({ownership.CLUSTER: "cluster-1"}, policy=ALWAYS) is Ownership.FOREIGN


def test_never_refuses_an_earlier_life() -> None:
    """Never: what carries our tags and another uid was made by an earlier object of this name."""
    assert owner(EARLIER_LIFE, policy=NEVER) is Ownership.FOREIGN


def test_never_keeps_what_this_object_made() -> None:
    """Never does not forbid what this very object made before it could record the ARN."""
    assert owner(dict(OWN_TAGS), policy=NEVER) is Ownership.OURS


@pytest.mark.parametrize(
    ("created_at", "intended_since", "expected"),
    [
        (AFTER, INTENT, Ownership.OURS),
        (INTENT, INTENT, Ownership.OURS),
        (BEFORE, INTENT, Ownership.FOREIGN),
        (None, INTENT, Ownership.FOREIGN),
        (AFTER, None, Ownership.FOREIGN),
    ],
)
def test_untagged_one_is_ours_when_intended_before(
    created_at: datetime | None, intended_since: datetime | None, expected: Ownership
) -> None:
    """Without owner tags the intent must be older than the thing."""
    found = owner({}, created_at=created_at, intended_since=intended_since)
    assert found is expected


def test_untagged_one_without_entry_is_foreign() -> None:
    """Nothing on record, nothing in its tags: not ours."""
    fake = FakeResource("a")
    observed = Observed(arn=fake.arn, properties={}, created_at=AFTER)
    found = ownership_of(fake, observed, None, {}, policy=Policy(), intended_since=INTENT)
    assert found is Ownership.FOREIGN


@pytest.mark.parametrize(
    ("adoption", "allowed", "expected"),
    [
        (AdoptionPolicy.ALWAYS, True, Ownership.ADOPTABLE),
        (AdoptionPolicy.ALWAYS, False, Ownership.FOREIGN),
        (AdoptionPolicy.RETAINED, True, Ownership.FOREIGN),
        (AdoptionPolicy.NEVER, True, Ownership.FOREIGN),
    ],
)
def test_adoption_needs_spec_and_settings(
    *, adoption: AdoptionPolicy, allowed: bool, expected: Ownership
) -> None:
    """An ownerless thing is taken over only when the spec asks and the settings allow it."""
    policy = Policy(adoption=adoption, adoptable=("*",) if allowed else ())
    assert owner({"team": "web"}, policy=policy) is expected


def test_tags_that_were_not_read_prove_nothing() -> None:
    """None means not read, never ours."""
    assert owner(None) is Ownership.FOREIGN


# -- decide ----------------------------------------------------------------------------------------
