"""The process dies right after each external write, before it sees the answer.

The writes of a journey, AWS's and Kubernetes's, are W1..Wn. After a death at any of them another
process ends where the undisturbed one ended, having made and removed as much. Each life of a
pipeline dies once in each of its stages, so that all points of all stages take as many lives as the
longest stage has points. `make test` takes a sample, ``make test-sweeps`` all of them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from clickstream_operator.resources import s3_object_versions as bucket_versions
from sandbox import Sandbox
from tests.integration.pilot import empty_aws, run
from tests.reliability.journeys import CHANGED, LEAN, Journey

#: Lives in `make test`.
SAMPLE = 3
STAGES = ("create", "update", "revert", "empty and delete")
_OBJECTS = 25


@dataclass
class Life:
    """One life at the end of each stage."""

    pictures: dict[str, Any] = field(default_factory=dict)
    inventories: dict[str, Any] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    made_and_removed: dict[str, Counter[str]] = field(default_factory=dict)
    left_to_do: dict[str, list[str]] = field(default_factory=dict)


def live(sandbox: Sandbox, deaths: dict[str, int]) -> Life:
    """One pipeline from creation to deletion that dies at the given write of each stage."""
    journey, life = Journey(sandbox), Life()
    try:
        for stage in STAGES:
            journey.accepted.clear()
            death = deaths.get(stage, 0)
            if stage == "empty and delete":
                _fill(journey)
                journey.time += 60
                journey.vanish(die_after=death)
            else:
                journey.apply(CHANGED if stage == "update" else LEAN)
                journey.travel(die_after=death)
                life.inventories[stage] = journey.inventory()
            life.writes[stage] = journey.counted
            life.made_and_removed[stage] = journey.made_and_removed()
            life.pictures[stage] = journey.picture()
            if life.inventories.get(stage):
                life.left_to_do[stage] = _left_to_do(journey)
    finally:
        journey.close()
    return life


def _left_to_do(journey: Journey) -> list[str]:
    """Writes of another process, which observes everything."""
    journey.forget_calls()
    journey.restart()
    run(journey.step())
    return [*journey.accepted, *journey.kube_writes]


def _fill(journey: Journey) -> None:
    bucket, s3 = journey.resource("archive")["physicalName"], journey.client("s3")
    for number in range(_OBJECTS):
        s3.put_object(Bucket=bucket, Key=f"raw/{number % 20:03d}", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="raw/000")


@pytest.fixture(scope="module")
def world(installed: Sandbox) -> Iterator[Sandbox]:
    """Yield one emulator for all lives, whose buckets are emptied in steps of ten."""
    # Without AWS's pace: what is counted here is writes.
    with empty_aws(installed, plain=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket_versions, "PAGE_SIZE", 5)
        patch.setattr(bucket_versions, "PAGES_PER_CALL", 2)
        yield installed


@pytest.fixture(scope="module")
def undisturbed(world: Sandbox) -> Life:
    """A life without a death."""
    return live(world, {})


def numbers(config: pytest.Config) -> list[int]:
    """The lives of this run: life k dies at the k-th write of each stage that has so many."""
    if config.getoption("--whole-sweeps"):
        return list(range(1, 100))
    return sorted(random.Random(20261123).sample(range(1, 30), SAMPLE))  # noqa: S311 no secret


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each life."""
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", numbers(metafunc.config))


def test_an_undisturbed_life_leaves_nothing(undisturbed: Life) -> None:
    """What the deaths are compared with is itself as it should be."""
    assert undisturbed.pictures["empty and delete"] == {"retention": []}
    assert undisturbed.pictures["create"] == undisturbed.pictures["revert"]
    assert undisturbed.pictures["create"] != undisturbed.pictures["update"]
    assert min(undisturbed.writes.values()) > 15
    assert max(undisturbed.writes.values()) < 100


def test_a_death_changes_nothing_that_lasts(world: Sandbox, undisturbed: Life, number: int) -> None:
    """Same end, nothing made or removed twice, at each stage of the life."""
    deaths = {stage: number for stage in STAGES if number <= undisturbed.writes[stage]}
    if not deaths:
        return
    life = live(world, deaths)
    for stage in STAGES:
        assert life.pictures[stage] == undisturbed.pictures[stage], stage
        assert life.inventories.get(stage) == undisturbed.inventories.get(stage), stage
        twice = life.made_and_removed[stage] - undisturbed.made_and_removed[stage]
        assert not twice, (stage, twice)
        assert not life.left_to_do.get(stage), stage
