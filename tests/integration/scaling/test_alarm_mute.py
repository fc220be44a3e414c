"""The lag alarms are mute while a resize runs: limited in time, taken back, never suspended."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.strict import StrictAws
from tests.integration.pilot import Crash, Pilot, run
from tests.integration.scaling.stream_shards import shards

MUTED = {"alarms": {"muteWhileResizing": True}}
RESIZED = MUTED | {"stream": {"shards": 4}}
QUARTER = 15 * 60.0


def mute_of(pilot: Pilot) -> dict[str, Any]:
    """The rule of the pipeline, as CloudWatch has it; empty: there is none."""
    return rule_of(pilot, pilot.status()["effective"]["base"])


def rule_of(pilot: Pilot, base: str) -> dict[str, Any]:
    """The rule of a pipeline by the base of its names."""
    name = f"clickstream-mute-{base}"
    try:
        return dict(pilot.witness("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName=name))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}


def begin(pilot: Pilot) -> None:
    """A ready pipeline, whose stream is in the middle of a resize."""
    pilot.apply(MUTED)
    run(pilot.converge())
    assert mute_of(pilot) == {}
    pilot.apply(RESIZED)
    run(pilot.step())


def test_a_resize_mutes_the_lag_alarms_until_it_is_over(pilot: Pilot) -> None:
    """Those of both functions, and no others; then nothing is left to write."""
    begin(pilot)
    mute = mute_of(pilot)
    base = pilot.status()["effective"]["base"]
    assert mute["Status"] == "ACTIVE"
    assert mute["MuteTargets"]["AlarmNames"] == [
        f"{base}-processor-iterator-age",
        f"{base}-detector-iterator-age",
    ]
    run(pilot.converge())
    assert (shards(pilot), mute_of(pilot)) == (4, {})
    pilot.forget_calls()
    run(pilot.resync())
    assert pilot.writes() == {}
    assert "get_alarm_mute_rule" not in {one.operation for one in pilot.calls}


def test_nothing_is_muted_by_default(pilot: Pilot) -> None:
    """A resize without the field makes no such call."""
    pilot.apply({})
    run(pilot.converge())
    pilot.apply({"stream": {"shards": 4}})
    run(pilot.converge())
    assert not {one.operation for one in pilot.calls if "mute" in one.operation}


def test_the_next_process_takes_it_back(pilot: Pilot) -> None:
    """A death before anything of it is on record."""
    pilot.apply(MUTED)
    run(pilot.converge())
    pilot.apply(RESIZED)

    def crash(record: Any) -> None:
        if record.operation == "put_alarm_mute_rule":
            raise Crash

    pilot.on_write = crash
    with pytest.raises(Crash):
        run(pilot.step())
    pilot.on_write = lambda _record: None
    assert mute_of(pilot)["Status"] == "ACTIVE"
    pilot.restart()
    run(pilot.converge())
    assert (shards(pilot), mute_of(pilot)) == (4, {})


def test_aws_ends_it_where_no_process_comes(pilot: Pilot) -> None:
    """A quarter of an hour after the last step."""
    begin(pilot)
    pilot.time += QUARTER
    assert mute_of(pilot)["Status"] == "EXPIRED"


def test_a_suspended_pipeline_mutes_nothing(pilot: Pilot) -> None:
    """The data plane runs on, so its alarms must tell; a mute that runs is AWS's to end."""
    begin(pilot)
    pilot.apply(RESIZED | {"suspend": True, "stream": {"shards": 8}})
    pilot.forget_calls()
    for _ in range(4):
        run(pilot.resync())
    assert pilot.writes() == {}
    assert mute_of(pilot)["Status"] == "EXPIRED"
    pilot.apply(MUTED | {"stream": {"shards": 4}})
    run(pilot.converge())
    assert mute_of(pilot) == {}


def test_a_field_that_is_switched_off_takes_it_back(pilot: Pilot) -> None:
    """In the middle of the resize."""
    begin(pilot)
    pilot.apply({"stream": {"shards": 4}})
    run(pilot.converge())
    assert mute_of(pilot) == {}


def test_a_deletion_takes_it_back(pilot: Pilot) -> None:
    """Also of a process that does not know of it."""
    begin(pilot)
    pilot.restart()
    base = pilot.status()["effective"]["base"]
    pilot.request_deletion()
    run(pilot.converge(lambda: pilot.body() is None))
    assert rule_of(pilot, base) == {}


def test_a_refused_mute_is_told_and_holds_up_nothing(pilot: Pilot) -> None:
    """One Warning that names the call; the shards come all the same."""
    aws: StrictAws = pilot.sandbox.strict_aws
    pilot.apply(MUTED)
    run(pilot.converge())
    aws.inject("access_denied", operation="PutAlarmMuteRule")
    pilot.apply(RESIZED)
    run(pilot.converge())
    assert shards(pilot) == 4
    (told,) = [one for one in pilot.events() if "muteWhileResizing" in one["note"]]
    assert (told["type"], told["reason"]) == ("Warning", "AccessDenied")
    assert "cloudwatch:put_alarm_mute_rule" in told["note"]
    aws.end_faults()
