"""Refusal of a resource with another owner: its message names the remedy."""

from __future__ import annotations

import pytest

from clickstream_operator.aws import tags as ownership
from clickstream_operator.engine.ownership import refusal
from clickstream_operator.engine.plan import AdoptionPolicy, Policy
from tests.unit.engine.fake_resource import OTHER_TAGS, OWN_TAGS, FakeResource

OTHER = "belongs to pipeline shop/other of cluster cluster-1"
RETAINED = "is what an earlier pipeline of this name retained, and spec.adoptionPolicy is Never"
ALWAYS = "set spec.adoptionPolicy to Always"
SETTING = "let the operator adopt what has no owner (CLICKSTREAM_ADOPT_WITHOUT_OWNER=true)"


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
            Policy(adopt_without_owner=True),
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
