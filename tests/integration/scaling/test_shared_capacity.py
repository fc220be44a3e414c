"""Capacity of tables that Application Auto Scaling sets: shared within bounds, or a fight."""

from __future__ import annotations

from typing import Any

from tests.integration.aws_inventory import base_of
from tests.integration.pilot import Pilot, run
from tests.integration.specs import LEAN
from tests.kstatus import Verdict, verdict

HOUR = 3600.0
CAPACITY = {"readUnits": 5, "writeUnits": 5}


def scaled(pilot: Pilot, capacity: dict[str, int], *, hours: float) -> set[str]:
    """Write units of the counters are raised each 25 minutes; the reasons of all resources."""
    pilot.apply(LEAN | {"tables": {"billingMode": "Provisioned", "provisioned": capacity}})
    run(pilot.converge())
    tables: Any = pilot.client("dynamodb")
    name = f"{base_of(pilot)}-counters"
    pilot.forget_calls()
    reasons: set[str] = set()
    end, due, units = pilot.time + hours * HOUR, pilot.time, 40
    while pilot.time < end:
        if pilot.time >= due:
            units = 90 - units
            wanted = {"ReadCapacityUnits": 5, "WriteCapacityUnits": units}
            tables.update_table(TableName=name, ProvisionedThroughput=wanted)
            due += 1500
        pilot.time += run(pilot.step()) or 300
        reasons |= {one.get("reason", "") for one in pilot.status()["resources"]}
    return reasons


def test_units_within_the_bounds_are_left_alone(pilot: Pilot) -> None:
    """Ready, no drift, and not one write in three hours."""
    assert scaled(pilot, CAPACITY | {"maxWriteUnits": 50}, hours=3) == {""}
    assert pilot.writes() == {}
    assert pilot.condition("Ready")["status"] == "True"
    assert pilot.condition("DriftDetected")["status"] == "False"


def test_a_fight_about_units_ends_after_three_corrections(pilot: Pilot) -> None:
    """Each held until the next raise, 25 minutes later; the message says how to share."""
    assert "DriftLoop" in scaled(pilot, CAPACITY, hours=3)
    assert pilot.accepted["dynamodb:update_table"] == 3
    assert "spec.tables.provisioned.maxWriteUnits" in pilot.resource("counters-table")["message"]
    assert verdict(pilot.body() or {}) is Verdict.FAILED
