"""The work queue: client-go's semantics, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickstream_operator.kube.objects import ObjectKey
from clickstream_operator.runtime.workqueue import EDIT_SECONDS, WorkQueue
from tests.clock import Clock

A, B, C = (ObjectKey("shop", name) for name in "abc")


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue:
    """An empty queue on that clock."""
    return WorkQueue(clock=clock)


async def drain(queue: WorkQueue) -> list[ObjectKey]:
    """All keys that are due now, each worked on and done."""
    found = []
    while (key := await next_now(queue)) is not None:
        found.append(key)
        queue.done(key)
    return found


async def next_now(queue: WorkQueue) -> ObjectKey | None:
    """The next key if one is due now, else None."""
    getting = asyncio.ensure_future(queue.get())
    for _ in range(5):
        await asyncio.sleep(0)
    if getting.done():
        return getting.result()
    getting.cancel()
    await asyncio.gather(getting, return_exceptions=True)
    return None


async def test_key_is_queued_once(queue: WorkQueue) -> None:
    """However often a key is added, it is handed out once."""
    for _ in range(3):
        queue.add(A)
    assert await drain(queue) == [A]


async def test_keys_come_in_order(queue: WorkQueue) -> None:
    """First in, first out."""
    for key in (B, A, C):
        queue.add(key)
    assert await drain(queue) == [B, A, C]


async def test_never_twice_at_once(queue: WorkQueue) -> None:
    """A key added while it is worked on waits for the end of that work."""
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    assert await next_now(queue) is None
    queue.done(A)
    assert await drain(queue) == [A]


async def test_added_often_during_work_runs_once_more(queue: WorkQueue) -> None:
    """Additions during work collapse into one run."""
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.add(A)
    queue.done(A)
    assert await drain(queue) == [A]


async def test_work_without_addition_is_not_repeated(queue: WorkQueue) -> None:
    """Done means done."""
    queue.add(A)
    await queue.get()
    queue.done(A)
    assert await drain(queue) == []


async def test_urgent_goes_first(queue: WorkQueue) -> None:
    """A user's edit overtakes resyncs."""
    queue.add(A)
    queue.add(B, urgent=True)
    assert await drain(queue) == [B, A]


async def test_waiting_key_becomes_urgent(queue: WorkQueue) -> None:
    """A key that waits as a resync moves up when its user edits it, and is handed out once."""
    queue.add(A)
    queue.add(B)
    queue.add(B, urgent=True)
    assert await drain(queue) == [B, A]


async def test_urgent_key_stays_urgent(queue: WorkQueue) -> None:
    """A later resync does not push an edit back."""
    queue.add(A)
    queue.add(B, urgent=True)
    queue.add(B)
    assert await drain(queue) == [B, A]


async def test_urgency_during_work_is_kept(queue: WorkQueue) -> None:
    """An edit during the work on its own key runs before waiting resyncs."""
    queue.add(A)
    await queue.get()
    queue.add(B)
    queue.add(A, urgent=True)
    queue.add(A)
    queue.done(A)
    assert await drain(queue) == [A, B]


async def test_delayed_key_waits_for_its_time(queue: WorkQueue, clock: Clock) -> None:
    """Nothing comes before it is due."""
    queue.add_after(A, 10)
    clock.now = 9.9
    assert await drain(queue) == []
    clock.now = 10
    assert await drain(queue) == [A]


@pytest.mark.parametrize("delays", [(10, 5), (5, 10), (5, 10, 7)])
async def test_earliest_time_wins(queue: WorkQueue, clock: Clock, delays: tuple[int, ...]) -> None:
    """Of several times the earliest counts, and the others are forgotten."""
    for delay in delays:
        queue.add_after(A, delay)
    clock.now = 5
    assert await drain(queue) == [A]
    clock.now = 100
    assert await drain(queue) == []


async def test_addition_overtakes_a_planned_one(queue: WorkQueue, clock: Clock) -> None:
    """What is added now need not run again at its planned time."""
    queue.add_after(A, 10)
    queue.add(A)
    assert await drain(queue) == [A]
    clock.now = 100
    assert await drain(queue) == []


async def test_later_time_of_a_queued_key_is_dropped(queue: WorkQueue, clock: Clock) -> None:
    """A key that is queued already runs before any later time."""
    queue.add(A)
    queue.add_after(A, 10)
    assert await drain(queue) == [A]
    clock.now = 100
    assert await drain(queue) == []


async def test_due_during_work_waits_for_its_end(queue: WorkQueue, clock: Clock) -> None:
    """A time that comes during the work on its key does not start it twice."""
    queue.add(A)
    await queue.get()
    queue.add_after(A, 1)
    clock.now = 2
    assert await next_now(queue) is None
    queue.done(A)
    assert await drain(queue) == [A]


async def test_forgotten_key_does_not_come_back(queue: WorkQueue, clock: Clock) -> None:
    """What was planned for a deleted pipeline is dropped."""
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.add_after(B, 1)
    queue.delete(A)
    queue.delete(B)
    queue.done(A)
    clock.now = 5
    assert await drain(queue) == []


async def test_waiting_getter_wakes_for_an_addition(queue: WorkQueue) -> None:
    """A worker that waits gets what is added later."""
    getting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.add(A)
    assert await getting == A


async def test_every_waiting_worker_gets_work(queue: WorkQueue) -> None:
    """Two keys added at once reach two waiting workers."""
    workers = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add(A)
    queue.add(B)
    assert set(await asyncio.gather(*workers)) == {A, B}


