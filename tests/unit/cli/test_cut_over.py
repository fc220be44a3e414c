"""A cut-over in a plan: what is lost, what is counted twice, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clickstream_operator.api.status import Plan, PlanChange
from clickstream_operator.api.v1alpha1 import Spec
from clickstream_operator.cli.cut_over import OldReader, is_due, judge, starting_at

STOPPED = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)
OFF = "aws lambda update-event-source-mapping --region eu-west-1 --uuid u-1 --no-enabled"


def reader(*, counts: bool = True, reads: bool = False, lag: float | None = 0.0) -> OldReader:
    """A function of the recipe."""
    return OldReader("u-1", "old-processor", counts, reads, STOPPED, lag)


@pytest.mark.parametrize(
    ("lag", "start", "lost", "twice"),
    [
        # The pipeline begins where the old one ended: nothing is lost, nothing counted twice.
        (0.0, 0, None, 0),
        (0.0, -30, None, 30),
        (40.0, -40, None, 40),
        (40.0, -300, None, 300),
        # It begins later than the old one had got.
        (0.0, 1, 1, None),
        (40.0, -39, 1, None),
        (40.0, 20, 60, None),
    ],
)
def test_events_are_neither_lost_nor_silently_counted_twice(
    lag: float, start: int, lost: int | None, twice: int | None
) -> None:
    """By when the old function stopped, how far behind it was, and where the new one begins."""
    judged = judge([reader(lag=lag)], STOPPED + timedelta(seconds=start), "eu-west-1")
    if lost is None:
        assert judged.risks == ()
        assert f"no event is lost, and those of at most {twice} s are counted" in judged.notes[0]
    else:
        assert judged.notes == ()
        assert f"nobody counts {lost} s of events" in judged.risks[0]
        reached = STOPPED - timedelta(seconds=lag)
        assert f"to {reached:%Y-%m-%dT%H:%M:%SZ} or earlier" in judged.risks[0]


def test_an_unknown_lag_is_told() -> None:
    """The figure holds only if it had caught up."""
    judged = judge([reader(lag=None)], STOPPED, "eu-west-1")
    assert "CloudWatch has no IteratorAge of old-processor" in judged.notes[0]


def test_without_a_recorded_point_events_are_lost() -> None:
    """The pipeline would count from its creation on."""
    judged = judge([reader()], None, "eu-west-1")
    assert "AtTimestamp 2026-11-29T12:00:00Z" in judged.risks[0]


@pytest.mark.parametrize("counts", [True, False])
def test_a_function_that_still_reads_is_to_be_turned_off(*, counts: bool) -> None:
    """With the command; only the one that counts counts twice."""
    judged = judge([reader(counts=counts, reads=True, lag=3.0)], STOPPED, "eu-west-1")
    assert OFF in judged.notes[0]
    assert ("counted twice" in judged.notes[0]) is counts
    assert judged.risks == ()


def test_a_detector_that_stopped_needs_no_word() -> None:
    """It counts nothing."""
    assert judge([reader(counts=False)], None, "eu-west-1").risks == ()


def test_only_a_new_mapping_on_a_given_stream_is_a_cut_over() -> None:
    """A stream of the pipeline's own has no old reader."""
    made = Plan(changes=[PlanChange(action="create", resource="processor-mapping")])
    given = Spec.model_validate({"names": {"stream": "old-events"}})
    assert is_due(given, made)
    assert not is_due(Spec(), made)
    assert not is_due(given, Plan(changes=[PlanChange(action="create", resource="alerts")]))


def test_the_recorded_point_of_a_spec() -> None:
    """With its zone; none for the other types."""
    position = {"type": "AtTimestamp", "timestamp": "2026-11-29T13:00:00+01:00"}
    spec = Spec.model_validate({"processor": {"startingPosition": position}})
    assert starting_at(spec) == STOPPED
    assert starting_at(Spec()) is None
