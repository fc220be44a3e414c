"""Drift in AWS: corrected, or reported and left alone."""

from __future__ import annotations

from tests.integration.aws_inventory import base_of, wait_until_active
from tests.integration.pilot import Pilot, run


def test_drift_is_corrected_and_told(pilot: Pilot) -> None:
    """What somebody changes by hand is put back at the next resync, with one Event."""
    pilot.apply()
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("lambda").update_function_configuration(
        FunctionName=f"{base}-processor", MemorySize=1024
    )
    wait_until_active(pilot, f"{base}-processor")
    pilot.client("kinesis").increase_stream_retention_period(
        StreamName=f"{base}-events", RetentionPeriodHours=72
    )
    for _ in range(3):
        run(pilot.resync())
    function = pilot.client("lambda").get_function(FunctionName=f"{base}-processor")
    assert function["Configuration"]["MemorySize"] == 256
    notes = [one["note"] for one in pilot.events() if one["reason"] == "DriftCorrected"]
    assert len(notes) == 1
    assert "processor (memoryMiB)" in notes[0]
    assert "stream (retentionHours)" in notes[0]


def test_drift_is_reported_and_left_alone_when_told_so(pilot: Pilot) -> None:
    """Report names the field path and keeps Ready=True; a spec change is still applied."""
    pilot.apply({"driftPolicy": "Report"})
    run(pilot.converge())
    base = base_of(pilot)
    pilot.client("lambda").update_function_configuration(
        FunctionName=f"{base}-processor", MemorySize=1024
    )
    wait_until_active(pilot, f"{base}-processor")
    pilot.forget_calls()
    for _ in range(3):
        run(pilot.resync())
    assert pilot.writes() == {}
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["message"] == "processor: memoryMiB"
    assert pilot.resource("processor")["drift"] == [
        {"field": "memoryMiB", "observed": "1024", "desired": "256"}
    ]
    pilot.apply({"driftPolicy": "Report", "processor": {"memoryMiB": 512}})
    run(pilot.converge(lambda: pilot.condition("DriftDetected")["status"] == "False"))
    function = pilot.client("lambda").get_function(FunctionName=f"{base}-processor")
    assert function["Configuration"]["MemorySize"] == 512
