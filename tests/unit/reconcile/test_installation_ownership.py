"""Two installations that see one pipeline: which may work, by the other's Lease alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from clickstream_operator.api import conditions as types
from clickstream_operator.api.v1alpha1 import Condition
from clickstream_operator.kube.client import KubeClient, KubernetesError, KubernetesRefusal
from clickstream_operator.kube.lease import Lease
from clickstream_operator.kube.objects import PipelineObject, parse
from clickstream_operator.reconcile.installation_ownership import InstallationOwnership
from tests.unit.reconcile.world import KEY, MemoryKube, World

OTHER, OWN = "team-b/operator", "test"
WORKS, LEAVES = 30.0, 10.0


class KubeWithLeases(MemoryKube):
    """An API server with the Leases of other installations."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: dict[tuple[str, str], Lease] = {}
        self.error: Exception | None = None
        self.reads = 0

    async def lease(self, namespace: str, name: str) -> Lease | None:
        """The Lease of an installation."""
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.leases.get((namespace, name))


class Contest:
    """A pipeline, this installation, and the Lease of another."""

    def __init__(self, world: World, *, instance: str, contender: str = "") -> None:
        self.world, self.kube = world, KubeWithLeases()
        services = replace(world.controller._services, kube=cast("KubeClient", self.kube))
        self.ownership = InstallationOwnership(services)
        assert self.kube.body is not None
        told = Condition(
            type=types.ANOTHER_OPERATOR,
            status="True",
            reason="AnotherOperator",
            message="m",
            last_transition_time="2026-11-01T00:00:00Z",
            observed_generation=1,
        )
        effective = {
            "cluster": "c",
            "instance": instance,
            "account": "1",
            "partition": "aws",
            "region": "r",
            "base": "b",
            "names": {},
        }
        self.kube.body["status"] = {
            "effective": effective,
            "contender": contender,
            "conditions": [told.model_dump(by_alias=True)] if contender else [],
        }

    def renew(self, number: int, *, holder: str = "pod-1") -> None:
        """The other renews its Lease, or gives it back without a holder."""
        self.kube.leases["team-b", "operator"] = Lease(
            "team-b", "operator", holder, 15.0, "", "", 0, str(number)
        )

    async def claim(self) -> PipelineObject | float:
        """Ask whether to work on the pipeline."""
        assert self.kube.body is not None
        return await self.ownership.claim(parse(KEY, self.kube.body))

    async def claim_after(self, seconds: float) -> PipelineObject | float:
        """Ask so much later."""
        self.world.time += seconds
        return await self.claim()

    def told(self) -> dict[str, Any]:
        """Status and message of the condition about another operator."""
        found = self.kube.status.conditions
        return {one.status: one.message for one in found if one.type == types.ANOTHER_OPERATOR}


@pytest.mark.parametrize("instance", ["", OWN])
async def test_what_is_ours_or_nobodys_is_worked_on(world: World, instance: str) -> None:
    """Without a look at any Lease, and without a write."""
    contest = Contest(world, instance=instance)
    assert isinstance(await contest.claim(), PipelineObject)
    assert (contest.kube.reads, contest.kube.statuses) == (0, [])


async def test_what_another_works_on_is_left_alone_and_that_is_said_once(world: World) -> None:
    """Its name, what to do, an Event; all else in the status stays the other's."""
    contest = Contest(world, instance=OTHER)
    contest.renew(1)
    assert await contest.claim() == WORKS
    told = contest.told()["True"]
    assert told.startswith(f"the installation {OTHER} works on this pipeline, so {OWN} writes")
    assert "end one" in told
    assert contest.kube.status.contender == OWN
    assert contest.kube.status.effective is not None
    assert contest.kube.status.effective.instance == OTHER
    for number in range(2, 6):
        contest.renew(number)
        assert await contest.claim_after(30) == WORKS
    assert len(contest.kube.statuses) == 1
    assert [one.reason for one in world.recorder.seen] == ["AnotherOperator"]


