"""Refusal of a resource with another owner: its message names the remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.inventory import Origin
from clickstream_operator.engine.ownership import Ownership, ownership_of, refusal
from clickstream_operator.engine.plan import AdoptionPolicy, Policy
from tests.unit.engine.fake_resource import OTHER_TAGS, OWN_TAGS, FakeResource, Untagged

OTHER = "belongs to pipeline shop/other of cluster cluster-1"
RETAINED = "is what an earlier pipeline of this name retained, and spec.adoptionPolicy is Never"
ALWAYS = "set spec.adoptionPolicy to Always"
SETTING = (
    "list the name in tenants[].adopt for this namespace (the operator's administrator sets it)"
)


@pytest.mark.parametrize(
    ("tags", "policy", "message"),
    [
        (
            OTHER_TAGS,
            Policy(),
            f"{OTHER}; delete that pipeline and what it retained, or choose another name",
        ),
        (
            {**OWN_TAGS, ownership.UID: "uid-0"},
            Policy(adoption=AdoptionPolicy.NEVER),
            f"{RETAINED}; set it to Retained, or remove the resource",
        ),
        (
            {},
            Policy(),
            f"exists and is not this pipeline's; remove it, or {ALWAYS} and {SETTING}",
        ),
        (
            {},
            Policy(adoptable=("*",)),
            f"exists and is not this pipeline's; remove it, or {ALWAYS}",
        ),
        (
            {"team": "web"},
            Policy(adoption=AdoptionPolicy.ALWAYS),
            f"exists and is not this pipeline's; remove it, or {SETTING}",
        ),
    ],
)
def test_a_refusal_names_owner_and_remedy(
    tags: dict[str, str], policy: Policy, message: str
) -> None:
    """Only the steps that are missing, as spec and settings are."""
    fake = FakeResource("a").exists(tags=tags)
    assert fake.there is not None
    assert refusal(fake, fake.there, policy) == f"Fake base-a {message}"


class OfItsName(FakeResource):
    """One that can carry tags, which do not say whose it is."""

    owned_by_tags = False


ALWAYS_ADOPT = Policy(adoption=AdoptionPolicy.ALWAYS, adoptable=("*",))
NEVER = Policy(adoption=AdoptionPolicy.NEVER)
ADOPTED_TAGS = {**OWN_TAGS, ownership.ORIGIN: ownership.ADOPTED}
RETAINED_TAGS = {**OWN_TAGS, ownership.UID: "uid-0"}
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = SINCE - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("kind", "tags", "entry", "policy", "expected"),
    [
        (FakeResource, OWN_TAGS, None, Policy(), Ownership.OURS),
        (FakeResource, OWN_TAGS, None, NEVER, Ownership.OURS),
        (FakeResource, RETAINED_TAGS, None, Policy(), Ownership.OURS),
        (FakeResource, RETAINED_TAGS, None, NEVER, Ownership.FOREIGN),
        (FakeResource, ADOPTED_TAGS, None, Policy(), Ownership.ADOPTED),
        (FakeResource, OTHER_TAGS, None, ALWAYS_ADOPT, Ownership.FOREIGN),
        (FakeResource, {ownership.CLUSTER: "c"}, None, ALWAYS_ADOPT, Ownership.FOREIGN),
        (FakeResource, {}, None, ALWAYS_ADOPT, Ownership.ADOPTABLE),
        (FakeResource, None, None, ALWAYS_ADOPT, Ownership.ADOPTABLE),
        (
            FakeResource,
            {},
            None,
            Policy(adoption=AdoptionPolicy.ALWAYS),
            Ownership.FOREIGN,
        ),
        (FakeResource, {}, None, Policy(adoptable=("*",)), Ownership.FOREIGN),
        (FakeResource, OTHER_TAGS, {"arn": ""}, Policy(), Ownership.FOREIGN),
        (FakeResource, OTHER_TAGS, {"arn": "arn:another"}, Policy(), Ownership.FOREIGN),
        (FakeResource, OTHER_TAGS, {}, ALWAYS_ADOPT, Ownership.FOREIGN),
        (FakeResource, OTHER_TAGS, {"origin": Origin.ADOPTED}, Policy(), Ownership.FOREIGN),
        (FakeResource, None, {}, Policy(), Ownership.OURS),
        (FakeResource, {ownership.CLUSTER: "cluster-1"}, {}, Policy(), Ownership.OURS),
        (FakeResource, {}, {"origin": Origin.ADOPTED}, Policy(), Ownership.ADOPTED),
        (Untagged, {}, None, Policy(), Ownership.OURS),
        (OfItsName, OTHER_TAGS, None, Policy(), Ownership.OURS),
    ],
)
def test_owner_by_record_tags_and_policy(
    kind: type[FakeResource],
    tags: dict[str, str] | None,
    entry: dict[str, Any] | None,
    policy: Policy,
    expected: Ownership,
) -> None:
    """The owner's tags first, then the recorded ARN, then the policy for what has no owner."""
    fake = kind("a").exists()
    assert fake.there is not None
    line = None if entry is None else fake.entry(**entry)
    found = ownership_of(fake, fake.there, line, tags, policy=policy, intended_since=SINCE)
    assert found is expected


@pytest.mark.parametrize(
    ("created_at", "intended", "since", "tags", "expected"),
    [
        (SINCE, True, SINCE, {"team": "web"}, Ownership.OURS),
        (EARLIER, True, SINCE, {}, Ownership.FOREIGN),
        (None, True, SINCE, {}, Ownership.FOREIGN),
        (SINCE, False, SINCE, {}, Ownership.FOREIGN),
        (SINCE, True, None, {}, Ownership.FOREIGN),
        (SINCE, True, SINCE, OTHER_TAGS, Ownership.FOREIGN),
        (SINCE, True, SINCE, {ownership.PIPELINE: "web"}, Ownership.FOREIGN),
    ],
    ids=["ours", "older", "no-age", "not-intended", "chosen-name", "other", "half-tagged"],
)
def test_owner_of_what_lost_its_tags_is_told_by_time(
    created_at: datetime | None,
    since: datetime | None,
    tags: dict[str, str],
    expected: Ownership,
    *,
    intended: bool,
) -> None:
    """Created after its derived name was on record, and claimed by nobody: nobody else made it."""
    fake = FakeResource("a").exists(created_at=created_at)
    assert fake.there is not None
    line = fake.entry(applied=False) if intended else None
    found = ownership_of(fake, fake.there, line, tags, policy=Policy(), intended_since=since)
    assert found is expected
