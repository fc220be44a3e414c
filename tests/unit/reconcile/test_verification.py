"""Times of full comparisons: truth of what is noted, and how rarely they are written."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from clickstream_operator.aws.errors import Category
from clickstream_operator.engine.resource import progressing
from clickstream_operator.reconcile.verification import VerificationRefresh
from clickstream_operator.status.result import ReconcileResult, timestamp
from clickstream_operator.status.verification import LONGEST_AGE, SHORTEST_AGE, refresh_due
from tests.unit.engine.fake_resource import FakeResource, Unindexed, aws_error
from tests.unit.reconcile.world import KEY, NOW, World

HOUR: Final = 3600.0
#: Seconds until the next reconcile of an idle pipeline, with the jitter of these tests.
RESYNC: Final = 300.0


def verified(world: World, name: str = "") -> str:
    """The time in the stored status, of one resource or of the pipeline."""
    status = world.kube.status
    if not name:
        return status.last_verified
    return next(one.last_verified for one in status.resources if one.name == name)


def at(world: World) -> str:
    """The present time of the world as a status shows it."""
    return timestamp(NOW + timedelta(seconds=world.time))


def metric(world: World) -> float | None:
    """The live value, in seconds since 1970."""
    return world.metrics.registry.get_sample_value(
        "clickstream_pipeline_last_verified_timestamp_seconds",
        {"namespace": KEY.namespace, "pipeline": KEY.name},
    )


async def idle(world: World, hours: float) -> None:
    """Reconcile at the planned times."""
    end = world.time + hours * HOUR
    while world.time < end:
        delay = await world.step()
        assert delay is not None
        world.time += delay


def request(world: World, value: str) -> None:
    """Ask for a reconcile by the annotation."""
    assert world.kube.body is not None
    annotations = {"clickstream.dev/reconcile-requested-at": value}
    world.kube.body["metadata"]["annotations"] = annotations


async def test_a_created_resource_counts_as_compared(world: World) -> None:
    """AWS answered with what it made: the first Ready status has the time, and no write follows."""
    world.has(FakeResource("a"), FakeResource("b", "a"))
    await world.step()
    assert verified(world) == verified(world, "a") == verified(world, "b") == at(world)


async def test_an_idle_pipeline_writes_the_time_every_few_hours_only(world: World) -> None:
    """23 hours: between 3 and 5 writes, none of them within four hours of the last."""
    world.has(FakeResource("a"), FakeResource("b"))
    await world.step()
    written = [NOW]
    world.kube.on_status = lambda: written.append(NOW + timedelta(seconds=world.time))
    await idle(world, 23)
    ages = [later - before for before, later in itertools.pairwise(written)]
    assert 3 <= len(ages) <= 5
    assert min(ages) >= SHORTEST_AGE
    # A fast resync compares nothing in full: up to three intervals more.
    assert max(ages) <= LONGEST_AGE + timedelta(seconds=3 * RESYNC)


async def test_the_metric_is_the_time_itself(world: World) -> None:
    """It moves with each full resync, while the status rests."""
    world.has(FakeResource("a"))
    await world.step()
    shown, before = verified(world), metric(world)
    await idle(world, 1)
    assert before is not None
    assert metric(world) is not None
    assert HOUR - 3 * RESYNC <= (metric(world) or 0.0) - before <= HOUR
    assert verified(world) == shown


async def test_a_fast_resync_is_no_full_comparison(world: World) -> None:
    """Neither the metric nor a status written for another reason takes it for one."""
    world.has(FakeResource("a"))
    await world.step()
    created, before = at(world), metric(world)
    world.time += RESYNC + 1
    world.edit()
    await world.step()
    assert metric(world) == before
    assert verified(world) == created


async def test_a_requested_reconcile_shows_the_time(world: World) -> None:
    """Whoever asks gets a comparison of everything, and its time."""
    world.has(FakeResource("a"))
    await world.step()
    world.time += 60
    request(world, "now")
    await world.step()
    assert verified(world) == verified(world, "a") == at(world)


async def test_what_cannot_be_observed_holds_the_time_back(world: World) -> None:
    """Its own time and the oldest stay; the others' go on, and no write is made for it."""
    a, b = FakeResource("a"), FakeResource("b")
    world.has(a, b)
    await world.step()
    created = at(world)
    b.fail["observe"] = aws_error(Category.ACCESS_DENIED)
    await idle(world, 1)
    request(world, "now")
    await world.step()
    assert verified(world, "a") == at(world)
    assert verified(world) == verified(world, "b") == created
    writes = len(world.kube.statuses)
    await idle(world, 12)
    assert len(world.kube.statuses) == writes