@pytest.mark.parametrize(
    ("holder", "seconds", "expected"),
    [
        ("pod-1", 0, WORKS),
        ("pod-1", 59, WORKS),
        ("pod-1", 60, None),
        ("", 0, LEAVES),
        ("", 9, LEAVES),
        ("", 10, None),
    ],
)
async def test_a_lease_that_stands_still_frees_its_pipelines(
    world: World, holder: str, seconds: float, expected: float | None
) -> None:
    """After a minute; after ten seconds where it was given back, as at an update."""
    contest = Contest(world, instance=OTHER, contender=OWN)
    contest.renew(1, holder=holder)
    await contest.claim()
    found = await contest.claim_after(seconds)
    if expected is not None:
        assert found == expected
        return
    assert isinstance(found, PipelineObject)
    assert found.status.effective is not None
    assert found.status.effective.instance == OWN
    assert (found.status.contender, contest.told()) == ("", {})


async def test_a_renewal_starts_the_count_anew(world: World) -> None:
    """However long it was watched before; what counts is the time without a change."""
    contest = Contest(world, instance=OTHER)
    contest.renew(1)
    assert await contest.claim() == WORKS
    contest.renew(2)
    assert await contest.claim_after(59) == WORKS
    assert await contest.claim_after(59) == WORKS
    contest.renew(3, holder="")
    assert await contest.claim_after(9) == LEAVES
    contest.renew(4, holder="pod-2")
    assert await contest.claim_after(9) == WORKS


@pytest.mark.parametrize("instance", [OTHER, "without-a-lease"])
async def test_an_installation_without_a_lease_is_gone(world: World, instance: str) -> None:
    """Deleted with its namespace, or of a version that had none."""
    contest = Contest(world, instance=instance)
    found = await contest.claim()
    assert isinstance(found, PipelineObject)
    assert contest.kube.status.effective is not None
    assert contest.kube.status.effective.instance == OWN
    assert contest.kube.reads == ("/" in instance)


async def test_what_may_not_be_seen_is_taken_for_at_work(world: World) -> None:
    """For as long as it lasts, and it is said which right is missing."""
    contest = Contest(world, instance=OTHER)
    contest.kube.error = KubernetesRefusal("leases is forbidden")
    assert await contest.claim() == WORKS
    assert await contest.claim_after(3600) == WORKS
    told = contest.told()["True"]
    assert "leases is forbidden" in told
    assert f"Allow {OWN} to get leases in namespace team-b" in told
    assert len(contest.kube.statuses) == 1
    contest.kube.error = None
    contest.renew(1)
    assert await contest.claim_after(30) == WORKS
    assert "it runs" in contest.told()["True"]


async def test_an_api_server_that_does_not_answer_decides_nothing(world: World) -> None:
    """The reconcile ends and is tried again."""
    contest = Contest(world, instance=OTHER)
    contest.kube.error = KubernetesError("no answer")
    with pytest.raises(KubernetesError):
        await contest.claim()
    assert contest.kube.statuses == []


async def test_a_contender_that_left_is_forgotten_by_the_one_that_works(world: World) -> None:
    """While its Lease is renewed the word of it stays."""
    contest = Contest(world, instance=OWN, contender=OTHER)
    contest.renew(1)
    found = await contest.claim()
    assert isinstance(found, PipelineObject)
    assert found.status.contender == OTHER
    assert contest.kube.statuses == []
    found = await contest.claim_after(60)
    assert isinstance(found, PipelineObject)
    assert (found.status.contender, contest.told()) == ("", {})


async def test_a_lease_is_read_for_all_pipelines_of_a_moment(world: World) -> None:
    """A thousand pipelines of another installation cost one request each five seconds."""
    contest = Contest(world, instance=OTHER)
    contest.renew(1)
    for _ in range(3):
        await contest.claim()
    assert contest.kube.reads == 1
    await contest.claim_after(4.9)
    assert contest.kube.reads == 1
    await contest.claim_after(0.1)
    assert contest.kube.reads == 2
