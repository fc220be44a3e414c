"""Missing inputs of a user or an installation are named once, in the status or the log.

Elsewhere: wrong settings and an expired token (test_operator_process.py); missing credentials and a
refused action (test_credentials.py); a second installation (test_installation_ownership.py); wrong
values of the chart, revoked rights, an old CRD (tests/chart/: test_values.py, test_rights.py,
test_releases.py).
"""

from __future__ import annotations

import pytest

from tests.integration.pilot import Pilot, run

REGION = "us-east-1"


@pytest.mark.parametrize("remedy", ["spec", "operator"])
def test_a_missing_region_is_said_and_healed(pilot: Pilot, remedy: str) -> None:
    """Neither the object nor the operator has one: no call to AWS until one of them does."""
    pilot.overrides = {"default_region": ""}
    pilot.restart()
    pilot.apply()
    for _ in range(3):
        run(pilot.resync())
    assert pilot.calls == []
    words = (
        "spec.region is unset and the operator has no default; set AWS_REGION for the operator, or "
        "create this pipeline anew with spec.region, which is fixed at creation"
    )
    for kind, status in (("Ready", "False"), ("Stalled", "True")):
        told = pilot.condition(kind)
        assert (told["status"], told["reason"], told["message"]) == (status, "Invalid", words)
    assert [one["note"] for one in pilot.events() if one["type"] == "Warning"] == [words]

    if remedy == "spec":
        pilot.request_deletion()
        run(pilot.converge(lambda: pilot.body() is None))
        assert pilot.calls == []
        pilot.apply({"region": REGION})
    else:
        pilot.overrides = {"default_region": REGION}
        pilot.restart()
    run(pilot.converge())
    assert pilot.condition("Stalled")["status"] == "absent"
    assert pilot.status()["effective"]["region"] == REGION

    # Recorded from then on: an operator without a default goes on with it.
    pilot.overrides = {"default_region": ""}
    pilot.restart()
    run(pilot.resync())
    assert pilot.condition("Ready")["status"] == "True"
