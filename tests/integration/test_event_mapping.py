"""What metrics of the processor say becomes a condition and an Event, and goes again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.integration.aws_inventory import base_of
from tests.integration.pilot import Pilot, run
from tests.integration.specs import LEAN

#: Where the pilot's time begins.
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def count(pilot: Pilot, **values: float) -> None:
    """Count as the processor does, now."""
    now = BEGINNING + timedelta(seconds=pilot.time)
    dimensions = [{"Name": "Pipeline", "Value": base_of(pilot)}]
    pilot.client("cloudwatch").put_metric_data(
        Namespace="Clickstream/Events",
        MetricData=[
            {"MetricName": name, "Value": value, "Timestamp": now, "Dimensions": dimensions}
            for name, value in values.items()
        ],
    )


def read(pilot: Pilot) -> tuple[str, str]:
    """Let the operator look again, an hour later; status and reason of the condition."""
    pilot.time += 3600
    run(pilot.resync())
    found = pilot.condition("EventsMapped")
    return found["status"], found["reason"]


def test_events_without_a_page_view_are_told_until_the_mapping_fits(pilot: Pilot) -> None:
    """With the fields to set; once, and no longer than it is so."""
    # The emulator keeps metrics of the last weeks only, by the machine's clock.
    pilot.time = (datetime.now(UTC) - BEGINNING).total_seconds()
    pilot.apply({**LEAN, "events": {"preset": "Segment"}})
    run(pilot.converge())
    run(pilot.resync())
    count(pilot, EventsProcessed=500, BadRows=3, PageViews=0)
    assert read(pilot) == ("False", "NoPageViews")
    message = pilot.condition("EventsMapped")["message"]
    assert "of type page, screen" in message
    assert "spec.events.pageViewTypes" in message
    assert read(pilot) == ("False", "NoPageViews")
    warnings = [one["note"] for one in pilot.events() if one["reason"] == "NoPageViews"]
    assert warnings == [message]
    assert pilot.condition("Ready")["status"] == "True"
    count(pilot, EventsProcessed=500, BadRows=3, PageViews=200)
    assert read(pilot) == ("True", "MappingFits")
