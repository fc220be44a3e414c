"""`send --verify` and `report`, with functions that run behind a stream."""

from __future__ import annotations

import json

import pytest

from tests.integration.cli.runs import answered, called, shown
from tests.integration.pilot import Pilot, run

SPEC = {"processor": {"batchingWindowSeconds": 0}, "anomalyDetection": {"enabled": False}}


@pytest.fixture
def ready(pilot: Pilot) -> Pilot:
    """A pipeline that is ready, and counts at once."""
    pilot.apply(SPEC)
    run(pilot.converge())
    pilot.forget_calls()
    return pilot


@pytest.mark.plain_aws("the functions run by the clock of this machine")
def test_events_are_sent_counted_and_reported(ready: Pilot) -> None:
    """Every number is as it was sent; a second run's numbers are told from the first's."""
    for options in (("--traffic", "messy", "--events", "120"), ("--aggregate", "--events", "60")):
        done = called(
            ready, "send", ready.name, "--rate", "0", "--seed", "5", "--verify", *options,
            "-o", "json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        found = json.loads(done.stdout)
        assert found["equal"]
        assert {one["equal"] for one in found["rows"]} == {True}
    report = answered(ready, "report", ready.name, "--since", "7h")
    assert report["summary"]["events"] == 180
    assert report["summary"]["sessions"] > 5
    assert sum(one["views"] for one in report["pages"]) <= report["summary"]["pageViews"]
    csv = called(ready, "report", ready.name, "--show", "pages", "-o", "csv", "--since", "7h")
    assert csv.stdout.splitlines()[0] == "views,visitors,page"
    assert len(csv.stdout.splitlines()) == 11
    for columns in (40, 80):
        code, screen = shown(ready, "report", ready.name, columns=columns)
        assert code == 0
        assert "page views" in screen
        assert max(len(line.rstrip()) for line in screen.splitlines()) <= columns
    assert ready.writes() == {}
