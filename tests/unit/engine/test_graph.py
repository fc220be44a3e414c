"""The walk: dependencies first, siblings together, or the other way round."""

from __future__ import annotations

import asyncio
from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.engine.graph import walk
from tests.unit.engine.fake_resource import FakeResource


async def order_of(*resources: FakeResource, reverse: bool = False) -> list[str]:
    """Names in the order of their visits."""
    seen: list[str] = []

    async def visit(resource: FakeResource) -> None:
        seen.append(resource.name)

    await walk(resources, visit, reverse=reverse)
    return seen


async def test_dependencies_first() -> None:
    """What is needed is visited before what needs it, however the list is ordered."""
    parts = FakeResource("c", "b"), FakeResource("b", "a"), FakeResource("a")
    assert await order_of(*parts) == ["a", "b", "c"]


async def test_reverse_visits_dependents_first() -> None:
    """Removal goes the other way."""
    parts = FakeResource("a"), FakeResource("b", "a"), FakeResource("c", "b")
    assert await order_of(*parts, reverse=True) == ["c", "b", "a"]


async def test_unknown_dependency_holds_nothing_up() -> None:
    """A dependency that is not among the resources is somebody else's business."""
    assert await order_of(FakeResource("a", "elsewhere")) == ["a"]


async def test_nothing_to_visit() -> None:
    """An empty walk ends."""
    assert await order_of() == []


async def test_siblings_run_together() -> None:
    """Two that do not need each other are visited at the same time."""
    both_in = asyncio.Barrier(2)
    visited = set()

    async def visit(resource: FakeResource) -> None:
        await both_in.wait()
        visited.add(resource.name)

    await asyncio.wait_for(walk([FakeResource("a"), FakeResource("b")], visit), timeout=5)
    assert visited == {"a", "b"}


async def test_dependent_starts_before_slow_strangers_end() -> None:
    """A resource waits for its own dependencies only, not for the whole level."""
    c_visited = asyncio.Event()
    ended = []

    async def visit(resource: FakeResource) -> None:
        if resource.name == "slow":
            await c_visited.wait()
        if resource.name == "c":
            c_visited.set()
        ended.append(resource.name)

    parts = [FakeResource("slow"), FakeResource("a"), FakeResource("c", "a")]
    await asyncio.wait_for(walk(parts, visit), timeout=5)
    assert ended == ["a", "c", "slow"]


async def test_cycle_is_an_error() -> None:
    """Resources that need each other can't be ordered."""
    with pytest.raises(CycleError):
        await order_of(FakeResource("a", "b"), FakeResource("b", "a"))


@given(
    st.lists(st.sets(st.integers(0, 9), max_size=4), min_size=1, max_size=10),
    st.booleans(),
)
def test_every_edge_is_kept(needs: list[set[int]], reverse: bool) -> None:  # noqa: FBT001
    """In any acyclic graph everything is visited once, and every edge holds in both directions."""
    parts = [
        FakeResource(str(index), *(str(other) for other in others if other < index))
        for index, others in enumerate(needs)
    ]
    seen = asyncio.run(order_of(*parts, reverse=reverse))
    assert sorted(seen) == sorted(part.name for part in parts)
    place = {name: index for index, name in enumerate(seen)}
    for part in parts:
        for other in part.depends_on:
            assert (place[other] < place[part.name]) is not reverse


async def test_a_failed_walk_ends_after_what_it_had_begun() -> None:
    """The next reconcile must not observe before the requests of this one have landed."""
    landed: list[str] = []

    async def visit(resource: FakeResource) -> None:
        if resource.name == "broken":
            raise RuntimeError("the object is another one")
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            landed.append(resource.name)

    with pytest.raises(RuntimeError):
        await walk([FakeResource("slow"), FakeResource("broken")], visit)
    assert landed == ["slow"]
