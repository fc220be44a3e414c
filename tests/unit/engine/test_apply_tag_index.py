"""Tags read from the tagging API's index, and by the kind's own call where that differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.apply import Applier
from clickstream_operator.engine.inputs import ReconcileInput
from clickstream_operator.engine.inventory import Drift, State
from clickstream_operator.engine.plan import DriftPolicy, Policy
from tests.unit.engine.fake_resource import (
    OWN_TAGS,
    FakeResource,
    Unindexed,
    aws_error,
)
from tests.unit.engine.one_reconcile import state_of


async def observe_tags(
    *resources: FakeResource, index: Mapping[str, Mapping[str, str]], **start: Any
) -> tuple[Applier, list[set[str]]]:
    """Reconcile once with an index of tags; return the ARNs that it was asked for."""
    asked: list[set[str]] = []

    async def tag_index(arns: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        asked.append(set(arns))
        return {arn: index[arn] for arn in arns if arn in index}

    for one in resources:
        one.tags_in_observation = False
    inventory = {one.name: one.entry() for one in resources}
    start.setdefault("inventory", inventory)
    applier = Applier(resources, ReconcileInput(**start), tag_index=tag_index)
    await applier.apply()
    return applier, asked


async def test_tags_that_the_index_has_right_are_not_read() -> None:
    """One call for all, in a full observation only."""
    right, other = FakeResource("right").exists(), FakeResource("other").exists()
    index = {one.arn: OWN_TAGS for one in (right, other)}
    applier, asked = await observe_tags(right, other, index=index, full=True)
    assert asked == [{right.arn, other.arn}]
    assert right.calls == other.calls == ["observe-full"]
    assert applier.untagged_in_index == frozenset()
    _, asked = await observe_tags(right, other, index=index)
    assert asked == []


@pytest.mark.parametrize("own", [OWN_TAGS, {}])
async def test_the_own_call_decides_over_the_index(own: dict[str, str]) -> None:
    """What the index shows to differ is read, and corrected when it does."""
    fake = FakeResource("a").exists(tags=own)
    applier, _ = await observe_tags(fake, index={fake.arn: {}}, full=True)
    assert "read_tags" in fake.calls
    assert fake.writes == ([] if own else ["set_tags"])
    assert applier.outcomes["a"].corrected_drift is not bool(own)


async def test_what_the_index_does_not_have_is_read_in_the_next_resync() -> None:
    """Neither believed nor read in the same reconcile, which is the costly one."""
    absent, never = FakeResource("absent").exists(tags={}), Unindexed("never").exists(tags={})
    applier, asked = await observe_tags(absent, never, index={}, full=True)
    assert asked == [{absent.arn}]
    assert applier.untagged_in_index == {"absent", "never"}
    assert absent.writes == never.writes == []
    await observe_tags(absent, never, index={}, untagged_in_index=applier.untagged_in_index)
    assert absent.writes == never.writes == ["set_tags"]


async def test_drifted_resource_is_observed_in_full_until_corrected() -> None:
    """A fast observation without the field must not count as a correction."""
    fake = FakeResource("a").exists(tags={})
    drift = (Drift("tags", "", ""),)
    policy = Policy(drift=DriftPolicy.REPORT)
    applier, asked = await observe_tags(
        fake, index={}, policy=policy, inventory={"a": fake.entry(drift=drift)}
    )
    assert (fake.calls, asked) == (["observe-full", "read_tags"], [])
    assert state_of(applier.outcomes["a"]) == (State.DRIFTED, "DriftDetected")


async def test_tags_that_cannot_be_read_are_a_failed_observation() -> None:
    """Without its tags nothing is known of the resource."""
    fake = FakeResource("a").exists()
    fake.fail["read_tags"] = aws_error(Category.THROTTLED)
    applier, _ = await observe_tags(fake, index={fake.arn: {}}, full=True)
    assert applier.outcomes["a"].observation_failed


async def test_incomplete_full_observation_stays_unobserved() -> None:
    """A fast observation would seem complete, so the next one is full again."""
    full_only, tags, fine = (FakeResource(name).exists() for name in ("full-only", "tags", "fine"))
    full_only.fail["observe-full"] = aws_error(Category.ACCESS_DENIED)
    tags.fail["read_tags"] = aws_error(Category.THROTTLED)
    index: dict[str, Any] = {one.arn: {} for one in (full_only, tags)} | {fine.arn: OWN_TAGS}
    first, _ = await observe_tags(full_only, tags, fine, index=index, full=True)
    assert first.unobserved == {"full-only", "tags"}
    fine.log.clear()
    second, _ = await observe_tags(full_only, tags, fine, index=index, unobserved=first.unobserved)
    assert second.unobserved == {"full-only", "tags"}
    assert fine.calls == ["observe"]
    full_only.fail = tags.fail = {}
    full_only.log.clear()
    tags.log.clear()
    third, _ = await observe_tags(full_only, tags, fine, index=index, unobserved=second.unobserved)
    assert third.unobserved == frozenset()
    assert full_only.calls == tags.calls == ["observe-full", "read_tags"]
