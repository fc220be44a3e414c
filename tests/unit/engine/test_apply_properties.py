"""Properties of any set of resources: idempotence, read-only, ownership."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.engine.plan import DriftPolicy, Policy
from tests.unit.engine.fake_resource import (
    OTHER_TAGS,
    OWN_TAGS,
    CreateFirst,
    FakeResource,
    LateObservation,
    Untagged,
)
from tests.unit.engine.one_reconcile import apply, inventory_of


@st.composite
def pipelines(draw: st.DrawFn) -> list[FakeResource]:
    """Resources with dependencies, in any state that AWS may have them in."""
    parts: list[FakeResource] = []
    for index in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from([FakeResource, CreateFirst, LateObservation, Untagged]))
        needs = draw(st.sets(st.sampled_from([part.name for part in parts]))) if parts else set()
        part = kind(f"r{index}", *needs, want={"x": 1, "y": 1}, wants_output_of=sorted(needs))
        if draw(st.booleans()):
            part.exists(
                tags=draw(st.sampled_from([OWN_TAGS, OTHER_TAGS, {}])),
                x=draw(st.integers(0, 1)),
            )
        parts.append(part)
    return parts


@given(pipelines())
def test_second_reconcile_writes_nothing(parts: list[FakeResource]) -> None:
    """Those after the first have nothing to write and nothing new to say."""

    async def reconcile_thrice() -> None:
        first = inventory_of(await apply(*parts))
        for part in parts:
            part.log.clear()
        second = inventory_of(await apply(*parts, inventory=first, full=True))
        third = inventory_of(await apply(*parts, inventory=second))
        assert [part.writes for part in parts] == [[] for _ in parts]
        assert third == second

    asyncio.run(reconcile_thrice())


@given(pipelines(), st.sampled_from(DriftPolicy))
def test_suspended_reconcile_never_writes(parts: list[FakeResource], drift: DriftPolicy) -> None:
    """Read only means read only, whatever AWS has."""
    asyncio.run(apply(*parts, policy=Policy(drift=drift, read_only=True)))
    assert [part.writes for part in parts] == [[] for _ in parts]


@given(pipelines())
def test_foreign_things_stay_as_they_are(parts: list[FakeResource]) -> None:
    """A resource with another pipeline's tags is the same after any reconcile."""
    foreign = {
        p.name: p.there for p in parts if p.taggable and p.there and p.there.tags != OWN_TAGS
    }
    asyncio.run(apply(*parts))
    assert {part.name: part.there for part in parts if part.name in foreign} == foreign