async def test_what_aws_is_at_work_on_was_not_compared(world: World) -> None:
    """A kind leaves out what can't be changed before the resource is active."""
    a = FakeResource("a")
    world.has(a)
    await world.step()
    created = at(world)
    a.exists(readiness=progressing("Busy", "busy"))
    world.time += 60
    request(world, "now")
    await world.step()
    assert verified(world) == created


async def test_tags_that_the_index_lacks_are_compared_by_the_next_resync(world: World) -> None:
    """Until they were read, the comparison was not of everything."""
    a = Unindexed("a")
    a.tags_in_observation = False
    world.has(a)
    await world.step()
    created = at(world)
    world.time += 60
    request(world, "now")
    await world.step()
    compared = at(world)
    assert verified(world, "a") == created
    world.time += RESYNC + 1
    await world.step()
    assert a.calls[-1] == "read_tags"
    request(world, "again")
    await world.step()
    assert verified(world, "a") == compared


async def test_a_status_of_an_older_version_is_not_written_at_once(world: World) -> None:
    """The time comes with the first other write, or after some hours."""
    world.has(FakeResource("a"))
    await world.step()
    assert world.kube.body is not None
    world.kube.body["status"].pop("lastVerified")
    for one in world.kube.body["status"]["resources"]:
        one.pop("lastVerified")
    writes = len(world.kube.statuses)
    await idle(world, 3.5)
    assert len(world.kube.statuses) == writes
    await idle(world, 3)
    assert len(world.kube.statuses) == writes + 1
    assert verified(world) == verified(world, "a") != ""


async def test_a_pipeline_that_is_gone_has_no_metric(world: World) -> None:
    """Nothing alerts about it, and one made anew does not begin with its time."""
    world.has(FakeResource("a"))
    await world.step()
    world.kube.body = None
    await world.step()
    assert metric(world) is None


async def test_a_drifted_resource_was_compared_all_the_same(world: World) -> None:
    """The time is of the comparison, whatever it showed and whatever became of the correction."""
    a = FakeResource("a")
    world.has(a)
    await world.step()
    a.exists(size=7)
    a.fail["update"] = aws_error(Category.ACCESS_DENIED)
    world.time += 60
    request(world, "now")
    await world.step()
    assert verified(world, "a") == at(world)


def simulated_writes(pipelines: int, hours: float, *, outage: float = 0.0) -> Counter[int]:
    """Writes by minute of an operator whose pipelines are idle, in full resyncs of 15 minutes.

    `outage`: hours since the last refresh of all pipelines when the operator starts.
    """
    dice = random.Random(7)  # noqa: S311 no secret
    now = [0.0]
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    refresh = VerificationRefresh(
        clock=lambda: now[0], now=lambda: begun + timedelta(seconds=now[0])
    )
    shown = {f"uid-{n}": timestamp(begun - timedelta(hours=outage)) for n in range(pipelines)}
    queue = [(dice.uniform(0, RESYNC), uid) for uid in shown]
    heapq.heapify(queue)
    writes: Counter[int] = Counter()
    while queue:
        now[0], uid = heapq.heappop(queue)
        live = timestamp(begun + timedelta(seconds=now[0]))
        result = ReconcileResult(1, [], frozenset(), None, verified={"a": live})
        if refresh.is_due(shown[uid], result, uid=uid):
            shown[uid] = live
            writes[int(now[0] // 60)] += 1
        later = now[0] + 3 * RESYNC * dice.uniform(0.8, 1.0)
        if later < hours * HOUR:
            heapq.heappush(queue, (later, uid))
    return writes


@pytest.mark.parametrize("outage", [0.0, 12.0])
def test_many_idle_pipelines_spread_their_writes(outage: float) -> None:
    """Each writes every four to six hours; also after an outage at most two write in a second."""
    writes = simulated_writes(500, 24, outage=outage)
    assert 500 * 24 / 6.5 - 500 <= writes.total() <= 500 * (24 / 4 + 1)
    assert max(writes.values()) <= 120


def test_the_time_of_a_refresh_survives_a_restart_and_differs_by_pipeline() -> None:
    """It follows from what is stored alone."""
    shown = timestamp(NOW)
    due = {refresh_due(shown, uid=f"uid-{n}") for n in range(50)}
    assert due == {refresh_due(shown, uid=f"uid-{n}") for n in range(50)}
    assert len(due) == 50
    assert min(due) >= NOW + SHORTEST_AGE
    assert max(due) <= NOW + LONGEST_AGE