async def test_close_ends_every_wait(queue: WorkQueue) -> None:
    """Workers that wait end, and nothing more is handed out."""
    workers = [asyncio.ensure_future(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.close()
    assert await asyncio.gather(*workers) == [None, None]
    queue.add(A)
    assert await queue.get() is None


async def test_busy_counts_what_is_worked_on(queue: WorkQueue) -> None:
    """`busy` rises with get and falls with done."""
    queue.add(A)
    assert queue.busy == 0
    await queue.get()
    assert queue.busy == 1
    queue.done(A)
    assert queue.busy == 0


async def test_depth_is_told(clock: Clock) -> None:
    """Every change of the depth is told, and whether it was an addition."""
    told: list[tuple[int, bool]] = []
    queue = WorkQueue(clock=clock, on_change=lambda depth, added: told.append((depth, added)))
    queue.add(A)
    queue.add(A)
    queue.add(B)
    await queue.get()
    assert told == [(1, True), (2, True), (1, False)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([A, B, C]), st.booleans()),
        st.tuples(st.just("after"), st.sampled_from([A, B, C]), st.integers(0, 20)),
        st.tuples(st.just("get"), st.none(), st.none()),
        st.tuples(st.just("done"), st.sampled_from([A, B, C]), st.none()),
        st.tuples(st.just("time"), st.none(), st.integers(0, 10)),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_work_is_lost_or_doubled(steps: list[tuple[str, ObjectKey | None, int | None]]) -> None:
    """In any order of calls: never two runs of a key at once, and every addition runs later."""
    run_later, owed = asyncio.run(run_steps(steps))
    assert run_later == owed


async def run_steps(
    steps: list[tuple[str, ObjectKey | None, int | None]],
) -> tuple[set[ObjectKey], set[ObjectKey]]:
    """Play steps; the keys that the queue gives out at last, and those that it still owes."""
    clock = Clock()
    queue = WorkQueue(clock=clock)
    owed: dict[ObjectKey, float] = {}
    running: set[ObjectKey] = set()
    actions: dict[str, Callable[[ObjectKey, int], None]] = {
        "add": lambda key, urgent: queue.add(key, urgent=bool(urgent)),
        "after": queue.add_after,
    }
    for step, key, number in steps:
        if step in actions:
            assert key is not None
            assert number is not None
            actions[step](key, number)
            due = clock.now if step == "add" else clock.now + number
            owed[key] = min(owed.get(key, due), due)
        elif step == "get":
            taken = await next_now(queue)
            if taken is not None:
                assert taken not in running
                assert owed.pop(taken) <= clock.now
                running.add(taken)
        elif step == "done" and key in running:
            running.discard(key)
            queue.done(key)
        elif step == "time":
            clock.now += number or 0
    for key in list(running):
        queue.done(key)
    clock.now += 1000
    return set(await drain(queue)), set(owed)


EVIL = [ObjectKey("evil", f"p{number}") for number in range(40)]
QUIET = [ObjectKey(f"team-{number}", "web") for number in range(3)]


async def test_no_namespace_has_two_turns_while_another_waits(queue: WorkQueue) -> None:
    """Forty edits of one tenant, then polls of others: every second turn is theirs."""
    for key in EVIL:
        queue.add(key, urgent=True)
    for key in QUIET:
        queue.add(key)
    order = await drain(queue)
    assert [order.index(key) for key in QUIET] == [1, 3, 5]
    assert sorted(order) == sorted([*EVIL, *QUIET])


async def test_one_turn_of_eight_is_a_resyncs(queue: WorkQueue) -> None:
    """However many tenants edit at once."""
    edits = [ObjectKey(f"evil-{number}", "p") for number in range(40)]
    for key in edits:
        queue.add(key, urgent=True)
    for key in QUIET:
        queue.add(key)
    order = await drain(queue)
    assert [order.index(key) + 1 for key in QUIET] == [8, 16, 24]


async def test_edits_of_one_object_are_a_second_apart(queue: WorkQueue, clock: Clock) -> None:
    """The first is reconciled at once; those that follow together, when the second is over."""
    queue.add(A, urgent=True)
    assert await drain(queue) == [A]
    for _ in range(20):
        queue.add(A, urgent=True)
    queue.add(B)
    assert await drain(queue) == [B]
    clock.now += EDIT_SECONDS
    queue.add(C)
    assert await drain(queue) == [A, C]
    clock.now += 10 * EDIT_SECONDS
    assert await drain(queue) == []


async def test_a_flood_of_edits_leaves_the_others_on_time(queue: WorkQueue, clock: Clock) -> None:
    """Forty objects edited twenty times a second, eight workers of half a second each.

    Others' polls every two seconds, and a deletion, wait for less than a second.
    """
    waits: list[float] = []
    asked: dict[ObjectKey, float] = {}
    working: list[tuple[float, ObjectKey]] = []
    for tick in range(400):
        clock.now = tick * 0.05
        for key in EVIL if tick % 2 == 0 else []:
            queue.add(key, urgent=True)
        if tick % 40 == 0:
            for key in QUIET:
                asked.setdefault(key, clock.now)
                queue.add(key, urgent=key is QUIET[0])
        for end, key in [one for one in working if one[0] <= clock.now]:
            working.remove((end, key))
            queue.done(key)
        while len(working) < 8 and (taken := await next_now(queue)) is not None:
            working.append((clock.now + 0.5, taken))
            if taken in asked:
                waits.append(clock.now - asked.pop(taken))
    assert len(waits) >= 30
    assert max(waits) < 1.0
