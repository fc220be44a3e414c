"""Resizes in recorded steps: crashes, approval, corrections, an AWS at work."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.pilot import Crash, Pilot, run
from tests.integration.scaling.stream_shards import converge, is_ready, resized, shards, stream_name


def test_large_change_takes_recorded_steps(pilot: Pilot) -> None:
    """2 to 16 by way of 4 and 8: one call a reconcile, each on record before the next."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"stream": {"shards": 16}})
    run(pilot.step())
    assert (shards(pilot), resized(pilot)) == (4, [4])
    ready = pilot.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ScalingInSteps")
    assert ready["message"] == (
        "stream: on the way to 16 shards, in steps of at most double or half: the step to 4 was "
        "asked for, 2 more steps follow"
    )
    assert pilot.condition("Reconciling")["status"] == "True"
    assert pilot.condition("Stalled")["status"] == "absent"
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [4, 8, 16])
    assert pilot.status()["outputs"]["kinesisStreamShards"] == 16
    pilot.forget_calls()
    run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.kube_writes == []


def test_next_process_goes_on_where_one_died(pilot: Pilot) -> None:
    """A crash right after a call loses its record, and no step is taken twice."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"stream": {"shards": 16}})

    def crash(record: Any) -> None:
        if record.operation == "update_shard_count":
            raise Crash

    pilot.on_write = crash
    with pytest.raises(Crash):
        run(pilot.step())
    pilot.on_write = lambda _record: None
    pilot.restart()
    assert (shards(pilot), resized(pilot)) == (4, [])
    run(pilot.step())
    pilot.restart()
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [8, 16])
    assert pilot.writes()["kinesis:update_shard_count"] == 3


def test_one_approval_covers_all_steps(pilot: Pilot) -> None:
    """The plan says 2 to 16; its steps start from other counts."""
    pilot.apply()
    run(pilot.converge())
    pilot.apply({"approval": "Manual", "stream": {"shards": 16}})
    run(pilot.step())
    plan = pilot.status()["plan"]
    (line,) = plan["changes"]
    assert (line["field"], line["old"], line["new"]) == ("shards", "2", "16")
    assert shards(pilot) == 2
    pilot.sandbox.kubectl(
        "annotate", "csp", pilot.name, f"clickstream.dev/approved-plan={plan['hash']}"
    )
    run(pilot.step())
    assert shards(pilot) == 4
    pilot.restart()
    run(pilot.converge())
    assert (shards(pilot), resized(pilot)) == (16, [4, 8, 16])
    assert pilot.status()["plan"] == {"approved": False, "serial": 1}


def test_hand_made_shards_are_put_back_in_steps(pilot: Pilot) -> None:
    """Five steps of one correction are one correction, not a loop of them."""
    pilot.apply({"stream": {"shards": 32}})
    run(pilot.converge())
    name = stream_name(pilot)
    pilot.client("kinesis").update_shard_count(
        StreamName=name, TargetShardCount=1, ScalingType="UNIFORM_SCALING"
    )
    pilot.time += 301
    run(pilot.converge(lambda: shards(pilot) == 32))
    assert resized(pilot) == [2, 4, 8, 16, 32]
    assert pilot.resource("stream").get("reason", "") != "DriftLoop"


@pytest.mark.usefixtures("strict_kinesis")
def test_steps_wait_for_an_active_stream(pilot: Pilot) -> None:
    """While AWS resizes, the condition keeps its words; no call is refused."""
    pilot.apply()
    converge(pilot, lambda: is_ready(pilot))
    pilot.apply({"stream": {"shards": 16}})
    said: list[tuple[str, str]] = []

    def note() -> bool:
        ready = pilot.condition("Ready")
        one = (ready["reason"], ready["message"])
        if one not in said:
            said.append(one)
        return is_ready(pilot)

    converge(pilot, note)
    assert resized(pilot) == [4, 8, 16]
    steps = [message for reason, message in said if reason == "ScalingInSteps"]
    assert ["the step to 4" in steps[0], "the step to 8" in steps[1]] == [True, True]
    assert len(steps) == 2
    tries = [one.code for one in pilot.calls if one.operation == "update_shard_count"]
    assert tries == ["OK"] * 3
