"""Two pipelines that claim one name: the older has it, and says so to the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clickstream_operator.kube.client import KubeClient
from sandbox import Sandbox
from tests.integration.pilot import Pilot, empty_aws, run

NAMES = {"stream": "shared-events"}
#: A stream that goes with its pipeline, tables and bucket too.
SPEC: dict[str, Any] = {
    "names": NAMES,
    "anomalyDetection": {"enabled": False},
    "alarms": {"enabled": False},
    "dashboard": {"enabled": False},
}


@pytest.fixture
def pilots(installed: Sandbox) -> Iterator[Callable[[str], Pilot]]:
    """Makes pilots of pipelines by name, on an empty emulator."""
    started: list[Pilot] = []

    def start(name: str) -> Pilot:
        started.append(Pilot(installed, name=name))
        return started[-1]

    with empty_aws(installed):
        yield start
        for one in started:
            one.close()


def _streams(pilot: Pilot) -> list[str]:
    return list(pilot.client("kinesis").list_streams()["StreamNames"])


def _owner(pilot: Pilot) -> str:
    tags = pilot.client("kinesis").list_tags_for_stream(StreamName=NAMES["stream"])["Tags"]
    return next(str(one["Value"]) for one in tags if one["Key"] == "clickstream.dev/pipeline")


def _is_refused(younger: Pilot, older: Pilot) -> None:
    stalled = younger.condition("Stalled")
    assert stalled["reason"] == "OwnershipConflict"
    assert stalled["message"] == (
        f"spec.names.stream shared-events is of pipeline default/{older.name}, which is older; "
        "nothing was written. Delete that pipeline and what it retained, or make a new one with "
        "another name"
    )
    assert not younger.accepted
    assert "effective" not in younger.status()
    assert "finalizers" not in (younger.body() or {})["metadata"]


@pytest.mark.parametrize("names", [("claim-a", "claim-b"), ("claim-b", "claim-a")])
def test_older_one_keeps_the_name_in_either_order(
    pilots: Callable[[str], Pilot], names: tuple[str, str]
) -> None:
    """The quicker one does not win: the younger one runs first and writes nothing."""
    older, younger = pilots(names[0]), pilots(names[1])
    older.apply(SPEC)
    # Times of objects are whole seconds; of two in one second the first by name is the older.
    if names[0] > names[1]:
        _wait_for_another_second(older)
    younger.apply(SPEC)
    run(younger.step())
    _is_refused(younger, older)
    assert not _streams(older)
    run(older.converge())
    younger.restart()
    assert run(younger.step()) <= 60
    _is_refused(younger, older)
    assert _owner(older) == older.name


def _wait_for_another_second(pilot: Pilot) -> None:
    """Until the API server's clock shows another second than the pilot's object has."""
    created = (pilot.body() or {})["metadata"]["creationTimestamp"]
    for number in range(100):
        probe = _time_of_a_new_object(pilot, number)
        if probe != created:
            return
    raise AssertionError("the API server's clock stands still")


def _time_of_a_new_object(pilot: Pilot, number: int) -> str:
    """The time that the API server writes into a new object."""
    name = f"clock-{number}"
    pilot.sandbox.kubectl("create", "configmap", name)
    answer = pilot.sandbox.kubectl(
        "get", "configmap", name, "-o", "jsonpath={.metadata.creationTimestamp}"
    )
    pilot.sandbox.kubectl("delete", "configmap", name)
    return answer.stdout


def test_younger_one_takes_over_when_the_older_is_gone(pilots: Callable[[str], Pilot]) -> None:
    """What the older one deletes is free; the younger one goes on by itself."""
    older, younger = pilots("claim-a"), pilots("claim-b")
    older.apply(SPEC)
    younger.apply(SPEC)
    run(older.converge())
    run(younger.step())
    _is_refused(younger, older)
    older.request_deletion()
    run(younger.step())
    _is_refused(younger, older)
    run(older.converge(lambda: older.body() is None))
    assert not _streams(older)
    run(younger.converge())
    assert _owner(younger) == younger.name


def test_what_the_older_one_retained_stays_its_own(pilots: Callable[[str], Pilot]) -> None:
    """A retained stream is for the pipeline that comes back under the old name; tags say so."""
    older, younger = pilots("claim-a"), pilots("claim-b")
    older.apply({**SPEC, "deletionPolicy": {"stream": "Retain"}})
    run(older.converge())
    older.request_deletion()
    run(older.converge(lambda: older.body() is None))
    younger.apply(SPEC)
    run(younger.step())
    stalled = younger.condition("Stalled")
    assert stalled["reason"] == "OwnershipConflict"
    assert "belongs to pipeline default/claim-a of cluster test-cluster" in stalled["message"]
    assert _owner(older) == older.name


def test_derived_name_of_an_older_pipeline_is_a_claim(pilots: Callable[[str], Pilot]) -> None:
    """A name given in a spec may be one that another pipeline derives."""
    older, younger = pilots("claim-b"), pilots("claim-a")
    older.apply({})
    run(older.converge())
    derived = older.resource("counters-table")["physicalName"]
    _wait_for_another_second(older)
    younger.apply({"names": {"pageMetricsTable": derived}})
    run(younger.step())
    stalled = younger.condition("Stalled")
    assert stalled["reason"] == "OwnershipConflict"
    assert (
        f"spec.names.pageMetricsTable {derived} is of pipeline default/claim-b"
        in (stalled["message"])
    )
    assert not younger.accepted


def test_running_pipeline_asks_no_more(pilots: Callable[[str], Pilot]) -> None:
    """Names in use are settled: a reconcile lists nothing, whoever claims them later."""
    older, younger = pilots("claim-a"), pilots("claim-b")
    older.apply(SPEC)
    run(older.converge())
    younger.apply(SPEC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KubeClient, "list_pipelines", _must_not_be_asked)
        run(older.resync())
    assert older.condition("Ready")["status"] == "True"


async def _must_not_be_asked(*_: object) -> list[dict[str, Any]]:
    raise AssertionError("listed")
